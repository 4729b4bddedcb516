#include "handlers/php_parts.h"

#include <ctype.h>
#include <string.h>

#include <ext/standard/head.h>
#include <ext/standard/info.h>
#include <php_output.h>


/* The client has its whole answer; the script works on, and what it writes is dropped. */
static PHP_FUNCTION(fastcgi_finish_request)
{
	if (zend_parse_parameters_none() == FAILURE)
		RETURN_THROWS();
	if (php_now.request == NULL || php_now.finished)
		RETURN_FALSE;
	php_output_end_all();
	php_header();
	php_now.finished = true;
	php_now.host->finish(php_now.request);
	RETURN_TRUE;
}

/* getallheaders() is its alias. */
static PHP_FUNCTION(apache_request_headers)
{
	struct nv_pair pair;
	char name[256];
	size_t at = 0;

	if (zend_parse_parameters_none() == FAILURE)
		RETURN_THROWS();
	array_init(return_value);
	if (php_now.view == NULL)
		return;
	while (nv_next(php_now.view->vars, &at, &pair) == NV_PAIR) {
		if (pair.name_len >= sizeof name)
			continue;
		memcpy(name, pair.name, pair.name_len);
		name[pair.name_len] = '\0';
		sapi_add_request_header(name, pair.name_len, php_loosen(pair.value), pair.value_len,
		    return_value);
	}
}

static void
add_response_header(sapi_header_struct *header, void *array)
{
	const char *colon = memchr(header->header, ':', header->header_len);
	size_t len, value_at;

	if (colon == NULL)
		return;
	len = colon - header->header;
	value_at = len + 1;
	while (len > 0 && isspace((unsigned char)header->header[len - 1]))
		len--;
	while (value_at < header->header_len && isspace((unsigned char)header->header[value_at]))
		value_at++;
	if (len > 0)
		add_assoc_stringl_ex(array, header->header, len, header->header + value_at,
		    header->header_len - value_at);
}

static void
add_response_header_cb(void *header, void *array)
{
	add_response_header(header, array);
}

static PHP_FUNCTION(apache_response_headers)
{
	if (zend_parse_parameters_none() == FAILURE)
		RETURN_THROWS();
	array_init(return_value);
	zend_llist_apply_with_argument(&SG(sapi_headers).headers, add_response_header_cb,
	    return_value);
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_bool, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_array, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry functions[] = {
	PHP_FE(fastcgi_finish_request, arginfo_bool)
	PHP_FE(apache_request_headers, arginfo_array)
	PHP_FALIAS(getallheaders, apache_request_headers, arginfo_array)
	PHP_FE(apache_response_headers, arginfo_array)
	PHP_FE_END
};

static PHP_MINIT_FUNCTION(peruserd)
{
	(void)type, (void)module_number;
	php_start_watch();
	return SUCCESS;
}

/* Output is done, shutdown functions have run: the time limit ends, and nobody reads on. */
static PHP_RSHUTDOWN_FUNCTION(peruserd)
{
	(void)type, (void)module_number;
	php_limit_end();
	SG(post_read) = 1;
	return SUCCESS;
}

static PHP_MINFO_FUNCTION(peruserd)
{
	(void)zend_module;
	php_info_print_table_start();
	php_info_print_table_row(2, "Handler", "peruserd, PHP in the pool's own processors");
	php_info_print_table_end();
}

zend_module_entry php_functions_module = {
	STANDARD_MODULE_HEADER,
	"peruserd",
	functions,
	PHP_MINIT(peruserd),
	NULL,
	NULL,
	PHP_RSHUTDOWN(peruserd),
	PHP_MINFO(peruserd),
	NO_VERSION_YET,
	STANDARD_MODULE_PROPERTIES
};
