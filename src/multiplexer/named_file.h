/*
 * Answers that name a file instead of bringing it (x_sendfile): X-Accel-Redirect, a
 * URL path below the document root, or X-Sendfile, a path as the program sees it.
 * Multiplexers open no file of a user, so the request is handed over anew, to a
 * processor of the site's own pool, which sends that file and nothing else
 * (ENVELOPE_NAMED); its answer's head and the program's become one (answer.h).
 *
 * The names are a user's bytes: decoded and normalised they lie in the document
 * root, or the client gets 403; symbolic links are followed as that pool's user
 * may.  Once for a request: a file's answer that names another one is 502.
 */
#ifndef PERUSERD_MULTIPLEXER_NAMED_FILE_H
#define PERUSERD_MULTIPLEXER_NAMED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/answer.h"

struct conn;

/*
 * An answer of a site that says x_sendfile has its head: these bytes, parsed.
 * True: it is the client's, its fields perhaps joined by those of the answer that
 * named the file.  False: taken care of otherwise.  A program that is still at work
 * on the answer ends as it likes; what it writes is dropped.
 */
bool named_file(struct conn *conn, struct answer *answer, const char *head, size_t len);

#endif
