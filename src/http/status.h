/* Status codes and their standard reason phrases (RFC 9110, 15). */
#ifndef PERUSERD_HTTP_STATUS_H
#define PERUSERD_HTTP_STATUS_H

/* "Not Found" for 404; "Unknown" where the registry has none. */
const char *status_reason(int status);

/* One sentence for a visitor, for the page of an error of our own. */
const char *status_explain(int status);

#endif
