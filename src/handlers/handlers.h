/* The handlers that are built into the processor: libhandlers.la. */
#ifndef PERUSERD_HANDLERS_HANDLERS_H
#define PERUSERD_HANDLERS_HANDLERS_H

#include <peruserd/handler.h>

/*
 * Files: GET and HEAD, conditional requests, ranges.  load() reads the system's
 * MIME types, so it runs before the chroot is entered.
 */
extern const struct handler static_handler;

/* Programs, each run for one request (RFC 3875). */
extern const struct handler cgi_handler;

/*
 * Where static_handler's load() finds the MIME types: a file in the format of
 * mime.types(5).  Borrowed until then.  Without a call, /etc/mime.types.
 */
void static_mime_types(const char *path);

#endif
