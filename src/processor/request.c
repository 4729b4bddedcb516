#include <stdio.h>
#include <string.h>

#include "http/uri.h"
#include "processor/recent.h"
#include "processor/request.h"

/* Terminate a copy in text[].  There is always room: text[] is as long as all variables. */
static const char *
keep(struct request *request, const char *at, size_t len)
{
	char *copy = request->text + request->text_len;

	if (len >= sizeof request->text - request->text_len)
		return "";
	memcpy(copy, at, len);
	copy[len] = '\0';
	request->text_len += len + 1;
	return copy;
}

#define NAME_IS(pair, text) (memcmp((pair)->name, (text), sizeof(text) - 1) == 0)

static void
take_pair(struct request *request, const struct nv_pair *pair)
{
	struct request_view *view = &request->view;

	switch (pair->name_len) {
	case sizeof "REQUEST_METHOD" - 1:
		if (NAME_IS(pair, "REQUEST_METHOD"))
			view->method = keep(request, pair->value, pair->value_len);
		break;
	case sizeof "DOCUMENT_URI" - 1:
		/* CONTENT_TYPE and QUERY_STRING are of the same length. */
		if (NAME_IS(pair, "DOCUMENT_URI"))
			view->document_uri = keep(request, pair->value, pair->value_len);
		else if (NAME_IS(pair, "QUERY_STRING"))
			view->query_string = keep(request, pair->value, pair->value_len);
		else if (NAME_IS(pair, "CONTENT_TYPE"))
			view->content_type = keep(request, pair->value, pair->value_len);
		break;
	}
}

static bool
take_pairs(struct request *request)
{
	struct request_view *view = &request->view;
	struct nv_pair pair;
	size_t at = 0;

	request->text_len = 0;
	view->method = view->document_uri = NULL;
	view->query_string = view->content_type = "";
	while (nv_next(&request->vars, &at, &pair) == NV_PAIR)
		take_pair(request, &pair);
	return view->method != NULL && view->document_uri != NULL &&
	    view->document_uri[0] == '/';
}

bool
request_begin(struct request *request, const struct nv *vars, const struct pool_settings *pool,
    const struct vhost_settings *vhost)
{
	struct request_view *view = &request->view;

	request->redirect_len = 0;
	request->redirects = 0;
	request->named = false;
	request->vars.data = request->bytes;
	request->vars.size = sizeof request->bytes;
	request->vars.len = 0;
	if (vars->len > ENVELOPE_MAX_VARS)
		return false;
	memcpy(request->bytes, vars->data, vars->len);
	request->vars.len = vars->len;
	view->vars = &request->vars;
	view->pool = pool;
	view->vhost = vhost;
	view->document_root = vhost->document_root;
	view->script_filename = view->script_name = view->path_info = "";
	view->application = NULL;
	view->timeout_ms = 0;
	return take_pairs(request);
}

void
request_names_file(struct request *request)
{
	request->named = true;
	if (strcmp(request->view.method, "HEAD") != 0)
		request->view.method = "GET";
}

/* PATH_TRANSLATED: where PATH_INFO would lead as a path of its own (RFC 3875, 4.1.6). */
static bool
put_path_info(struct request *request)
{
	const struct request_view *view = &request->view;
	char translated[2 * PATH_MAX];
	int len;

	if (view->path_info[0] == '\0')
		return true;
	len = snprintf(translated, sizeof translated, "%s%s", view->document_root, view->path_info);
	return nv_put_str(&request->vars, "PATH_INFO", view->path_info) &&
	    (len < 0 || (size_t)len >= sizeof translated ||
	     nv_put(&request->vars, "PATH_TRANSLATED", sizeof "PATH_TRANSLATED" - 1, translated,
	     (size_t)len));
}

/*
 * The site's own environment, for what is a program of its own; an application's
 * is set when it is loaded.  A request's variables go before it.
 */
static bool
put_env(struct request *request)
{
	const struct string_list *env = &request->view.vhost->env;
	const char *equals;
	struct nv_pair pair;
	char name[REQUEST_ENV_NAME];
	size_t i, len;

	for (i = 0; i < env->count; i++) {
		equals = strchr(env->at[i], '=');
		len = equals != NULL ? (size_t)(equals - env->at[i]) : 0;
		if (len == 0 || len >= sizeof name)
			continue;
		memcpy(name, env->at[i], len);
		name[len] = '\0';
		if (!nv_find(&request->vars, name, &pair) &&
		    !nv_put_str(&request->vars, name, equals + 1))
			return false;
	}
	return true;
}

bool
request_resolve(struct request *request)
{
	struct request_view *view = &request->view;
	struct resolution *found = &request->resolution;

	size_t len = strlen(view->document_uri);

	if (request->named) {
		resolve_named(view->vhost, view->document_uri, len, found);
	} else if (!recent_find(view->vhost, view->document_uri, len, found)) {
		resolve_path(view->vhost, view->document_uri, len, found);
		recent_keep(view->vhost, view->document_uri, len, found);
	}
	if (found->what != RESOLVED_HANDLER)
		return false;
	view->script_filename = found->script_filename;
	view->script_name = found->script_name;
	view->path_info = found->path_info;
	view->application = found->application;
	if (nv_put_str(&request->vars, "DOCUMENT_ROOT", view->document_root) &&
	    nv_put_str(&request->vars, "SCRIPT_NAME", view->script_name) &&
	    nv_put_str(&request->vars, "SCRIPT_FILENAME", view->script_filename) &&
	    put_path_info(request) && (found->application != NULL || put_env(request)))
		return true;
	found->what = RESOLVED_STATUS;
	found->status = 500;
	return false;
}

static bool
is_one_of(const struct nv_pair *pair, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strlen(*names) == pair->name_len &&
		    memcmp(*names, pair->name, pair->name_len) == 0)
			return true;
	return false;
}

/* All variables but those that say what was asked for, and which file that was. */
static bool
copy_others(const struct nv *from, struct nv *to)
{
	static const char *const dropped[] = {
		"REQUEST_METHOD", "DOCUMENT_URI", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
		"DOCUMENT_ROOT", "SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_INFO", "PATH_TRANSLATED",
		"REDIRECT_URL", "REDIRECT_QUERY_STRING", "REDIRECT_STATUS", NULL,
	};
	struct nv_pair pair;
	size_t at = 0;

	while (nv_next(from, &at, &pair) == NV_PAIR)
		if (!is_one_of(&pair, dropped) &&
		    !nv_put(to, pair.name, pair.name_len, pair.value, pair.value_len))
			return false;
	return true;
}

int
request_redirect(struct request *request)
{
	static unsigned char bytes[REQUEST_VARS];
	const struct request_view *view = &request->view;
	struct nv vars = { bytes, 0, sizeof bytes };
	const char *query = memchr(request->redirect, '?', request->redirect_len);
	size_t path_len = query != NULL ? (size_t)(query - request->redirect) :
	    request->redirect_len;
	size_t query_len = query != NULL ? request->redirect_len - path_len - 1 : 0;
	char path[REQUEST_REDIRECT_MAX];
	bool head = strcmp(view->method, "HEAD") == 0;
	size_t len;
	int status;

	status = uri_path(request->redirect, path_len, path, sizeof path, &len);
	if (status != 0)
		return 500;
	if (!copy_others(&request->vars, &vars) ||
	    !nv_put_str(&vars, "REQUEST_METHOD", head ? "HEAD" : "GET") ||
	    !nv_put(&vars, "DOCUMENT_URI", sizeof "DOCUMENT_URI" - 1, path, len) ||
	    !nv_put(&vars, "QUERY_STRING", sizeof "QUERY_STRING" - 1,
	    query != NULL ? query + 1 : "", query_len) ||
	    !nv_put_str(&vars, "REDIRECT_STATUS", "200") ||
	    !nv_put_str(&vars, "REDIRECT_URL", view->document_uri) ||
	    !nv_put_str(&vars, "REDIRECT_QUERY_STRING", view->query_string))
		return 500;
	memcpy(request->bytes, bytes, vars.len);
	request->vars.len = vars.len;
	request->redirect_len = 0;
	return take_pairs(request) ? 0 : 500;
}
