/*
 * Conditional requests (RFC 9110, section 13): does what the client knows
 * still hold.  Pure.
 */
#ifndef PERUSERD_HANDLERS_CONDITIONS_H
#define PERUSERD_HANDLERS_CONDITIONS_H

#include <stdbool.h>
#include <time.h>

#include <peruserd/nv.h>

#include "http/head.h"

/* The fields of a request that ask for a condition or a part; at NULL: absent. */
struct conditions {
	struct slice if_match;
	struct slice if_none_match;
	struct slice if_modified_since;
	struct slice if_unmodified_since;
	struct slice if_range;
	struct slice range;
};

/* What they are held against. */
struct validators {
	struct slice etag;      /* strong, with its quotes */
	time_t modified;
};

/* Find them among a request's meta-variables.  They point into vars. */
void conditions_find(const struct nv *vars, struct conditions *conditions);

/* Was there any? */
bool conditions_any(const struct conditions *conditions);

/*
 * Evaluate in the order of RFC 9110, 13.2.2, for a GET or HEAD.  Returns 0: go
 * on; or 304 or 412.
 */
int conditions_status(const struct conditions *conditions, const struct validators *is);

/* Does If-Range let the Range field count?  True where there is no If-Range. */
bool conditions_allow_range(const struct conditions *conditions, const struct validators *is);

#endif
