#include "handlers/perl_parts.h"

#include <string.h>

#include "handlers/page.h"
#include "http/status.h"

#define SHOWN 16384             /* bytes of an error that a page shows, escaped */

static size_t
escape(const char *text, char *out, size_t size)
{
	const char *as;
	size_t len = 0;

	for (; *text != '\0' && size - len > 6; text++) {
		as = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;
		if (as != NULL) {
			memcpy(out + len, as, strlen(as));
			len += strlen(as);
		} else {
			out[len++] = *text;
		}
	}
	return len;
}

void
perl_page_error(const char *text)
{
	static const char head[] = "Status: 500 Internal Server Error\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n\r\n";
	static const char begin[] = "<!DOCTYPE html>\n<html><head><title>500 Internal Server Error"
	    "</title></head>\n<body><h1>Internal Server Error</h1><pre>";
	static const char end[] = "</pre></body></html>\n";
	static char shown[SHOWN];
	const struct handler_host *host = perl_now.host;
	struct request *request = perl_now.request;

	if (!perl_now.view->vhost->show_errors) {
		page_give(host, request, perl_now.view, 500, NULL);
		return;
	}
	if (host->head_given(request) || !host->head(request, head, sizeof head - 1))
		return;
	host->write(request, begin, sizeof begin - 1);
	host->write(request, shown, escape(text, shown, sizeof shown));
	host->write(request, end, sizeof end - 1);
}
