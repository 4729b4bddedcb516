/*
 * A CGI response's head: what is taken and written again is one HTTP head, by a
 * strict look at it, whatever the script gave: lines end in CR LF, nothing else
 * is a CR, LF or NUL, the one empty line is the last, and one way at most says
 * where the body ends.  The first byte chooses the framing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

/* Every beginning of it wants more, up to the end of the head. */
static void
check_pieces(const char *bytes, size_t used)
{
	static struct answer answer;
	size_t len, ignored;
	const char *why;

	for (len = used > 300 ? used - 300 : 0; len < used; len++)
		must(answer_parse(bytes, len, &answer, &ignored, &why) == ANSWER_MORE);
}

static bool
begins(const char *line, size_t len, const char *name)
{
	return len >= strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
}

static void
check_head(const char *at, size_t len, const struct answer_framing *framing, unsigned fields)
{
	unsigned lines = 0, lengths = 0, codings = 0, connections = 0, dates = 0;
	const char *end = at + len, *line_end;

	must(memchr(at, '\0', len) == NULL);
	must(begins(at, len, "HTTP/1.1 "));
	for (;; at = line_end + 2) {
		line_end = memchr(at, '\r', (size_t)(end - at));
		must(line_end != NULL && line_end + 1 < end && line_end[1] == '\n');
		must(memchr(at, '\n', (size_t)(line_end - at)) == NULL);
		if (line_end == at)
			break;
		if (lines++ == 0)
			continue;
		must(memchr(at, ':', (size_t)(line_end - at)) != NULL && *at != ' ' && *at != '\t');
		lengths += begins(at, (size_t)(line_end - at), "Content-Length:");
		codings += begins(at, (size_t)(line_end - at), "Transfer-Encoding:");
		connections += begins(at, (size_t)(line_end - at), "Connection:");
		dates += begins(at, (size_t)(line_end - at), "Date:");
	}
	must(line_end + 2 == end);
	must(dates == 1 && connections <= 1);
	must(lengths + codings <= 1);
	must(codings == (framing->body == BODY_CHUNKED));
	must(framing->body != BODY_EXACT || lengths == 1);
	must(framing->body != BODY_CLOSE || (connections == 1 && !framing->keep_alive));
	must(lines == 1 + dates + lengths + codings + connections + fields);
}

/* As the answer of a file, with itself as the one that named it. */
static void
check_joined(const struct answer *answer)
{
	static struct answer joined;
	struct slice name = { NULL, 0 };

	joined = *answer;
	joined.status = 200;
	if (answer_names_file(answer, &name) != ANSWER_NAMES_NONE)
		must(name.at != NULL);
	must(answer_join(&joined, answer) || joined.field_count == ANSWER_FIELDS);
	must(joined.field_count <= ANSWER_FIELDS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer answer;
	struct answer_framing framing;
	struct buf out = BUF(1024 * 1024);
	const char *why = NULL;
	size_t used;
	char *bytes;
	int how, minor;

	if (size < 1)
		return 0;
	how = data[0];
	minor = how & 1;
	bytes = malloc(size);
	memcpy(bytes, data + 1, size - 1);
	switch (answer_parse(bytes, size - 1, &answer, &used, &why)) {
	case ANSWER_MORE:
		must(size - 1 < ANSWER_HEAD_MAX);
		break;
	case ANSWER_BAD:
		must(why != NULL);
		break;
	case ANSWER_HEAD:
		must(used <= size - 1 && used <= ANSWER_HEAD_MAX);
		must(answer.status >= 200 && answer.status <= 599);
		check_pieces(bytes, used);
		framing = answer_frame(&answer, minor, how & 2, how & 4 ? how >> 3 : -1, how & 8);
		must(answer_write(&out, &answer, &framing, minor, "Sun, 06 Nov 1994 08:49:37 GMT",
		    NULL));
		check_head(out.data, out.len, &framing, answer.field_count);
		check_joined(&answer);
	}
	buf_free(&out);
	free(bytes);
	return 0;
}
