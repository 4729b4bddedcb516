#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "handlers/cgi_env.h"
#include "settings/settings.h"

static bool
add(struct buf *texts, const char *name, size_t name_len, const char *value, size_t value_len)
{
	return buf_add(texts, name, name_len) && buf_add(texts, "=", 1) &&
	    buf_add(texts, value, value_len) && buf_add(texts, "", 1);
}

/* What the environment can't hold, or must not. */
static bool
passes(const struct nv_pair *pair)
{
	if (pair->name_len == 0 || memchr(pair->name, '=', pair->name_len) != NULL ||
	    memchr(pair->name, '\0', pair->name_len) != NULL ||
	    memchr(pair->value, '\0', pair->value_len) != NULL)
		return false;
	return !str_is(pair->name, pair->name_len, "PATH") &&
	    !str_is(pair->name, pair->name_len, "HTTP_PROXY");
}

static bool
add_vars(struct buf *texts, const struct nv *vars)
{
	struct nv_pair pair;
	size_t at = 0;

	while (nv_next(vars, &at, &pair) == NV_PAIR)
		if (passes(&pair) &&
		    !add(texts, pair.name, pair.name_len, pair.value, pair.value_len))
			return false;
	return true;
}

static bool
add_missing(struct buf *texts, const struct nv *vars, const char *name, const char *value)
{
	struct nv_pair pair;

	if (nv_find(vars, name, &pair))
		return true;
	return add(texts, name, strlen(name), value, strlen(value));
}

/* PATH_TRANSLATED: the file that PATH_INFO would name (RFC 3875, 4.1.6). */
static bool
add_translated(struct buf *texts, const struct request_view *view)
{
	size_t root_len = strlen(view->document_root);
	struct nv_pair pair;

	if (view->path_info[0] == '\0' || nv_find(view->vars, "PATH_TRANSLATED", &pair))
		return true;
	while (root_len > 0 && view->document_root[root_len - 1] == '/')
		root_len--;
	return buf_add_str(texts, "PATH_TRANSLATED=") &&
	    buf_add(texts, view->document_root, root_len) &&
	    buf_add(texts, view->path_info, strlen(view->path_info) + 1);
}

static bool
add_pool(struct buf *texts, const struct request_view *view)
{
	const struct string_list *list = &view->pool->env;
	const char *equals, *path = CGI_PATH;
	char name[256];
	struct nv_pair pair;
	size_t i, len;

	for (i = 0; i < list->count; i++) {
		equals = strchr(list->at[i], '=');
		len = equals != NULL ? (size_t)(equals - list->at[i]) : 0;
		if (len == 0 || len >= sizeof name)
			continue;
		memcpy(name, list->at[i], len);
		name[len] = '\0';
		if (strcmp(name, "PATH") == 0)
			path = equals + 1;
		else if (!nv_find(view->vars, name, &pair) &&
		    !add(texts, name, len, equals + 1, strlen(equals + 1)))
			return false;
	}
	return add(texts, "PATH", 4, path, strlen(path));
}

static bool
has_room(struct cgi_strings *strings, size_t count)
{
	size_t size = strings->size == 0 ? 64 : strings->size * 2;
	char **more;

	if (count < strings->size)
		return true;
	more = realloc(strings->at, size * sizeof *more);
	if (more == NULL)
		return false;
	strings->at = more;
	strings->size = size;
	return true;
}

static bool
point_at_each(struct cgi_strings *strings)
{
	char *text = strings->texts.data, *end = text + strings->texts.len;
	size_t count = 0;

	for (; has_room(strings, count); text += strlen(text) + 1) {
		if (text == end) {
			strings->at[count] = NULL;
			return true;
		}
		strings->at[count++] = text;
	}
	return false;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * One word of an indexed query, decoded.  False where it can't be an argument:
 * a bad escape, or a NUL.
 */
static bool
add_word(struct buf *words, const char *word, size_t len)
{
	char c;
	size_t i;

	for (i = 0; i < len; i++) {
		c = word[i];
		if (c == '%') {
			if (len - i < 3 || digit(word[i + 1]) < 0 || digit(word[i + 2]) < 0)
				return false;
			c = (char)(digit(word[i + 1]) << 4 | digit(word[i + 2]));
			i += 2;
		}
		if (c == '\0' || !buf_add(words, &c, 1))
			return false;
	}
	return buf_add(words, "", 1);
}

/* All words, or false: then none of them (RFC 3875, 4.4). */
static bool
add_query(struct buf *words, const char *query)
{
	unsigned count = 0;
	const char *plus;
	size_t len;

	for (;; query = plus + 1) {
		plus = strchr(query, '+');
		len = plus != NULL ? (size_t)(plus - query) : strlen(query);
		if (++count > CGI_ARGUMENTS || !add_word(words, query, len))
			return false;
		if (plus == NULL)
			return true;
	}
}

static bool
is_indexed(const struct request_view *view)
{
	if (strcmp(view->method, "GET") != 0 && strcmp(view->method, "HEAD") != 0)
		return false;
	return view->query_string[0] != '\0' && strchr(view->query_string, '=') == NULL;
}

static bool
build_arguments(struct cgi_strings *arguments, const struct request_view *view)
{
	struct buf *words = &arguments->texts;
	size_t script_len;

	words->len = 0;
	if (!buf_add(words, view->script_filename, strlen(view->script_filename) + 1))
		return false;
	script_len = words->len;
	if (is_indexed(view) && !add_query(words, view->query_string))
		words->len = script_len;
	return point_at_each(arguments);
}

static bool
build_environment(struct cgi_strings *environment, const struct request_view *view)
{
	struct buf *texts = &environment->texts;

	texts->len = 0;
	if (!add_vars(texts, view->vars) ||
	    !add_missing(texts, view->vars, "REDIRECT_STATUS", "200") ||
	    !add_missing(texts, view->vars, "SCRIPT_NAME", view->script_name) ||
	    !add_missing(texts, view->vars, "SCRIPT_FILENAME", view->script_filename) ||
	    !add_missing(texts, view->vars, "DOCUMENT_ROOT", view->document_root) ||
	    !add_missing(texts, view->vars, "QUERY_STRING", view->query_string))
		return false;
	if (view->path_info[0] != '\0' &&
	    !add_missing(texts, view->vars, "PATH_INFO", view->path_info))
		return false;
	return add_translated(texts, view) && add_pool(texts, view) && point_at_each(environment);
}

bool
cgi_env_build(struct cgi_env *env, const struct request_view *view)
{
	return build_environment(&env->environment, view) && build_arguments(&env->arguments, view);
}

static void
strings_free(struct cgi_strings *strings)
{
	buf_free(&strings->texts);
	free(strings->at);
	strings->at = NULL;
	strings->size = 0;
}

void
cgi_env_free(struct cgi_env *env)
{
	strings_free(&env->environment);
	strings_free(&env->arguments);
}
