/* A host that records, for the tests of handlers. */
#ifndef PERUSERD_TESTS_FAKE_HOST_H
#define PERUSERD_TESTS_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <peruserd/handler.h>

#include "settings/settings.h"

struct request {                /* the host's own, so ours here */
	char head[4096];
	char body[512 * 1024];
	size_t body_len;        /* may be more than fits; the rest is dropped */
	unsigned heads, flushes, finishes;
	char log[8192];
	char redirect[1024];
	bool gone;              /* the client has left */
	const char *send;       /* the request's body */
	size_t send_len, sent;
	int send_file;          /* its descriptor, or -1 */
	bool send_streams;      /* only body_read gives it */
	unsigned char vars_room[16 * 1024];
	struct nv vars;
	struct pool_settings pool;
	struct vhost_settings vhost;
	struct request_view view;
};

extern const struct handler_host fake_host;

/* A fresh request: GET of that script, found in that document root. */
void fake_begin(struct request *request, const char *root, const char *script_name,
    const char *script_filename);
void fake_var(struct request *request, const char *name, const char *value);

/* Is there such a field, with that value, in the head that was given? */
bool fake_has_field(const struct request *request, const char *field);

/* A new directory of our own; fake_write puts a file there and returns its path. */
const char *fake_directory(void);
const char *fake_write(const char *name, const char *text, mode_t mode);
void fake_remove(void);

#endif
