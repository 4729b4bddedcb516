/*
 * Any bytes are records or a refusal; how they were cut on their way makes no
 * difference; and what was read and is written again reads the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/fcgi.h"

#define ROOM (256u * 1024)      /* a digest of what was read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	unsigned char *bytes;
	size_t len;
	enum fcgi_got end;
	bool between;
};

static void
tell(struct told *told, const void *bytes, size_t len)
{
	if (len > ROOM - told->len)
		len = ROOM - told->len;
	memcpy(told->bytes + told->len, bytes, len);
	told->len += len;
}

/* Note a piece so that the cuts within a record don't show. */
static void
note(struct told *told, const struct fcgi_piece *piece)
{
	unsigned char header[FCGI_HEADER];
	unsigned role, flags, ended;
	uint32_t status;

	if (piece->len > piece->content || (piece->len == 0 && piece->content != 0))
		abort();
	if (piece->first) {
		fcgi_write_header(header, piece->type, piece->id, piece->content,
		    fcgi_padding(piece->content));
		tell(told, header, sizeof header);
	}
	if (piece->type == FCGI_TYPE_BEGIN || piece->type == FCGI_TYPE_END) {
		if (!piece->first || !piece->last || piece->len != FCGI_BODY)
			abort();
		fcgi_read_begin(piece, &role, &flags);
		fcgi_read_end(piece, &status, &ended);
	}
	tell(told, piece->bytes, piece->len);
	if (piece->last)
		tell(told, "\0\0\0\0\0\0\0", fcgi_padding(piece->content));
}

/* Read all of it, shown `step` bytes at a time, each time in memory of its own. */
static void
read_all(const uint8_t *data, size_t size, size_t step, struct told *told)
{
	struct fcgi_reader reader = { .in_record = false };
	struct fcgi_piece piece;
	size_t done = 0;

	told->len = 0;
	told->end = FCGI_MORE;
	while (done < size && told->end != FCGI_BAD) {
		size_t len = size - done < step ? size - done : step, left = len;
		char *copy = malloc(len);
		const char *at = copy;

		memcpy(copy, data + done, len);
		while ((told->end = fcgi_next(&reader, &at, &left, &piece)) == FCGI_PIECE)
			note(told, &piece);
		if (told->end == FCGI_MORE && left != 0)
			abort();
		free(copy);
		done += len;
	}
	told->between = fcgi_between(&reader);
}

static void
same(const struct told *a, const struct told *b)
{
	if (a->end != b->end || a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char one[ROOM], other[ROOM];
	struct told whole = { .bytes = one }, cut = { .bytes = other };
	struct fcgi_values values = { 10, 20, true };
	struct nv asked = { one, size < ROOM ? size : ROOM, ROOM };
	unsigned char out[FCGI_VALUES_MAX];

	read_all(data, size, size > 0 ? size : 1, &whole);
	read_all(data, size, 1, &cut);
	same(&whole, &cut);
	read_all(data, size, 7, &cut);
	same(&whole, &cut);
	if (whole.end == FCGI_MORE && whole.between && whole.len < ROOM) {
		read_all(whole.bytes, whole.len, 5, &cut);
		same(&whole, &cut);
	}
	memcpy(one, data, asked.len);
	if (fcgi_write_values(out, &asked, &values) > sizeof out)
		abort();
	return 0;
}
