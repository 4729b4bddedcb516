/* A whole small answer of a handler's own: a status and one page about it. */
#ifndef PERUSERD_HANDLERS_PAGE_H
#define PERUSERD_HANDLERS_PAGE_H

#include <peruserd/handler.h>

/*
 * Answer with that status.  extra is NULL or whole "Name: value\r\n" lines.  A
 * 200 has an empty body; so has every answer to a HEAD, with the length that
 * a GET would have had.  Does nothing where the answer has begun.
 */
void page_give(const struct handler_host *host, struct request *request,
    const struct request_view *view, int status, const char *extra);

#endif
