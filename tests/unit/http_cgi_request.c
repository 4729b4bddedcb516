#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/cgi_request.h"

static unsigned char params_room[4096], vars_room[8192];

/* "NAME=value" texts, to the first NULL, as params. */
static struct nv
params_of(const char *const *texts)
{
	struct nv params = { params_room, 0, sizeof params_room };
	const char *equals;

	for (; *texts != NULL; texts++) {
		equals = strchr(*texts, '=');
		assert_true(nv_put(&params, *texts, (size_t)(equals - *texts), equals + 1,
		    strlen(equals + 1)));
	}
	return params;
}

static bool
reads_as(const struct slice *slice, const char *text)
{
	return text == NULL ? slice->at == NULL :
	    slice->at != NULL && str_is(slice->at, slice->len, text);
}

/* Targets: what path and query they are; path NULL: 400. */
static const struct target_row {
	const char *uri, *path, *query;
	enum head_form form;
} targets[] = {
	{ "/", "/", NULL, HEAD_ORIGIN },
	{ "/a/b?c=d?e", "/a/b", "c=d?e", HEAD_ORIGIN },
	{ "/a?", "/a", "", HEAD_ORIGIN },
	{ "//a", "//a", NULL, HEAD_ORIGIN },
	{ "*", "*", NULL, HEAD_ASTERISK },
	{ "http://host:80/a?b", "/a", "b", HEAD_ORIGIN },
	{ "http://host", "/", NULL, HEAD_ORIGIN },
	{ "http://host?a", NULL, NULL, HEAD_ORIGIN },
	{ "a", NULL, NULL, HEAD_ORIGIN },
	{ "?a", NULL, NULL, HEAD_ORIGIN },
	{ "/a b", NULL, NULL, HEAD_ORIGIN },
	{ "/a\r\nb", NULL, NULL, HEAD_ORIGIN },
	{ "/a#b", NULL, NULL, HEAD_ORIGIN },
};

static void
takes_targets(void **state)
{
	struct cgi_request request;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		const struct target_row *row = &targets[i];
		struct slice target = { row->uri, strlen(row->uri) };
		int status;

		memset(&request, 0, sizeof request);
		status = cgi_request_target(&request, target);
		if (status != (row->path != NULL ? 0 : 400))
			fail_msg("\"%s\": %d", row->uri, status);
		if (status == 0 && (!reads_as(&request.path, row->path) ||
		    !reads_as(&request.query, row->query) || request.form != row->form))
			fail_msg("\"%s\": path \"%.*s\"", row->uri, (int)request.path.len,
			    request.path.at);
	}
}

static const struct status_row {
	const char *name;
	const char *texts[4];
	int status;
	int64_t length;
} statuses[] = {
	{ "a request", { "REQUEST_METHOD=GET", "REQUEST_URI=/" }, 0, HEAD_LENGTH_NONE },
	{ "without a target", { "REQUEST_METHOD=GET" }, 0, HEAD_LENGTH_NONE },
	{ "an empty length", { "REQUEST_METHOD=GET", "CONTENT_LENGTH=" }, 0, HEAD_LENGTH_NONE },
	{ "a length", { "REQUEST_METHOD=POST", "CONTENT_LENGTH=12" }, 0, 12 },
	{ "no method", { "REQUEST_URI=/" }, 400, 0 },
	{ "an empty method", { "REQUEST_METHOD=", "REQUEST_URI=/" }, 400, 0 },
	{ "a method that is none", { "REQUEST_METHOD=G T" }, 400, 0 },
	{ "a length that is none", { "REQUEST_METHOD=POST", "CONTENT_LENGTH=1x" }, 400, 0 },
	{ "a negative length", { "REQUEST_METHOD=POST", "CONTENT_LENGTH=-1" }, 400, 0 },
	{ "a length too long", { "REQUEST_METHOD=POST", "CONTENT_LENGTH=9223372036854775808" }, 400, 0 },
	{ "a target that is none", { "REQUEST_METHOD=GET", "REQUEST_URI=x" }, 400, 0 },
};

static void
judges(void **state)
{
	struct cgi_request request;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		const struct status_row *row = &statuses[i];
		struct nv params = params_of(row->texts);
		struct nv vars = { vars_room, 0, sizeof vars_room };
		int status = cgi_request_read(&params, &request, &vars);

		if (status != row->status)
			fail_msg("%s: %d", row->name, status);
		if (status == 0 && request.content_length != row->length)
			fail_msg("%s: length", row->name);
	}
}

static void
refuses_what_is_no_pairs(void **state)
{
	static const char *const texts[] = { "REQUEST_METHOD=GET", "A=b", NULL };
	struct nv params = params_of(texts), vars = { vars_room, 0, 3 };
	struct cgi_request request;

	(void)state;
	assert_int_equal(cgi_request_read(&params, &request, &vars), 431);
	params.len--;
	vars.size = sizeof vars_room;
	assert_int_equal(cgi_request_read(&params, &request, &vars), 400);
	params.len = 0;
	nv_put(&params, "A", 1, "a\0b", 3);
	nv_put_str(&params, "REQUEST_METHOD", "GET");
	assert_int_equal(cgi_request_read(&params, &request, &vars), 400);
}

/* Which of these come through, and with what. */
static void
builds(void **state)
{
	static const char *const texts[] = {
		"REQUEST_METHOD=POST", "REQUEST_URI=/a%20b?c", "CONTENT_TYPE=text/plain",
		"CONTENT_LENGTH=5", "HTTP_HOST=a.test", "REMOTE_ADDR=192.0.2.1", "REMOTE_USER=carol",
		"HTTPS=on", "DOCUMENT_ROOT=/wrong", "SCRIPT_FILENAME=/wrong", "SCRIPT_NAME=/wrong",
		"PATH_INFO=/wrong", "PATH_TRANSLATED=/wrong", "DOCUMENT_URI=/wrong",
		"HTTP_PROXY=evil", "HTTP_CONTENT_LENGTH=7", "HTTP_X=a\nb", "HTTP_Y=c", "A-B=c", "1A=b",
		"SSL_CERT=a\nb", "PERUSERD_VHOST=x", "CONTEXT_PREFIX=", "GATEWAY_INTERFACE=CGI/9", NULL,
	};
	static const struct { const char *name, *value; } rows[] = {
		{ "REQUEST_METHOD", "POST" }, { "REQUEST_URI", "/a%20b?c" }, { "QUERY_STRING", "c" },
		{ "DOCUMENT_URI", "/a b" }, { "CONTENT_TYPE", "text/plain" },
		{ "CONTENT_LENGTH", "5" }, { "HTTP_HOST", "a.test" }, { "SERVER_NAME", "name" },
		{ "SERVER_ADDR", "addr" }, { "SERVER_PORT", "80" }, { "REMOTE_ADDR", "192.0.2.1" },
		{ "REMOTE_PORT", "1" }, { "REMOTE_USER", "carol" }, { "HTTPS", "on" },
		{ "REQUEST_SCHEME", "https" }, { "GATEWAY_INTERFACE", "CGI/1.1" },
		{ "SERVER_SOFTWARE", "peruserd" }, { "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "SSL_CERT", "a\nb" }, { "HTTP_Y", "c" }, { "HTTP_X", NULL }, { "HTTP_PROXY", NULL },
		{ "HTTP_CONTENT_LENGTH", NULL }, { "DOCUMENT_ROOT", NULL },
		{ "SCRIPT_FILENAME", NULL }, { "SCRIPT_NAME", NULL }, { "PATH_INFO", NULL },
		{ "PATH_TRANSLATED", NULL }, { "A-B", NULL }, { "1A", NULL },
		{ "PERUSERD_VHOST", NULL }, { "CONTEXT_PREFIX", NULL },
	};
	struct vars_about about = { "name", "addr", "80", "remote", "1", false, "/a b", 0 };
	struct nv params = params_of(texts), vars = { vars_room, 0, sizeof vars_room };
	struct cgi_request request;
	struct nv_pair pair;
	size_t i;
	bool found;

	(void)state;
	assert_int_equal(cgi_request_read(&params, &request, &vars), 0);
	assert_true(reads_as(&request.known[CGI_PERUSERD_VHOST], "x"));
	assert_true(cgi_request_vars(&vars, &request, &about));
	assert_true(nv_valid(&vars));
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		found = nv_find(&vars, rows[i].name, &pair);
		if (found != (rows[i].value != NULL) ||
		    (found && !str_is(pair.value, pair.value_len, rows[i].value)))
			fail_msg("%s", rows[i].name);
	}
	/* All or nothing is the caller's to see: false where there is no room. */
	vars.size = vars.len;
	assert_false(cgi_request_vars(&vars, &request, &about));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_targets),
		cmocka_unit_test(judges),
		cmocka_unit_test(refuses_what_is_no_pairs),
		cmocka_unit_test(builds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
