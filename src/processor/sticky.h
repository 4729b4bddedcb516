/*
 * A private connection that is kept: the processor reads the next request from
 * the client's own socket and serves it, as long as nobody else waits for the
 * slot.  It looks at both, the client and the slot's channel, while it waits.
 *
 * The rules, limits and statuses are the multiplexer's.  A request for another
 * pool's site is answered 421, for its connection belongs here.
 */
#ifndef PERUSERD_PROCESSOR_STICKY_H
#define PERUSERD_PROCESSOR_STICKY_H

#include "processor/serve.h"

/*
 * After a raw request was served: end its answer, go on with what follows on
 * the connection where it may be kept, and close it.  The completion of the
 * whole is the caller's to send.
 */
void sticky_go_on(struct server *server, const struct arrival *first);

#endif
