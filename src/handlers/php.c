#include "handlers/php_parts.h"

#include <errno.h>
#include <string.h>

#include <php_main.h>
#include <php_output.h>
#include <php_variables.h>

#include <peruserd/envelope.h>

#include "base/log.h"

struct php_now php_now;

static bool
load(const struct handler_host *host, const struct settings *settings,
    const struct pool_settings *pool)
{
	(void)settings;
	php_now.host = host;
	php_now.pool = pool;
	return php_start();
}

/* PHP 8.4 and newer: the allocator's key is a process's own.  NULL before that. */
__attribute__((weak)) void refresh_memory_manager(void);

static bool
begin(void)
{
	if (refresh_memory_manager != NULL)
		refresh_memory_manager();
	php_limit_begin();
	return true;
}

/* Basic and Digest, for PHP_AUTH_USER and its sisters; without a field it clears them. */
static void
take_authorization(void)
{
	char *text;

	if (php_now.authorization.name == NULL) {
		php_handle_auth_data(NULL);
		return;
	}
	text = estrndup(php_now.authorization.value, php_now.authorization.value_len);
	php_handle_auth_data(text);
	efree(text);
}

static void
take_request(struct request *request, const struct request_view *view)
{
	uint64_t total = view->body_total;

	php_now.request = request;
	php_now.view = view;
	php_now.finished = false;
	php_vars_begin();
	php_body_begin();
	SG(server_context) = request;
	SG(sapi_headers).http_response_code = 200;
	SG(request_info).request_method = view->method;
	SG(request_info).query_string = php_loosen(view->query_string);
	SG(request_info).content_type = view->content_type;
	SG(request_info).content_length = total == BODY_UNTIL_END ? 0 : (zend_long)total;
	SG(request_info).request_uri = php_loosen(view->script_name);
	SG(request_info).path_translated = view->script_filename[0] == '\0' ? NULL :
	    estrdup(view->script_filename);
	take_authorization();
}

static void
say(int status, const char *text)
{
	SG(sapi_headers).http_response_code = status;
	php_output_write(text, strlen(text));
}

/* Run the script, or say why not; the words are php-fpm's. */
static void
run(const struct request_view *view)
{
	zend_file_handle script;

	if (SG(request_info).path_translated == NULL) {
		say(404, "File not found.\n");
		return;
	}
	if (php_fopen_primary_script(&script) == FAILURE) {
		php_log(LEVEL_ERROR, "cannot open the script %s: %s", view->script_filename,
		    strerror(errno));
		if (errno == EACCES)
			say(403, "Access denied.\n");
		else
			say(404, "No input file specified.\n");
		return;
	}
	php_folders_enter(view->script_filename);
	EG(exit_status) = 0;
	php_limit_execution();
	php_execute_script(&script);
	if (!script.in_list)
		zend_destroy_file_handle(&script);
}

/* A fatal error, or exit(), in PHP jumps here. */
static void
run_guarded(const struct request_view *view)
{
	zend_try {
		run(view);
	} zend_end_try();
}

static void
drop_request(void)
{
	php_now.request = NULL;
	php_now.view = NULL;
	SG(server_context) = NULL;
}

static enum handler_result
serve(struct request *request, const struct request_view *view)
{
	static const char failed[] = "Status: 500\r\nContent-Type: text/plain\r\n\r\n";
	enum handler_result result = HANDLER_DONE;

	take_request(request, view);
	php_settings_apply(view->vhost);
	php_limit_input();
	if (php_request_startup() == SUCCESS) {
		run_guarded(view);
	} else {
		php_log(LEVEL_ERROR, "PHP could not start a request");
		result = HANDLER_LEAVE;
	}
	php_request_shutdown(NULL);
	if (!php_now.host->head_given(request))
		php_now.host->head(request, failed, sizeof failed - 1);
	drop_request();
	return result;
}

/*
 * A processor leaves without PHP's own end, which would touch, so copy, most of
 * the memory that it shares with its siblings.  What others would miss are
 * persistent connections: those are closed.
 */
static void
end(void)
{
	zend_try {
		if (zend_hash_num_elements(&EG(persistent_list)) > 0)
			zend_hash_graceful_reverse_destroy(&EG(persistent_list));
	} zend_end_try();
}

__attribute__((visibility("default")))
const struct handler peruser_handler = {
	.version = HANDLER_VERSION,
	.name = "php",
	.map = php_map,
	.load = load,
	.begin = begin,
	.serve = serve,
	.end = end,
	.trace = php_backtrace,
};
