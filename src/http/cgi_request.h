/*
 * A request that a web server has read already and tells as CGI/1.1
 * meta-variables (RFC 3875, FastCGI PARAMS): checked, and made into ours.
 *
 * What it decided about the client and the connection is kept (REMOTE_*,
 * AUTH_TYPE, SERVER_*, HTTPS, what is its own).  What the site's configuration
 * decides is left out, to be reckoned anew: DOCUMENT_ROOT, DOCUMENT_URI,
 * SCRIPT_*, PATH_*.  HTTP_PROXY is left out, and what is no variable's name.
 * No I/O, no allocation; slices point into the params.
 */
#ifndef PERUSERD_HTTP_CGI_REQUEST_H
#define PERUSERD_HTTP_CGI_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <peruserd/nv.h>

#include "http/head.h"
#include "http/vars.h"

/* Variables that mean something to us: everything else is passed on as it is. */
enum cgi_known {
	CGI_REQUEST_METHOD, CGI_REQUEST_URI, CGI_QUERY_STRING, CGI_CONTENT_TYPE,
	CGI_CONTENT_LENGTH, CGI_HTTP_HOST, CGI_SERVER_NAME, CGI_SERVER_ADDR, CGI_SERVER_PORT,
	CGI_SERVER_PROTOCOL, CGI_SERVER_SOFTWARE, CGI_REMOTE_ADDR, CGI_REMOTE_PORT, CGI_HTTPS,
	CGI_REQUEST_SCHEME, CGI_SCRIPT_NAME, CGI_PATH_INFO,
	CGI_PERUSERD_VHOST,             /* the site, by a name of it: goes before Host */
	CGI_PERUSERD_PATH,              /* the decoded path to be served: goes before the target's */
	CGI_KNOWN
};

struct cgi_request {
	struct slice known[CGI_KNOWN];  /* at NULL where it was not given, or is empty */
	enum head_form form;            /* HEAD_ORIGIN or HEAD_ASTERISK */
	struct slice target;            /* path and query, still encoded; at NULL: none was told */
	struct slice path;
	struct slice query;
	int64_t content_length;         /* HEAD_LENGTH_NONE where it was not told */
};

/*
 * Read the params; those that are passed on as they are get appended to vars.
 * 0, or the status to answer: 400; 431 where vars has no room.
 */
int cgi_request_read(const struct nv *params, struct cgi_request *request, struct nv *vars);

/* Take that as the target, where the web server told none.  0 or 400. */
int cgi_request_target(struct cgi_request *request, struct slice target);

/*
 * Append what is ours, and what the web server did not say.  False where it
 * does not fit.  about->server_name is used where no name was told.
 */
bool cgi_request_vars(struct nv *vars, const struct cgi_request *request,
    const struct vars_about *about);

#endif
