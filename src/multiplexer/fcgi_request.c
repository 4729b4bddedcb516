#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "multiplexer/fcgi_request.h"
#include "multiplexer/multiplexer.h"

#define EXTRA FCGI_REQUEST_EXTRA
#define CHUNK (FCGI_CONTENT_FULL / 2)   /* of a body in a file: one STDIN record */

/* Records of a stream, with these bytes; none: its end. */
static bool
put_stream(struct buf *out, enum fcgi_type type, const void *bytes, size_t len)
{
	unsigned char header[FCGI_HEADER];
	const char *at = bytes;
	size_t part;

	do {
		part = len < FCGI_CONTENT_FULL ? len : FCGI_CONTENT_FULL;
		fcgi_write_header(header, type, FCGI_REQUEST_ID, part, 0);
		if (!buf_add(out, header, sizeof header) || (part > 0 && !buf_add(out, at, part)))
			return false;
		at += part;
		len -= part;
	} while (len > 0);
	return true;
}

static bool
put_path(struct nv *nv, const char *name, const char *root, const char *rest)
{
	char path[2 * ROUTE_SCRIPT];
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	if (len + strlen(rest) >= sizeof path)
		return false;
	memcpy(path, root, len);
	strcpy(path + len, rest);
	return nv_put_str(nv, name, path);
}

/* What a program that is not ours has to be told of script and paths. */
static int
put_script(struct conn *conn, const struct pool_settings *pool, const struct nv *vars,
    struct nv *extra)
{
	const struct vhost_settings *vhost = conn_vhost(conn);
	const char *root = settings_inside(pool->chroot, vhost->document_root);
	static struct route route;
	static char path[sizeof ((struct scratch *)0)->uri];
	struct nv_pair uri;
	bool put;

	if (root == NULL || !nv_find(vars, "DOCUMENT_URI", &uri) || uri.value_len >= sizeof path)
		return 500;
	memcpy(path, uri.value, uri.value_len);
	path[uri.value_len] = '\0';
	route_find(conn_settings(conn), vhost, path, &route);
	if (route.status != 0)
		return route.status;
	put = nv_put_str(extra, "DOCUMENT_ROOT", root) &&
	    nv_put_str(extra, "SCRIPT_NAME", route.script_name) &&
	    put_path(extra, "SCRIPT_FILENAME", root, route.script_name) &&
	    nv_put_str(extra, "REDIRECT_STATUS", "200");
	if (put && route.path_info[0] != '\0')
		put = nv_put_str(extra, "PATH_INFO", route.path_info) &&
		    put_path(extra, "PATH_TRANSLATED", root, route.path_info);
	return put ? 0 : 414;
}

static int
put_extra(struct conn *conn, const struct pool_settings *pool, const struct nv *vars,
    struct nv *extra)
{
	char number[16];

	if (settings_pool_runs(pool) != RUNS_OURS)
		return put_script(conn, pool, vars, extra);
	/* Ours looks for itself: it has to know for which site. */
	snprintf(number, sizeof number, "%u", (unsigned)conn_vhost(conn)->pool_vhost);
	return nv_put_str(extra, "PERUSERD_VHOST", number) &&
	    (!conn->named || nv_put_str(extra, "PERUSERD_NAMED", "1")) ? 0 : 500;
}

int
fcgi_request_build(struct fcgi *fcgi, struct conn *conn, const struct pool_settings *pool,
    const struct handoff *handoff)
{
	static unsigned char room[EXTRA], params[ENVELOPE_MAX_VARS + EXTRA];
	struct nv extra = { room, 0, sizeof room };
	unsigned char begin[FCGI_WHOLE];
	size_t len = handoff->vars.len;
	struct buf *out = &fcgi->out;
	int status = put_extra(conn, pool, &handoff->vars, &extra);

	if (status != 0)
		return status;
	if (len > ENVELOPE_MAX_VARS)
		return 431;
	memcpy(params, handoff->vars.data, len);
	memcpy(params + len, extra.data, extra.len);
	len += extra.len;
	out->len = 0;
	fcgi_write_begin(begin, FCGI_REQUEST_ID, FCGI_ROLE_RESPONDER, fcgi->keep ? FCGI_FLAG_KEEP : 0);
	if (buf_add(out, begin, sizeof begin) &&
	    put_stream(out, FCGI_TYPE_PARAMS, params, len) &&
	    put_stream(out, FCGI_TYPE_PARAMS, NULL, 0) &&
	    (handoff->body_file >= 0 || handoff->body_len == 0 ||
	     put_stream(out, FCGI_TYPE_STDIN, handoff->body, handoff->body_len)) &&
	    (handoff->body_file >= 0 || put_stream(out, FCGI_TYPE_STDIN, NULL, 0)))
		return 0;
	return 503;
}

bool
fcgi_request_more(struct fcgi *fcgi)
{
	char *chunk = fcgi->slot->mux->scratch->copy;
	size_t part = fcgi->body_left < CHUNK ? (size_t)fcgi->body_left : CHUNK;

	if (part > 0 &&
	    pread(fcgi->body, chunk, part, (off_t)fcgi->body_at) != (ssize_t)part)
		return false;
	fcgi->body_at += part;
	fcgi->body_left -= part;
	if (part > 0 && !put_stream(&fcgi->out, FCGI_TYPE_STDIN, chunk, part))
		return false;
	if (fcgi->body_left > 0)
		return true;
	fd_close(&fcgi->body);
	return put_stream(&fcgi->out, FCGI_TYPE_STDIN, NULL, 0);
}
