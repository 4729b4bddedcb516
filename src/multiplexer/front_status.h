/*
 * What a listener with protocol = "status" answers, over HTTP: the status as a
 * page, as JSON and for Prometheus.  It is made here, of the board and of what
 * the manager says when it is asked (WANT_STATUS), so no processor is needed
 * for it, and the manager reads nothing of a network.
 *
 *   /, /status   the page         /status.json[?active]   all of it
 *   /metrics     OpenMetrics      /health                 200 while it serves
 */
#ifndef PERUSERD_MULTIPLEXER_FRONT_STATUS_H
#define PERUSERD_MULTIPLEXER_FRONT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/head.h"
#include "multiplexer/conn.h"

struct multiplexer;

#define FRONT_STATUS_CLIENTS 16         /* let in beyond max_clients: an operator is not shut out */

struct status_desk {
	struct buf said;                /* the manager's last answer, as it came */
	uint64_t said_ms;               /* when; 0: never */
	uint64_t asked_ms;              /* a question that is not answered yet; 0: none */
	struct conn_list waiting;       /* for the answer, in CONN_ASKING */
};

void front_status_begin(struct multiplexer *mux);
void front_status_end(struct multiplexer *mux);

/*
 * A whole head came on such a listener.  front_status_judge: what is asked for,
 * of conn->status_form, and 0; or the status to answer.  front_status_answer:
 * then, when the head's bytes are used up.
 */
int front_status_judge(struct conn *conn, const struct head *head);
void front_status_answer(struct conn *conn, int status);

/* It waits no more: its client left. */
void front_status_forget(struct conn *conn);

/* The manager is silent: answer with its last word, or 503. */
void front_status_late(struct conn *conn);

/* From the manager: its answer, in a sealed memory (taken). */
void front_status_said(struct multiplexer *mux, int fd);

#endif
