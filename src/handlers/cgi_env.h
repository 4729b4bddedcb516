/*
 * A CGI program's environment and arguments (RFC 3875, sections 4.1, 4.4 and
 * 7.2): from the request and the pool's configuration alone, nothing is
 * inherited.
 */
#ifndef PERUSERD_HANDLERS_CGI_ENV_H
#define PERUSERD_HANDLERS_CGI_ENV_H

#include <stdbool.h>

#include <peruserd/handler.h>

#include "base/buf.h"

#define CGI_ENV_MAX       (192u * 1024) /* bytes of all variables */
#define CGI_ARGUMENTS     64            /* words of an indexed query; with more, none is passed */
#define CGI_ARGUMENTS_MAX (16u * 1024)  /* bytes of all of them */
#define CGI_PATH          "/usr/local/bin:/usr/bin:/bin"

/* Terminated strings, one after the other, and pointers to them. */
struct cgi_strings {
	struct buf texts;
	char **at;              /* owned; ends in NULL */
	size_t size;            /* pointers that have room */
};

struct cgi_env {
	struct cgi_strings environment;
	struct cgi_strings arguments;   /* [0] is the script */
};

#define CGI_ENV_NONE { .environment.texts = BUF(CGI_ENV_MAX), \
	.arguments.texts = BUF(CGI_ARGUMENTS_MAX) }

/*
 * Build both, in a CGI_ENV_NONE or in the memory of one that was built before.
 * The request's meta-variables come first; of the pool's env what has the name
 * of one of them is left out.  PATH is the pool's or CGI_PATH.  False where
 * memory or CGI_ENV_MAX forbids it; free it all the same.
 */
bool cgi_env_build(struct cgi_env *env, const struct request_view *view);
void cgi_env_free(struct cgi_env *env);

#endif
