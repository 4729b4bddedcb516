#include "handlers/php_parts.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <php_main.h>
#include <php_output.h>

#include "base/log.h"
#include "http/answer.h"

/* The head of the answer, as it grows; one at a time, so one place. */
static struct {
	char text[ANSWER_HEAD_MAX];
	size_t len;
	bool full;
} head;

/* ---- the log */

/* Each line of a message on its own: a stack trace stays readable. */
void
php_sapi_log_lines(int level, const char *text, size_t len)
{
	const char *end = text + len, *stop;

	while (text < end) {
		stop = memchr(text, '\n', end - text);
		if (stop == NULL)
			stop = end;
		if (stop > text)
			php_log(level, "%.*s", (int)(stop - text), text);
		text = stop + 1;
	}
}

static void
log_message(const char *message, int syslog_level)
{
	int level = syslog_level <= LOG_ERR ? LEVEL_ERROR :
	    syslog_level == LOG_WARNING ? LEVEL_WARNING : LEVEL_NOTICE;

	php_sapi_log_lines(level, message, strlen(message));
}

/* ---- the head */

static void
head_add(const char *text, size_t len)
{
	if (head.full || len + 2 > sizeof head.text - head.len) {
		head.full = true;
		return;
	}
	memcpy(head.text + head.len, text, len);
	memcpy(head.text + head.len + len, "\r\n", 2);
	head.len += len + 2;
}

static bool
field_is(const sapi_header_struct *field, const char *name, size_t len)
{
	return field->header_len > len && field->header[len] == ':' &&
	    strncasecmp(field->header, name, len) == 0;
}

static const sapi_header_struct *
field_find(sapi_headers_struct *headers, const char *name, size_t len)
{
	zend_llist_position at;
	const sapi_header_struct *field;

	for (field = zend_llist_get_first_ex(&headers->headers, &at); field != NULL;
	    field = zend_llist_get_next_ex(&headers->headers, &at)) {
		if (field_is(field, name, len))
			return field;
	}
	return NULL;
}

/* The Status field, by the precedence of php-fpm.  Returns the number it says. */
static int
head_status(sapi_headers_struct *headers)
{
	const char *line = headers->http_status_line, *rest;
	const sapi_header_struct *field;
	char text[128];
	int code = headers->http_response_code;

	if (code == 200) {
		field = field_find(headers, "Status", 6);
		if (field == NULL)
			return code;
		head_add(field->header, field->header_len);
		return atoi(field->header + 7);
	}
	if (line != NULL && strncasecmp(line, "HTTP/", 5) == 0 &&
	    (rest = strchr(line, ' ')) != NULL) {
		snprintf(text, sizeof text, "Status:%s", rest);
		code = atoi(rest);
	} else if ((field = field_find(headers, "Status", 6)) != NULL) {
		head_add(field->header, field->header_len);
		return atoi(field->header + 7);
	} else {
		snprintf(text, sizeof text, "Status: %d", code);
	}
	head_add(text, strlen(text));
	return code;
}

static void
head_write(sapi_headers_struct *headers)
{
	zend_llist_position at;
	const sapi_header_struct *field;
	int code;

	head.len = 0;
	head.full = false;
	code = head_status(headers);
	for (field = zend_llist_get_first_ex(&headers->headers, &at); field != NULL;
	    field = zend_llist_get_next_ex(&headers->headers, &at)) {
		if (field->header_len == 0 || field_is(field, "Status", 6) ||
		    (code == 304 && field_is(field, "Content-Type", 12)))
			continue;
		head_add(field->header, field->header_len);
	}
	head_add("", 0);
}

static int
send_headers(sapi_headers_struct *headers)
{
	static const char too_long[] = "Status: 500\r\nContent-Type: text/plain\r\n\r\n";

	if (php_now.request == NULL || SG(request_info).no_headers)
		return SAPI_HEADER_SENT_SUCCESSFULLY;
	head_write(headers);
	if (head.full) {
		php_log(LEVEL_ERROR, "the script's header fields are longer than %u bytes",
		    ANSWER_HEAD_MAX);
		php_now.host->head(php_now.request, too_long, sizeof too_long - 1);
		return SAPI_HEADER_SENT_SUCCESSFULLY;
	}
	php_now.host->head(php_now.request, head.text, head.len);
	return SAPI_HEADER_SENT_SUCCESSFULLY;
}

/* ---- the body of the answer */

static size_t
ub_write(const char *text, size_t len)
{
	if (php_now.request == NULL) {
		/* PHP's start shows its complaints, where display_errors is on */
		php_sapi_log_lines(LEVEL_WARNING, text, len);
		return len;
	}
	if (!php_now.finished && !php_now.host->write(php_now.request, text, len))
		php_handle_aborted_connection();
	return len;
}

/* flush() before any output sends the head: what follows may take its time. */
static void
flush(void *context)
{
	if (context == NULL || php_now.request == NULL || php_now.finished)
		return;
	sapi_send_headers();
	if (!php_now.host->flush(php_now.request))
		php_handle_aborted_connection();
}

/* ---- the request */

static char *
read_cookies(void)
{
	if (php_now.cookie.name == NULL)
		return NULL;
	/* freed with all of the request's memory */
	return estrndup(php_now.cookie.value, php_now.cookie.value_len);
}

static int
activate(void)
{
	if (php_now.request == NULL)
		return SUCCESS;
	php_user_ini_activate();
	php_body_preset();
	return SUCCESS;
}

static int
deactivate(void)
{
	SG(request_info).path_translated = NULL;
	return SUCCESS;
}

/*
 * The name: opcache serves the SAPIs on its own list and no other, and PHP
 * applications ask php_sapi_name() what they may expect.  "fpm-fcgi" is on the
 * list and promises what is true here: $_SERVER as a FastCGI server sends it,
 * header("Status: ..."), fastcgi_finish_request(), getallheaders(), .user.ini.
 */
sapi_module_struct php_sapi = {
	.name = (char *)(uintptr_t)"fpm-fcgi",
	.pretty_name = (char *)(uintptr_t)"peruserd",
	.startup = NULL,
	.shutdown = php_module_shutdown_wrapper,
	.activate = activate,
	.deactivate = deactivate,
	.ub_write = ub_write,
	.flush = flush,
	.getenv = php_vars_getenv,
	.sapi_error = php_error,
	.send_headers = send_headers,
	.read_post = php_body_read,
	.read_cookies = read_cookies,
	.register_server_variables = php_vars_register,
	.log_message = log_message,
	.php_ini_ignore_cwd = 1,
};
