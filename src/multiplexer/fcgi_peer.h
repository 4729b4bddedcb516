/*
 * What the other side of a FastCGI connection has done, looked at without taking
 * a byte and without waiting for it.
 */
#ifndef PERUSERD_MULTIPLEXER_FCGI_PEER_H
#define PERUSERD_MULTIPLEXER_FCGI_PEER_H

#include <stdbool.h>

/* It will send nothing more. */
bool fcgi_peer_has_closed(int fd);

/* Tell it that nobody wants the answer (ABORT).  Where it takes no more, it will see us hang up. */
void fcgi_peer_abort(int fd);

/*
 * After that, with our reading side shut: it works on the request no more.  It has hung up;
 * or it waits for us: php-cgi half-closes what it can't write to and reads until we close
 * (which the shut reading side hides), and what had answered before it could see the
 * abort waits for its next request.  Either takes the ABORT off the socket, which a
 * program at work leaves there.  fd may be -1: hung up.
 */
bool fcgi_peer_is_done(int fd);

#endif
