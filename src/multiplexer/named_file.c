#include <stdio.h>
#include <string.h>

#include "http/uri.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/named_file.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"

#define NAME_SHOWN 200          /* bytes of a wrong name in the log */

static void
complain(struct conn *conn, const char *why, const struct slice *name)
{
	char text[2 * NAME_SHOWN + 200];
	int len = snprintf(text, sizeof text, "an answer names the file \"%.*s\", %s",
	    name->len < NAME_SHOWN ? (int)name->len : NAME_SHOWN, name->at, why);

	pool_say(conn->mux, conn->pool, LEVEL_ERROR, conn_vhost(conn)->server_name, text,
	    len < (int)sizeof text ? (size_t)len : sizeof text - 1);
}

/* The site's document root, as who answered sees it; *len without a slash at its end. */
static const char *
root_of(const struct conn *conn, size_t *len)
{
	uint32_t pool = tables_pool(conn->tables, conn->pool);
	const char *root = pool == SETTINGS_NONE ? NULL :
	    settings_inside(conn_settings(conn)->pools[pool].chroot, conn_vhost(conn)->document_root);

	*len = root != NULL ? strlen(root) : 0;
	while (*len > 0 && root[*len - 1] == '/')
		(*len)--;
	return root;
}

/* The file's path below the document root, decoded and normalised, in scratch.uri; or why not. */
static const char *
find_path(struct conn *conn, enum answer_names how, const struct slice *name, size_t *len)
{
	char *path = conn->mux->scratch->uri;
	const char *root, *query = memchr(name->at, '?', name->len);
	size_t root_len, name_len = name->len;

	if (how == ANSWER_NAMES_URI && query != NULL)
		name_len = (size_t)(query - name->at);
	if (uri_path(name->at, name_len, path, sizeof conn->mux->scratch->uri, len) != 0)
		return "which is no path that begins with a slash, stays in the document root and is "
		    "percent-encoded";
	if (how == ANSWER_NAMES_URI)
		return NULL;
	root = root_of(conn, &root_len);
	if (root == NULL || *len <= root_len || memcmp(path, root, root_len) != 0 ||
	    path[root_len] != '/')
		return "which is not in the document root, as its program sees that";
	*len -= root_len;
	memmove(path, path + root_len, *len + 1);
	return NULL;
}

/* The program's own business goes on without its client: it is not told to stop. */
static void
let_go(struct conn *conn)
{
	if (conn->slot != NULL)
		slot_untie(conn->slot);
	if (conn->stream != NULL)
		stream_free(&conn->stream);
	conn->state = CONN_SENDING;
}

static void
send_for(struct conn *conn, enum answer_names how, const struct slice *name, const char *head,
    size_t len)
{
	const char *why;
	size_t path_len;

	conn->named_head.max = ANSWER_HEAD_MAX;
	why = find_path(conn, how, name, &path_len);
	if (why != NULL)
		complain(conn, why, name);
	if (why != NULL || !buf_add(&conn->named_head, head, len)) {
		let_go(conn);
		respond_failed(conn, why != NULL ? 403 : 503);
		return;
	}
	/* The name was the stream's, perhaps; what is needed of it is copied by now. */
	let_go(conn);
	conn->named = true;
	request_send_named(conn, conn->mux->scratch->uri, path_len);
}

bool
named_file(struct conn *conn, struct answer *answer, const char *head, size_t len)
{
	static struct answer said;
	struct slice name;
	enum answer_names how = answer_names_file(answer, &name);
	const char *why;
	size_t used;

	if (how != ANSWER_NAMES_NONE && !conn->named) {
		send_for(conn, how, &name, head, len);
		return false;
	}
	if (!conn->named)
		return true;
	if (how != ANSWER_NAMES_NONE)
		complain(conn, "and was itself named so", &name);
	if (how == ANSWER_NAMES_NONE && answer_parse(conn->named_head.data, conn->named_head.len,
	    &said, &used, &why) == ANSWER_HEAD && answer_join(answer, &said))
		return true;
	respond_failed(conn, 502);
	return false;
}
