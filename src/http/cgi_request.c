#include <string.h>

#include "base/str.h"
#include "http/cgi_request.h"
#include "http/chars.h"

struct name {
	const char *text;
	size_t len;
};
#define NAME(text) { (text), sizeof(text) - 1 }

static const struct name names[CGI_KNOWN] = {
	[CGI_REQUEST_METHOD] = NAME("REQUEST_METHOD"),
	[CGI_REQUEST_URI] = NAME("REQUEST_URI"),
	[CGI_QUERY_STRING] = NAME("QUERY_STRING"),
	[CGI_CONTENT_TYPE] = NAME("CONTENT_TYPE"),
	[CGI_CONTENT_LENGTH] = NAME("CONTENT_LENGTH"),
	[CGI_HTTP_HOST] = NAME("HTTP_HOST"),
	[CGI_SERVER_NAME] = NAME("SERVER_NAME"),
	[CGI_SERVER_ADDR] = NAME("SERVER_ADDR"),
	[CGI_SERVER_PORT] = NAME("SERVER_PORT"),
	[CGI_SERVER_PROTOCOL] = NAME("SERVER_PROTOCOL"),
	[CGI_SERVER_SOFTWARE] = NAME("SERVER_SOFTWARE"),
	[CGI_REMOTE_ADDR] = NAME("REMOTE_ADDR"),
	[CGI_REMOTE_PORT] = NAME("REMOTE_PORT"),
	[CGI_HTTPS] = NAME("HTTPS"),
	[CGI_REQUEST_SCHEME] = NAME("REQUEST_SCHEME"),
	[CGI_SCRIPT_NAME] = NAME("SCRIPT_NAME"),
	[CGI_PATH_INFO] = NAME("PATH_INFO"),
	[CGI_PERUSERD_VHOST] = NAME("PERUSERD_VHOST"),
	[CGI_PERUSERD_PATH] = NAME("PERUSERD_PATH"),
};

/* Reckoned anew from the site's configuration, or undone before anybody reads them. */
static const struct name left_out[] = {
	NAME("DOCUMENT_ROOT"), NAME("DOCUMENT_URI"), NAME("SCRIPT_FILENAME"),
	NAME("PATH_TRANSLATED"), NAME("GATEWAY_INTERFACE"), NAME("CONTEXT_DOCUMENT_ROOT"),
	NAME("CONTEXT_PREFIX"), NAME("HTTP_PROXY"), NAME("HTTP_CONTENT_LENGTH"),
	NAME("HTTP_CONTENT_TYPE"), NAME("HTTP_TRANSFER_ENCODING"),
};

static bool
is_name(const struct nv_pair *pair, const struct name *name)
{
	return pair->name_len == name->len && memcmp(pair->name, name->text, name->len) == 0;
}

static bool
is_left_out(const struct nv_pair *pair)
{
	size_t i;

	for (i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
		if (is_name(pair, &left_out[i]))
			return true;
	return false;
}

static unsigned
which(const struct nv_pair *pair)
{
	unsigned i;

	for (i = 0; i < CGI_KNOWN; i++)
		if (is_name(pair, &names[i]))
			break;
	return i;
}

static bool
is_variable(const char *name, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = name[i];
		if (!(c >= 'A' && c <= 'Z') && c != '_' && !(c >= '0' && c <= '9' && i > 0) &&
		    !(c >= 'a' && c <= 'z'))
			return false;
	}
	return len > 0;
}

/* A header field's value holds no line's end, whoever says so; other variables may (SSL_*). */
static bool
may_pass(const struct nv_pair *pair)
{
	bool field = pair->name_len > 5 && memcmp(pair->name, "HTTP_", 5) == 0;

	return is_variable(pair->name, pair->name_len) && !is_left_out(pair) &&
	    (!field || (memchr(pair->value, '\n', pair->value_len) == NULL &&
	    memchr(pair->value, '\r', pair->value_len) == NULL));
}

static int
take_pairs(const struct nv *params, struct cgi_request *request, struct nv *vars)
{
	struct nv_pair pair;
	enum nv_next next;
	unsigned known;
	size_t at = 0;

	while ((next = nv_next(params, &at, &pair)) == NV_PAIR) {
		if (memchr(pair.value, '\0', pair.value_len) != NULL)
			return 400;
		known = which(&pair);
		if (known < CGI_KNOWN) {
			request->known[known].at = pair.value_len > 0 ? pair.value : NULL;
			request->known[known].len = pair.value_len;
		} else if (may_pass(&pair) && !nv_put(vars, pair.name, pair.name_len, pair.value,
		    pair.value_len))
			return 431;
	}
	return next == NV_END ? 0 : 400;
}

/* All of its bytes are of that class, and there is one. */
static bool
is_all(const struct slice *slice, enum char_class class)
{
	return slice->at != NULL && slice->len > 0 &&
	    chars_span(slice->at, slice->at + slice->len, class) == slice->at + slice->len;
}

/* "http://host/path": what follows the authority. */
static struct slice
without_authority(struct slice target)
{
	static const struct slice root = { "/", 1 };
	const char *end = target.at + target.len, *at = target.at;

	while (at < end && *at != ':' && *at != '/' && *at != '?')
		at++;
	if (end - at < 3 || memcmp(at, "://", 3) != 0)
		return target;
	for (at += 3; at < end && *at != '/' && *at != '?'; at++)
		continue;
	if (at == end)
		return root;
	target.len = (size_t)(end - at);
	target.at = at;
	return target;
}

int
cgi_request_target(struct cgi_request *request, struct slice target)
{
	const char *question;

	if (!is_all(&target, CHAR_TARGET))
		return 400;
	if (target.len == 1 && target.at[0] == '*') {
		request->form = HEAD_ASTERISK;
		request->target = request->path = target;
		return 0;
	}
	target = without_authority(target);
	if (target.at[0] != '/')
		return 400;
	question = memchr(target.at, '?', target.len);
	request->form = HEAD_ORIGIN;
	request->target = request->path = target;
	if (question != NULL) {
		request->path.len = (size_t)(question - target.at);
		request->query.at = question + 1;
		request->query.len = target.len - request->path.len - 1;
	}
	return 0;
}

static int
take_length(struct cgi_request *request)
{
	const struct slice *text = &request->known[CGI_CONTENT_LENGTH];
	uint64_t length;

	request->content_length = HEAD_LENGTH_NONE;
	if (text->at == NULL)
		return 0;
	if (!str_decimal(text->at, text->len, &length) || length > INT64_MAX)
		return 400;
	request->content_length = (int64_t)length;
	return 0;
}

int
cgi_request_read(const struct nv *params, struct cgi_request *request, struct nv *vars)
{
	int status;

	memset(request, 0, sizeof *request);
	status = take_pairs(params, request, vars);
	if (status == 0)
		status = take_length(request);
	if (status == 0 && !is_all(&request->known[CGI_REQUEST_METHOD], CHAR_TOKEN))
		status = 400;
	if (status == 0 && request->known[CGI_REQUEST_URI].at != NULL)
		status = cgi_request_target(request, request->known[CGI_REQUEST_URI]);
	return status;
}

static bool
put(struct nv *vars, enum cgi_known which_one, const char *value, size_t len)
{
	return nv_put(vars, names[which_one].text, names[which_one].len, value, len);
}

/* What was told, or else that; neither: nothing. */
static bool
put_known(struct nv *vars, const struct cgi_request *request, enum cgi_known which_one,
    const char *otherwise)
{
	const struct slice *told = &request->known[which_one];

	if (told->at != NULL)
		return put(vars, which_one, told->at, told->len);
	return otherwise == NULL || put(vars, which_one, otherwise, strlen(otherwise));
}

static bool
is_https(const struct cgi_request *request)
{
	const struct slice *https = &request->known[CGI_HTTPS];

	return https->at != NULL && !CHARS_SAME(https->at, https->len, "off");
}

static bool
put_server(struct nv *vars, const struct cgi_request *request, const struct vars_about *about)
{
	return nv_put_str(vars, "GATEWAY_INTERFACE", "CGI/1.1") &&
	    put_known(vars, request, CGI_SERVER_SOFTWARE, "peruserd") &&
	    put_known(vars, request, CGI_SERVER_PROTOCOL, "HTTP/1.1") &&
	    put_known(vars, request, CGI_SERVER_NAME, about->server_name) &&
	    put_known(vars, request, CGI_SERVER_ADDR, about->server_addr) &&
	    put_known(vars, request, CGI_SERVER_PORT, about->server_port) &&
	    put_known(vars, request, CGI_REMOTE_ADDR, about->remote_addr) &&
	    put_known(vars, request, CGI_REMOTE_PORT, about->remote_port);
}

bool
cgi_request_vars(struct nv *vars, const struct cgi_request *request,
    const struct vars_about *about)
{
	const struct slice *target = &request->target;
	const char *query = request->query.at != NULL ? request->query.at : "";
	bool https = is_https(request);

	if (request->known[CGI_QUERY_STRING].at == NULL &&
	    !put(vars, CGI_QUERY_STRING, query, request->query.len))
		return false;
	return put_server(vars, request, about) &&
	    put_known(vars, request, CGI_REQUEST_METHOD, NULL) &&
	    put_known(vars, request, CGI_REQUEST_SCHEME, https ? "https" : "http") &&
	    (!https || put_known(vars, request, CGI_HTTPS, NULL)) &&
	    put(vars, CGI_REQUEST_URI, target->at, target->len) &&
	    put_known(vars, request, CGI_QUERY_STRING, NULL) &&
	    nv_put_str(vars, "DOCUMENT_URI", about->document_uri) &&
	    put_known(vars, request, CGI_CONTENT_TYPE, NULL) &&
	    put_known(vars, request, CGI_CONTENT_LENGTH, NULL) &&
	    put_known(vars, request, CGI_HTTP_HOST, NULL);
}
