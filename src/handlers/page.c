#include <stdio.h>
#include <string.h>

#include "handlers/page.h"
#include "http/status.h"

#define PAGE_MAX 4096

void
page_give(const struct handler_host *host, struct request *request,
    const struct request_view *view, int status, const char *extra)
{
	const char *reason = status_reason(status);
	char head[PAGE_MAX], body[PAGE_MAX];
	int head_len, body_len = 0;

	if (host->head_given(request))
		return;
	if (status != 200)
		body_len = snprintf(body, sizeof body,
		    "<!DOCTYPE html>\n<html><head><title>%d %s</title></head>\n"
		    "<body><h1>%s</h1><p>%s</p></body></html>\n",
		    status, reason, reason, status_explain(status));
	head_len = snprintf(head, sizeof head, "Status: %d %s\r\n%s%sContent-Length: %d\r\n\r\n",
	    status, reason, status != 200 ? "Content-Type: text/html; charset=utf-8\r\n" : "",
	    extra != NULL ? extra : "", body_len);
	if (head_len < 0 || (size_t)head_len >= sizeof head ||
	    body_len < 0 || (size_t)body_len >= sizeof body)
		return;
	if (host->head(request, head, (size_t)head_len) && strcmp(view->method, "HEAD") != 0)
		host->write(request, body, (size_t)body_len);
}
