#include <string.h>

#include "wire/fcgi_taken.h"

struct taking {
	struct fcgi_taken *taken;
	char *to;
	void (*tell)(void *context, const char *bytes, size_t len);
	void *context;
};

/* Behind what there is; before what is still to be read, for each has had a header. */
static void
take_stdout(struct taking *taking, bool answered, const struct fcgi_piece *piece)
{
	struct fcgi_taken *taken = taking->taken;

	if ((answered || taken->answered) && piece->content > 0) {
		taken->wrong = "sent more than its answer";
		return;
	}
	taken->answered = !answered && piece->content == 0;
	memmove(taking->to + taken->len, piece->bytes, piece->len);
	taken->len += piece->len;
}

static void
take_end(struct fcgi_taken *taken, const struct fcgi_piece *piece)
{
	unsigned how;

	fcgi_read_end(piece, &taken->app_status, &how);
	taken->ended = true;
	taken->whole = how == FCGI_ENDED_COMPLETE;
}

static void
take_piece(struct taking *taking, bool answered, const struct fcgi_piece *piece)
{
	/* About the connection, not about a request: nothing was asked. */
	if (piece->id == 0)
		return;
	if (piece->id != FCGI_REQUEST_ID)
		taking->taken->wrong = "answered a request that it was not given";
	else if (piece->type == FCGI_TYPE_STDOUT)
		take_stdout(taking, answered, piece);
	else if (piece->type == FCGI_TYPE_STDERR)
		taking->tell(taking->context, (const char *)piece->bytes, piece->len);
	else if (piece->type == FCGI_TYPE_END)
		take_end(taking->taken, piece);
	else
		taking->taken->wrong = "sent a FastCGI record of an unknown type";
}

void
fcgi_take(struct fcgi_reader *reader, bool answered, char *bytes, size_t len,
    struct fcgi_taken *taken, void (*tell)(void *context, const char *bytes, size_t len),
    void *context)
{
	struct taking taking = { taken, bytes, tell, context };
	struct fcgi_piece piece;
	enum fcgi_got got = FCGI_MORE;
	const char *at = bytes;

	memset(taken, 0, sizeof *taken);
	while (taken->wrong == NULL && !taken->ended &&
	    (got = fcgi_next(reader, &at, &len, &piece)) == FCGI_PIECE)
		take_piece(&taking, answered, &piece);
	if (got == FCGI_BAD)
		taken->wrong = "sent what is no FastCGI record";
	/* The padding of an END, but no more: it was given no other request. */
	if (taken->ended)
		taken->surplus = fcgi_next(reader, &at, &len, &piece) != FCGI_MORE || len > 0 ||
		    !fcgi_between(reader);
}
