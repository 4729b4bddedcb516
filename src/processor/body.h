/*
 * The body of the request that is served: bytes that came with it, a file that
 * holds all of it, or bytes that are still on their way.
 */
#ifndef PERUSERD_PROCESSOR_BODY_H
#define PERUSERD_PROCESSOR_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum body_kind {
	BODY_HERE,              /* first holds all of it */
	BODY_IN_FILE,           /* fd holds all of it */
	BODY_ARRIVES,           /* first, then what comes from fd */
	BODY_PULLED             /* first, then what pull() brings */
};

struct body {
	enum body_kind kind;
	const unsigned char *first;     /* borrowed */
	size_t first_len;
	uint64_t total;                 /* bytes, or BODY_UNTIL_END (envelope.h) */
	uint64_t at;                    /* bytes read so far */
	int fd;                         /* owned; -1 where there is none */
	int poll_fd;                    /* what to poll for more, or -1; borrowed */
	/* BODY_PULLED: bytes, 0 at the end, -1 with errno. */
	ssize_t (*pull)(void *context, void *to, size_t size);
	void *context;
};

/* No body, which is also what to begin from. */
void body_none(struct body *body);
void body_end(struct body *body);

/* As struct handler_host says of its functions of these names. */
ssize_t body_read(struct body *body, void *to, size_t size);
int body_file(struct body *body);
bool body_bytes(const struct body *body, const unsigned char **bytes, size_t *len);
int body_poll(const struct body *body);

#endif
