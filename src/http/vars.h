/*
 * A request head as CGI/1.1 meta-variables (RFC 3875, section 4.1).
 *
 * The `Proxy` field never becomes HTTP_PROXY; names with an underscore or any
 * byte but letters, digits and '-' are dropped; fields of one name are joined
 * with ", " (Cookie with "; ").  Content-Type and Content-Length have variables of
 * their own, Transfer-Encoding is undone before anybody reads the body: they
 * become no HTTP_*.  HTTP_HOST is head->host, so what the request was routed by.
 */
#ifndef PERUSERD_HTTP_VARS_H
#define PERUSERD_HTTP_VARS_H

#include <stdbool.h>
#include <stdint.h>

#include <peruserd/nv.h>

#include "http/head.h"

/* What the head does not say.  The strings are terminated. */
struct vars_about {
	const char *server_name;        /* the name asked for, without port; lower case */
	const char *server_addr;        /* the address it was accepted on */
	const char *server_port;
	const char *remote_addr;
	const char *remote_port;
	bool https;
	const char *document_uri;       /* decoded and normalised path; goes as DOCUMENT_URI */
	int64_t content_length;         /* of the decoded body; HEAD_LENGTH_NONE: not said */
};

/*
 * Append GATEWAY_INTERFACE, SERVER_SOFTWARE, SERVER_PROTOCOL, SERVER_NAME,
 * SERVER_ADDR, SERVER_PORT, REMOTE_ADDR, REMOTE_PORT, REQUEST_METHOD,
 * REQUEST_SCHEME, HTTPS ("on", only where it is), REQUEST_URI, QUERY_STRING,
 * DOCUMENT_URI, CONTENT_TYPE, CONTENT_LENGTH and the HTTP_* variables.
 * False where they don't fit: 431.
 */
bool vars_build(struct nv *vars, const struct head *head, const struct vars_about *about);

#endif
