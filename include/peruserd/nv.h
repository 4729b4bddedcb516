/*
 * Meta-variables as bytes: the name-value pairs of the FastCGI specification,
 * section 3.4.  A request inside peruserd is a run of such pairs (RFC 3875,
 * section 4) and a body; every front builds them, every handoff carries them,
 * every handler reads them.
 *
 * The codec never allocates, never logs and is total: any bytes give a pair,
 * the end, or malformed.  It borrows the memory it is shown.
 */
#ifndef PERUSERD_NV_H
#define PERUSERD_NV_H

#include <stdbool.h>
#include <stddef.h>

struct nv {
	unsigned char *data;    /* borrowed; size bytes of room */
	size_t len;             /* bytes in use */
	size_t size;
};

struct nv_pair {
	const char *name;       /* not terminated; points into the nv's data */
	const char *value;
	size_t name_len;
	size_t value_len;
};

enum nv_next { NV_PAIR, NV_END, NV_MALFORMED };

/* Append one pair, or change nothing and return false where there is no room. */
bool nv_put(struct nv *nv, const char *name, size_t name_len,
    const char *value, size_t value_len);

/* The same for two terminated strings. */
bool nv_put_str(struct nv *nv, const char *name, const char *value);

/* Read the pair at *at and move *at on.  Start with *at = 0. */
enum nv_next nv_next(const struct nv *nv, size_t *at, struct nv_pair *pair);

/*
 * Find the first pair of that name.  Returns false where there is none, or
 * where the bytes before it are malformed.
 */
bool nv_find(const struct nv *nv, const char *name, struct nv_pair *pair);

/* True if all of the bytes are whole pairs. */
bool nv_valid(const struct nv *nv);

#endif
