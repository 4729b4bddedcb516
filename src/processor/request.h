/*
 * The request that is served now: its meta-variables, what they say as the
 * handler sees it, its body and its answer.  There is one at a time and its
 * memory is static, so nothing is allocated for it.
 */
#ifndef PERUSERD_PROCESSOR_REQUEST_H
#define PERUSERD_PROCESSOR_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <peruserd/envelope.h>
#include <peruserd/handler.h>

#include "processor/body.h"
#include "processor/respond.h"
#include "processor/resolve.h"

#define REQUEST_EXTRA (5 * PATH_MAX)    /* room for what is added to the meta-variables */
#define REQUEST_ENV_NAME 256            /* a longer name in a vhost's env is left out */
#define REQUEST_VARS  (ENVELOPE_MAX_VARS + REQUEST_EXTRA)
#define REQUEST_REDIRECT_MAX (16u * 1024)       /* a local redirect's path and query */
#define REQUEST_REDIRECTS 10

struct request {
	struct request_view view;
	struct nv vars;                 /* in bytes[] */
	bool named;                     /* an answer named this file: it is sent, whatever it is */
	struct resolution resolution;
	struct body body;
	struct respond respond;
	size_t redirect_len;            /* of redirect[]; 0: none was asked for */
	unsigned redirects;
	char redirect[REQUEST_REDIRECT_MAX];
	size_t text_len;
	char text[REQUEST_VARS];        /* the view's terminated strings */
	unsigned char bytes[REQUEST_VARS];
};

/*
 * Take a request over: its meta-variables are copied, the view's strings set.
 * Body and answer are the caller's to begin.  False: it does not say what a
 * request must (REQUEST_METHOD, DOCUMENT_URI).
 */
bool request_begin(struct request *request, const struct nv *vars,
    const struct pool_settings *pool, const struct vhost_settings *vhost);

/*
 * An answer named that file, so it is sent: whatever was asked of the program, of
 * its file that is GET.
 */
void request_names_file(struct request *request);

/*
 * Find what serves it and add the SCRIPT_* and PATH_* variables.  False where
 * that is no handler: the resolution says what to answer.
 */
bool request_resolve(struct request *request);

/*
 * Make it the request for redirect[]: GET or HEAD, without a body; what it was
 * before is left in REDIRECT_URL and REDIRECT_QUERY_STRING.  0, or the status
 * to answer.
 */
int request_redirect(struct request *request);

#endif
