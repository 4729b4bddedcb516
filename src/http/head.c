#include <string.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/head.h"

/*
 * One pass, left to right: what is wrong first is what is told, so that a head
 * that comes in pieces gets the same answer as one that comes whole.  Each step
 * returns 0 (go on), RUN_OUT (needs bytes that aren't here) or a status.
 */
#define RUN_OUT (-1)
#define EMPTY_LINES 2           /* skipped before the request line */

struct reader {
	const char *at;
	const char *end;
	struct head *head;
	struct slice host_field;
	bool transfer_encoding;
	bool not_chunked;       /* a transfer coding, but not exactly "chunked" */
	bool says_close;
	bool says_keep_alive;
};

/* ---- the request line */

static int
skip_empty_lines(struct reader *r)
{
	int i;

	for (i = 0; i < EMPTY_LINES; i++) {
		if (r->at == r->end)
			return RUN_OUT;
		if (*r->at != '\r')
			return 0;
		if (r->end - r->at < 2)
			return RUN_OUT;
		if (r->at[1] != '\n')
			return 400;
		r->at += 2;
	}
	return r->at == r->end ? RUN_OUT : 0;
}

/*
 * Any version but the two that nearly all requests have, byte by byte.  A '0' of
 * the form stands for any digit.
 */
static int
read_odd_version(struct reader *r, const char *end)
{
	static const char form[] = "HTTP/0.0\r\n";
	enum { MAJOR = 5, DOT = 6, MINOR = 7 };
	const char *at = r->at;
	size_t i;

	for (i = 0; i < sizeof form - 1; i++) {
		if (at + i == end)
			return RUN_OUT;
		if (form[i] == '0' ? at[i] >= '0' && at[i] <= '9' : at[i] == form[i])
			continue;
		/* "HTTP/2" and "HTTP/3" have no minor number: their own names for themselves. */
		return i == DOT && at[i] == '\r' && at[MAJOR] >= '2' ? 505 : 400;
	}
	r->head->minor = at[MINOR] == '0' ? 0 : 1;
	r->at = at + i;
	return at[MAJOR] == '1' ? 0 : 505;
}

static int
read_version(struct reader *r, const char *end)
{
	const char *at = r->at;

	if (end - at >= 10 && memcmp(at, "HTTP/1.", 7) == 0 && at[8] == '\r' && at[9] == '\n' &&
	    (at[7] == '0' || at[7] == '1')) {
		r->head->minor = at[7] - '0';
		r->at = at + 10;
		return 0;
	}
	return read_odd_version(r, end);
}

/* A run of that class and the one space behind it, as a slice. */
static int
read_word(struct reader *r, const char *end, enum char_class class, struct slice *word)
{
	const char *at = chars_span(r->at, end, class);

	if (at == end)
		return RUN_OUT;
	if (*at != ' ' || at == r->at)
		return 400;
	word->at = r->at;
	word->len = (size_t)(at - r->at);
	r->at = at + 1;
	return 0;
}

static void
split_query(struct head *head, const char *at, const char *end)
{
	const char *mark = memchr(at, '?', (size_t)(end - at));

	head->path.at = at;
	head->path.len = (size_t)((mark != NULL ? mark : end) - at);
	head->query.at = mark != NULL ? mark + 1 : NULL;
	head->query.len = mark != NULL ? (size_t)(end - mark - 1) : 0;
}

static bool
method_is(const struct head *head, const char *name, size_t len)
{
	return head->method.len == len && memcmp(head->method.at, name, len) == 0;
}

static int
read_absolute(struct head *head)
{
	const char *at = head->target.at, *end = at + head->target.len, *authority;
	struct slice name;
	unsigned port;

	if (head->target.len >= 7 && CHARS_SAME(at, 7, "http://"))
		authority = at + 7;
	else if (head->target.len >= 8 && CHARS_SAME(at, 8, "https://"))
		authority = at + 8;
	else
		return 400;
	head->form = HEAD_ABSOLUTE;
	for (at = authority; at < end && *at != '/' && *at != '?'; at++)
		;
	head->host.at = authority;
	head->host.len = (size_t)(at - authority);
	if (!head_split_host(head->host, &name, &port))
		return 400;
	split_query(head, at, end);
	if (head->path.len > 0)
		return 0;
	head->path.at = "/";
	head->path.len = 1;
	/* RFC 9112, 3.2.4: how a proxy was asked for OPTIONS of the server as a whole. */
	if (head->query.at == NULL && method_is(head, "OPTIONS", 7)) {
		head->form = HEAD_ASTERISK;
		head->path.at = "*";
	}
	return 0;
}

static int
read_target(struct head *head)
{
	const char *at = head->target.at;
	struct slice name;
	unsigned port;

	if (method_is(head, "CONNECT", 7)) {
		head->form = HEAD_AUTHORITY;
		return head_split_host(head->target, &name, &port) && port != 0 ? 501 : 400;
	}
	if (at[0] == '/') {
		head->form = HEAD_ORIGIN;
		split_query(head, at, at + head->target.len);
		return 0;
	}
	if (at[0] == '*' && head->target.len == 1) {
		head->form = HEAD_ASTERISK;
		head->path = head->target;
		head->query.at = NULL;
		head->query.len = 0;
		return method_is(head, "OPTIONS", 7) ? 0 : 400;
	}
	return read_absolute(head);
}

static int
read_request_line(struct reader *r, size_t line_max)
{
	const char *start = r->at, *end = r->end;
	int status;

	/* CR and LF don't count. */
	if ((size_t)(end - start) > line_max + 2)
		end = start + line_max + 2;
	status = read_word(r, end, CHAR_TOKEN, &r->head->method);
	if (status == 0)
		status = read_word(r, end, CHAR_TARGET, &r->head->target);
	if (status == 0)
		status = read_version(r, end);
	if (status == RUN_OUT && end - start == (ptrdiff_t)(line_max + 2))
		return 414;
	return status == 0 ? read_target(r->head) : status;
}

/* ---- the fields */

static int
take_length(struct head *head, const struct slice *value)
{
	uint64_t length;

	/* A second one is refused even where it says the same: nobody honest sends it. */
	if (head->content_length != HEAD_LENGTH_NONE ||
	    !str_decimal(value->at, value->len, &length) || length > INT64_MAX)
		return 400;
	head->content_length = (int64_t)length;
	return 0;
}

static int
take_host(struct reader *r, const struct slice *value)
{
	struct slice name;
	unsigned port;

	if (r->host_field.at != NULL || !head_split_host(*value, &name, &port))
		return 400;
	r->host_field = *value;
	return 0;
}

static void
take_connection(struct reader *r, const struct slice *value)
{
	const char *at = value->at, *end = at + value->len, *stop;

	while (at < end) {
		while (at < end && (chars_blank(*at) || *at == ','))
			at++;
		for (stop = at; stop < end && *stop != ',' && !chars_blank(*stop); stop++)
			;
		if (str_is_nocase(at, (size_t)(stop - at), "close"))
			r->says_close = true;
		else if (str_is_nocase(at, (size_t)(stop - at), "keep-alive"))
			r->says_keep_alive = true;
		at = stop;
	}
}

static int
take_expect(struct head *head, const struct slice *value)
{
	if (!str_is_nocase(value->at, value->len, "100-continue"))
		return 417;
	/* An HTTP/1.0 client can't mean it (RFC 9110, 10.1.1). */
	head->expect_continue = head->minor > 0;
	return 0;
}

/* What this parser itself must know of; all else is for the vhost's code. */
static int
take_field(struct reader *r, const struct head_field *field)
{
	const char *name = field->name.at;
	size_t len = field->name.len;

	switch (len) {
	case 4:
		return CHARS_SAME(name, len, "host") ? take_host(r, &field->value) : 0;
	case 6:
		return CHARS_SAME(name, len, "expect") ? take_expect(r->head, &field->value) : 0;
	case 10:
		if (CHARS_SAME(name, len, "connection"))
			take_connection(r, &field->value);
		return 0;
	case 12:
		if (!CHARS_SAME(name, len, "content-type"))
			return 0;
		if (r->head->content_type.at != NULL)
			return 400;
		r->head->content_type = field->value;
		return 0;
	case 14:
		return CHARS_SAME(name, len, "content-length") ?
		    take_length(r->head, &field->value) : 0;
	case 17:
		if (!CHARS_SAME(name, len, "transfer-encoding"))
			return 0;
		r->not_chunked = r->transfer_encoding ||
		    !str_is_nocase(field->value.at, field->value.len, "chunked");
		r->transfer_encoding = true;
		return 0;
	}
	return 0;
}

/* One "name: value" line.  A line that begins with a blank fails as a name. */
static int
read_field(struct reader *r, struct head_field *field)
{
	const char *at = r->at, *end = r->end, *last;

	at = chars_span(at, end, CHAR_TOKEN);
	if (at == end)
		return RUN_OUT;
	if (*at != ':' || at == r->at)
		return 400;
	field->name.at = r->at;
	field->name.len = (size_t)(at - r->at);
	for (at++; at < end && chars_blank(*at); at++)
		;
	field->value.at = at;
	at = chars_text(at, end);
	if (at == end || (*at == '\r' && end - at < 2))
		return RUN_OUT;
	if (*at != '\r' || at[1] != '\n')
		return 400;
	for (last = at; last > field->value.at && chars_blank(last[-1]); last--)
		;
	field->value.len = (size_t)(last - field->value.at);
	r->at = at + 2;
	return 0;
}

static int
read_fields(struct reader *r)
{
	struct head *head = r->head;
	struct head_field *field;
	int status;

	for (;;) {
		if (r->end - r->at >= 2 && r->at[0] == '\r' && r->at[1] == '\n') {
			r->at += 2;
			return 0;
		}
		if (r->at == r->end || (*r->at == '\r' && r->end - r->at < 2))
			return RUN_OUT;
		if (head->field_count == HEAD_FIELDS)
			return 431;
		field = &head->fields[head->field_count];
		status = read_field(r, field);
		if (status != 0)
			return status;
		status = take_field(r, field);
		if (status != 0)
			return status;
		head->field_count++;
	}
}

/* ---- the whole */

/* What can be said only of all fields together. */
static int
conclude(struct reader *r)
{
	struct head *head = r->head;

	if (r->host_field.at == NULL && head->minor > 0)
		return 400;
	/* The target's authority wins (RFC 9112, 3.2.2). */
	if (head->host.at == NULL)
		head->host = r->host_field;
	if (r->transfer_encoding) {
		if (head->minor == 0 || head->content_length != HEAD_LENGTH_NONE)
			return 400;
		if (r->not_chunked)
			return 501;
		head->chunked = true;
	}
	head->keep_alive = !r->says_close && (head->minor > 0 || r->says_keep_alive);
	return 0;
}

/* Only what is read is written: a head is large, and mostly unused fields. */
static void
head_begin(struct head *head)
{
	head->host.at = head->content_type.at = NULL;
	head->host.len = head->content_type.len = 0;
	head->field_count = 0;
	head->content_length = HEAD_LENGTH_NONE;
	head->chunked = head->expect_continue = false;
}

/*
 * True if parsing these bytes once more need not be tried yet: none of the new
 * ones ends the head or its first line, is a bare LF, or makes the first line or
 * the head too long.  So a head that comes byte by byte is parsed a few times,
 * not once a byte.
 */
static bool
still_more(const char *bytes, size_t len, const struct head_limits *limits, size_t scanned)
{
	const char *at = bytes + scanned, *end = bytes + len;
	size_t line_full = limits->line_max + 2 + 2 * EMPTY_LINES;

	if (scanned == 0 || len >= limits->head_max ||
	    (scanned < line_full && len >= limits->line_max + 2))
		return false;
	at = memchr(at, '\n', (size_t)(end - at));
	if (at != NULL && memchr(bytes, '\n', scanned) == NULL)
		return false;
	for (; at != NULL; at = memchr(at + 1, '\n', (size_t)(end - at - 1)))
		if (at - bytes < 2 || at[-1] != '\r' || at[-2] == '\n')
			return false;
	return true;
}

enum head_result
head_parse(const char *bytes, size_t len, const struct head_limits *limits,
    size_t *scanned, struct head *head, size_t *used, int *status)
{
	struct reader r = { .at = bytes, .head = head };
	int result;

	if (still_more(bytes, len, limits, *scanned)) {
		*scanned = len;
		return HEAD_MORE;
	}
	r.end = bytes + (len < limits->head_max ? len : limits->head_max);
	head_begin(head);
	result = skip_empty_lines(&r);
	if (result == 0)
		result = read_request_line(&r, limits->line_max);
	if (result == 0)
		result = read_fields(&r);
	if (result == 0)
		result = conclude(&r);
	if (result == RUN_OUT && len < limits->head_max) {
		*scanned = len;
		return HEAD_MORE;
	}
	*scanned = 0;
	if (result != 0) {
		*status = result == RUN_OUT ? 431 : result;
		return HEAD_BAD;
	}
	*used = (size_t)(r.at - bytes);
	return HEAD_DONE;
}

const struct head_field *
head_find(const struct head *head, const char *name)
{
	size_t len = strlen(name);
	unsigned i;

	for (i = 0; i < head->field_count; i++)
		if (str_equal_nocase(head->fields[i].name.at, head->fields[i].name.len, name, len))
			return &head->fields[i];
	return NULL;
}
