/*
 * What a FastCGI application sends, any bytes: how they were cut on their way
 * makes no difference to its answer, its STDERR and the verdict; and the head
 * of the answer is read or refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/answer.h"
#include "wire/fcgi_taken.h"

#define ROOM (256u * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	char *out, *err;
	size_t out_len, err_len;
	bool answered, ended, whole;
	uint32_t app_status;
	const char *wrong;
};

static void
add(char *to, size_t *len, const char *bytes, size_t count)
{
	if (count > ROOM - *len)
		count = ROOM - *len;
	memcpy(to + *len, bytes, count);
	*len += count;
}

static void
tell(void *context, const char *bytes, size_t len)
{
	struct heard *heard = context;

	add(heard->err, &heard->err_len, bytes, len);
}

/* As a multiplexer does: a read at a time, into the same memory. */
static void
hear(const uint8_t *data, size_t size, size_t step, struct heard *heard)
{
	struct fcgi_reader reader = { .in_record = false };
	struct fcgi_taken taken;
	size_t done = 0, len;

	heard->out_len = heard->err_len = 0;
	heard->answered = heard->ended = heard->whole = false;
	heard->wrong = NULL;
	while (done < size && heard->wrong == NULL && !heard->ended) {
		char *read;

		len = size - done < step ? size - done : step;
		read = malloc(len);
		memcpy(read, data + done, len);
		fcgi_take(&reader, heard->answered, read, len, &taken, tell, heard);
		if (taken.len > len || (taken.whole && !taken.ended))
			abort();
		add(heard->out, &heard->out_len, read, taken.len);
		heard->answered |= taken.answered;
		heard->ended = taken.ended;
		heard->whole = taken.whole;
		heard->app_status = taken.app_status;
		heard->wrong = taken.wrong;
		free(read);
		done += len;
	}
}

static void
same(const struct heard *a, const struct heard *b)
{
	if (a->out_len != b->out_len || memcmp(a->out, b->out, a->out_len) != 0 ||
	    a->err_len != b->err_len || memcmp(a->err, b->err, a->err_len) != 0 ||
	    a->answered != b->answered || a->ended != b->ended || a->whole != b->whole ||
	    (a->ended && a->app_status != b->app_status) || a->wrong != b->wrong)
		abort();
}

static void
read_head(const struct heard *heard)
{
	size_t len = heard->out_len < ANSWER_HEAD_MAX ? heard->out_len : ANSWER_HEAD_MAX;
	char *copy = malloc(len + 1);
	struct answer answer;
	const char *why = NULL;
	size_t used = 0;

	memcpy(copy, heard->out, len);
	switch (answer_parse(copy, len, &answer, &used, &why)) {
	case ANSWER_HEAD:
		if (used > len)
			abort();
		break;
	case ANSWER_BAD:
		if (why == NULL)
			abort();
		break;
	case ANSWER_MORE:
		break;
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char rooms[4][ROOM];
	struct heard whole = { .out = rooms[0], .err = rooms[1] };
	struct heard cut = { .out = rooms[2], .err = rooms[3] };

	hear(data, size, size > 0 ? size : 1, &whole);
	hear(data, size, 1, &cut);
	same(&whole, &cut);
	hear(data, size, 13, &cut);
	same(&whole, &cut);
	read_head(&whole);
	return 0;
}
