#include "multiplexer/later.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"

char *
later_room(struct multiplexer *mux)
{
	struct later *later = &mux->scratch->later;

	if (later->count == LATER_ANSWERS || sizeof later->room - later->used < LATER_ROOM)
		later_send(mux);
	return later->room + later->used;
}

void
later_answer(struct conn *conn, const char *data, size_t len, bool cut)
{
	struct later *later = &conn->mux->scratch->later;

	later->answers[later->count++] = (struct later_answer){ conn, data, len, cut };
	later->used = (size_t)(data + len - later->room);
}

void
later_forget(struct conn *conn)
{
	struct later *later = &conn->mux->scratch->later;
	unsigned i;

	for (i = 0; i < later->count; i++)
		if (later->answers[i].conn == conn)
			later->answers[i].conn = NULL;
}

void
later_send(struct multiplexer *mux)
{
	struct later *later = &mux->scratch->later;
	struct later_answer *answer;
	unsigned i;

	/* To answer one client may end another's connection, never add an answer. */
	for (i = 0; i < later->count; i++) {
		answer = &later->answers[i];
		if (answer->conn != NULL)
			respond_inline(answer->conn, answer->data, answer->len, answer->cut);
	}
	later->count = 0;
	later->used = 0;
}
