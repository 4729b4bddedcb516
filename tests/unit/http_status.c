#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/status.h"

struct row {
	int status;
	const char *reason;
};

static const struct row rows[] = {
	{ 100, "Continue" }, { 200, "OK" }, { 204, "No Content" }, { 206, "Partial Content" },
	{ 301, "Moved Permanently" }, { 304, "Not Modified" }, { 400, "Bad Request" },
	{ 404, "Not Found" }, { 413, "Content Too Large" }, { 421, "Misdirected Request" },
	{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
	{ 502, "Bad Gateway" }, { 511, "Network Authentication Required" },
	{ 99, "Unknown" }, { 299, "Unknown" }, { 306, "Unknown" }, { 512, "Unknown" },
	{ 0, "Unknown" }, { -1, "Unknown" }, { 1000, "Unknown" },
};

static void
reasons(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(status_reason(rows[i].status), rows[i].reason) != 0)
			fail_msg("%d: %s", rows[i].status, status_reason(rows[i].status));
}

/* They go into a head and a page as they are. */
static void
texts_are_plain(void **state)
{
	int status;

	(void)state;
	for (status = -1; status < 700; status++) {
		const char *reason = status_reason(status), *explain = status_explain(status);

		if (reason[0] == '\0' || strlen(reason) > 45 || strpbrk(reason, "\r\n<>&") != NULL)
			fail_msg("%d: reason", status);
		if (explain[0] == '\0' || strlen(explain) > 200 ||
		    strpbrk(explain, "\r\n<>&") != NULL || explain[strlen(explain) - 1] != '.')
			fail_msg("%d: explanation", status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons),
		cmocka_unit_test(texts_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
