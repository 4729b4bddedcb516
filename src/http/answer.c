#include <stdio.h>
#include <string.h>

#include "http/answer.h"
#include "http/chars.h"
#include "http/date.h"
#include "http/status.h"

/* ---- parse */

struct reader {
	const char *at;
	const char *end;
	struct answer *answer;
	const char *why;
	bool status;            /* it had a Status field */
};

enum step { STEP_ON, STEP_END, STEP_MORE, STEP_BAD };

static enum step
bad(struct reader *r, const char *why)
{
	r->why = why;
	return STEP_BAD;
}

/* "404" or "404 Not Found" */
static enum step
take_status(struct reader *r, const struct slice *value)
{
	const char *at = value->at;
	int status = 0, i;

	if (r->status)
		return bad(r, "the script gave two Status fields");
	if (value->len < 3 || (value->len > 3 && at[3] != ' '))
		return bad(r, "the script's Status field is no number of three digits");
	for (i = 0; i < 3; i++) {
		if (at[i] < '0' || at[i] > '9')
			return bad(r, "the script's Status field is no number of three digits");
		status = status * 10 + at[i] - '0';
	}
	if (status < 200 || status > 599)
		return bad(r, "the script's Status is not between 200 and 599");
	r->status = true;
	r->answer->status = status;
	if (value->len > 4) {
		r->answer->reason.at = at + 4;
		r->answer->reason.len = value->len - 4;
	}
	return STEP_ON;
}

static enum step
take_length(struct reader *r, const struct slice *value)
{
	int64_t length = 0;
	size_t i;

	if (r->answer->content_length != ANSWER_LENGTH_NONE)
		return bad(r, "the script gave two Content-Length fields");
	/* Eighteen digits always fit. */
	if (value->len == 0 || value->len > 18)
		return bad(r, "the script's Content-Length is no number");
	for (i = 0; i < value->len; i++) {
		if (value->at[i] < '0' || value->at[i] > '9')
			return bad(r, "the script's Content-Length is no number");
		length = length * 10 + value->at[i] - '0';
	}
	r->answer->content_length = length;
	return STEP_ON;
}

static enum step
pass_on(struct reader *r, const struct head_field *field)
{
	struct answer *answer = r->answer;

	if (answer->field_count == ANSWER_FIELDS)
		return bad(r, "the script's head has too many fields");
	answer->fields[answer->field_count++] = *field;
	return STEP_ON;
}

static enum step
take_once(struct reader *r, const struct head_field *field, struct slice *once, const char *why)
{
	if (once->at != NULL)
		return bad(r, why);
	*once = field->value;
	return pass_on(r, field);
}

/* What is ours to say: about this connection, its framing, its time and its server. */
static bool
is_dropped(const char *name, size_t len)
{
	switch (len) {
	case 2:
		return CHARS_SAME(name, len, "te");
	case 6:
		return CHARS_SAME(name, len, "server");
	case 7:
		return CHARS_SAME(name, len, "trailer") || CHARS_SAME(name, len, "upgrade");
	case 10:
		return CHARS_SAME(name, len, "connection") || CHARS_SAME(name, len, "keep-alive");
	case 16:
		return CHARS_SAME(name, len, "proxy-connection");
	case 17:
		return CHARS_SAME(name, len, "transfer-encoding");
	}
	return false;
}

static enum step
take_field(struct reader *r, const struct head_field *field)
{
	const char *name = field->name.at;
	size_t len = field->name.len;

	if (is_dropped(name, len))
		return STEP_ON;
	if (CHARS_SAME(name, len, "status"))
		return take_status(r, &field->value);
	if (CHARS_SAME(name, len, "content-type"))
		return take_once(r, field, &r->answer->content_type,
		    "the script gave two Content-Type fields");
	if (CHARS_SAME(name, len, "location"))
		return take_once(r, field, &r->answer->location,
		    "the script gave two Location fields");
	if (CHARS_SAME(name, len, "content-length"))
		return take_length(r, &field->value);
	if (CHARS_SAME(name, len, "date")) {
		r->answer->has_date = true;
		return STEP_ON;
	}
	return pass_on(r, field);
}

/* Past the end of a line, LF or CR LF. */
static enum step
read_line_end(struct reader *r, const char *at)
{
	if (at < r->end && *at == '\r')
		at++;
	if (at == r->end)
		return STEP_MORE;
	if (*at != '\n')
		return bad(r, "the script's head has a control character");
	r->at = at + 1;
	return STEP_ON;
}

static enum step
read_field(struct reader *r)
{
	struct head_field field;
	const char *at = r->at, *last;
	enum step step;

	if (at == r->end)
		return STEP_MORE;
	if (*at == '\n' || *at == '\r') {
		step = read_line_end(r, at);
		return step == STEP_ON ? STEP_END : step;
	}
	at = chars_span(at, r->end, CHAR_TOKEN);
	if (at == r->end)
		return STEP_MORE;
	if (*at != ':' || at == r->at)
		return bad(r, "a line of the script's head is not a name, a colon and a value");
	field.name.at = r->at;
	field.name.len = (size_t)(at - r->at);
	for (at++; at < r->end && chars_blank(*at); at++)
		;
	field.value.at = at;
	at = chars_text(at, r->end);
	step = read_line_end(r, at);
	if (step != STEP_ON)
		return step;
	for (last = at; last > field.value.at && chars_blank(last[-1]); last--)
		;
	field.value.len = (size_t)(last - field.value.at);
	return take_field(r, &field);
}

static void
answer_begin(struct answer *answer)
{
	answer->status = 0;
	answer->reason.at = answer->location.at = answer->content_type.at = NULL;
	answer->reason.len = answer->location.len = answer->content_type.len = 0;
	answer->content_length = ANSWER_LENGTH_NONE;
	answer->field_count = 0;
	answer->has_date = false;
}

static enum step
conclude(struct reader *r)
{
	struct answer *answer = r->answer;

	if (!r->status && answer->content_type.at == NULL && answer->location.at == NULL)
		return bad(r, "the script's head has no Content-Type, Location or Status");
	if (!r->status)
		answer->status = answer->location.at != NULL ? 302 : 200;
	return STEP_END;
}

enum answer_result
answer_parse(const char *bytes, size_t len, struct answer *answer, size_t *used,
    const char **why)
{
	struct reader r = { .at = bytes, .answer = answer };
	enum step step;

	r.end = bytes + (len < ANSWER_HEAD_MAX ? len : ANSWER_HEAD_MAX);
	answer_begin(answer);
	do
		step = read_field(&r);
	while (step == STEP_ON);
	if (step == STEP_MORE && len >= ANSWER_HEAD_MAX)
		step = bad(&r, "the script's head is too long");
	if (step == STEP_END)
		step = conclude(&r);
	if (step == STEP_MORE)
		return ANSWER_MORE;
	if (step == STEP_BAD) {
		*why = r.why;
		return ANSWER_BAD;
	}
	*used = (size_t)(r.at - bytes);
	return ANSWER_HEAD;
}

/* ---- an answer that names a file */

enum answer_names
answer_names_file(const struct answer *answer, struct slice *name)
{
	enum answer_names how = ANSWER_NAMES_NONE;
	unsigned i;

	for (i = 0; i < answer->field_count; i++) {
		const struct head_field *field = &answer->fields[i];

		if (CHARS_SAME(field->name.at, field->name.len, "x-accel-redirect"))
			how = ANSWER_NAMES_URI;
		else if (how == ANSWER_NAMES_NONE &&
		    CHARS_SAME(field->name.at, field->name.len, "x-sendfile"))
			how = ANSWER_NAMES_PATH;
		else
			continue;
		*name = field->value;
		if (how == ANSWER_NAMES_URI)
			break;
	}
	return how;
}

/* Fields that the file's answer says, or that were about another body. */
static bool
is_the_files(const struct head_field *field)
{
	const char *name = field->name.at;
	size_t len = field->name.len;

	return CHARS_SAME(name, len, "etag") || CHARS_SAME(name, len, "last-modified") ||
	    CHARS_SAME(name, len, "accept-ranges") || CHARS_SAME(name, len, "content-range") ||
	    CHARS_SAME(name, len, "content-encoding") || CHARS_SAME(name, len, "location") ||
	    CHARS_SAME(name, len, "x-sendfile") ||
	    (len > 8 && CHARS_SAME(name, 8, "x-accel-"));
}

static bool
is_type(const struct head_field *field)
{
	return CHARS_SAME(field->name.at, field->name.len, "content-type");
}

static void
drop_type(struct answer *answer)
{
	unsigned i, kept = 0;

	for (i = 0; i < answer->field_count; i++)
		if (!is_type(&answer->fields[i]))
			answer->fields[kept++] = answer->fields[i];
	answer->field_count = kept;
}

bool
answer_join(struct answer *file, const struct answer *named)
{
	static const char parts[] = "multipart/";
	bool its_type = named->content_type.at == NULL ||
	    (file->status == 206 && file->content_type.len >= sizeof parts - 1 &&
	    CHARS_SAME(file->content_type.at, sizeof parts - 1, "multipart/"));
	unsigned i;

	if (file->status != 200 && file->status != 206 && file->status != 304)
		return true;
	if (!its_type)
		drop_type(file);
	for (i = 0; i < named->field_count; i++) {
		const struct head_field *field = &named->fields[i];

		if (is_the_files(field) || (is_type(field) && (its_type || file->status == 304)))
			continue;
		if (file->field_count == ANSWER_FIELDS)
			return false;
		file->fields[file->field_count++] = *field;
	}
	return true;
}

/* ---- frame */

static bool
status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

struct answer_framing
answer_frame(const struct answer *answer, int minor, bool head_only, int64_t body_len,
    bool keep_alive)
{
	struct answer_framing framing = { BODY_FORBIDDEN, ANSWER_LENGTH_NONE, keep_alive };
	int64_t said = answer->content_length;

	if (!status_has_body(answer->status))
		return framing;
	if (head_only) {
		/* A script that made no body for HEAD says nothing of what GET would bring. */
		framing.length = said != ANSWER_LENGTH_NONE || body_len <= 0 ? said : body_len;
		return framing;
	}
	if (said != ANSWER_LENGTH_NONE || body_len != ANSWER_LENGTH_NONE) {
		framing.body = BODY_EXACT;
		framing.length = said != ANSWER_LENGTH_NONE ? said : body_len;
		if (body_len != ANSWER_LENGTH_NONE && body_len < framing.length)
			framing.keep_alive = false;
	} else if (minor > 0) {
		framing.body = BODY_CHUNKED;
	} else {
		framing.body = BODY_CLOSE;
		framing.keep_alive = false;
	}
	return framing;
}

/* ---- write */

/* Room was reserved for all of it: these only copy. */
static inline char *
add(char *at, const char *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}
#define ADD(at, literal) add((at), (literal), sizeof(literal) - 1)

static char *
add_number(char *at, uint64_t number)
{
	char digits[20];
	size_t first = sizeof digits;

	do
		digits[--first] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return add(at, digits + first, sizeof digits - first);
}

#define STATUS_LINE_MAX 64      /* "HTTP/1.1 404 " and the longest reason of ours */
#define FRAMING_MAX 160         /* all fields that add_framing may write, and the empty line */

static char *
add_status_line(char *at, int status, const struct slice *reason, int minor)
{
	const char *standard;

	at = minor == ANSWER_CGI ? ADD(at, "Status: ") : ADD(at, "HTTP/1.1 ");
	*at++ = (char)('0' + status / 100 % 10);
	*at++ = (char)('0' + status / 10 % 10);
	*at++ = (char)('0' + status % 10);
	*at++ = ' ';
	if (reason->at != NULL) {
		at = add(at, reason->at, reason->len);
	} else {
		standard = status_reason(status);
		at = add(at, standard, strlen(standard));
	}
	return ADD(at, "\r\n");
}

static char *
add_about(char *at, const char *date, const char *server, size_t server_len, int minor)
{
	if (minor == ANSWER_CGI)
		return at;
	at = ADD(at, "Date: ");
	at = add(at, date, DATE_LEN);
	at = ADD(at, "\r\n");
	if (server_len == 0)
		return at;
	at = ADD(at, "Server: ");
	at = add(at, server, server_len);
	return ADD(at, "\r\n");
}

/* The end of a head: how the body is framed, what becomes of the connection. */
static char *
add_framing(char *at, const struct answer_framing *framing, int minor)
{
	if (framing->length != ANSWER_LENGTH_NONE && framing->body != BODY_CHUNKED &&
	    framing->body != BODY_CLOSE) {
		at = ADD(at, "Content-Length: ");
		at = add_number(at, (uint64_t)framing->length);
		at = ADD(at, "\r\n");
	}
	if (minor == ANSWER_CGI)
		return ADD(at, "\r\n");
	if (framing->body == BODY_CHUNKED)
		at = ADD(at, "Transfer-Encoding: chunked\r\n");
	if (!framing->keep_alive)
		at = ADD(at, "Connection: close\r\n");
	else if (minor == 0)
		at = ADD(at, "Connection: keep-alive\r\n");
	return ADD(at, "\r\n");
}

static size_t
fields_size(const struct answer *answer)
{
	size_t size = 0;
	unsigned i;

	for (i = 0; i < answer->field_count; i++)
		size += answer->fields[i].name.len + answer->fields[i].value.len + 4;
	return size;
}

bool
answer_write(struct buf *out, const struct answer *answer,
    const struct answer_framing *framing, int minor, const char *date, const char *server)
{
	size_t server_len = server != NULL ? strlen(server) : 0;
	char *at;
	unsigned i;

	if (!buf_reserve(out, STATUS_LINE_MAX + answer->reason.len + DATE_LEN + server_len +
	    fields_size(answer) + FRAMING_MAX))
		return false;
	at = add_status_line(out->data + out->len, answer->status, &answer->reason, minor);
	at = add_about(at, date, server, server_len, minor);
	for (i = 0; i < answer->field_count; i++) {
		const struct head_field *field = &answer->fields[i];

		at = add(at, field->name.at, field->name.len);
		at = ADD(at, ": ");
		at = add(at, field->value.at, field->value.len);
		at = ADD(at, "\r\n");
	}
	at = add_framing(at, framing, minor);
	out->len = (size_t)(at - out->data);
	return true;
}

#define PAGE_MAX 768
#define PAGE_TYPE "Content-Type: text/html; charset=utf-8\r\n"

/* The page of an error: no name, no version, nothing of the request in it. */
static int
own_page(char page[PAGE_MAX], int status)
{
	const char *reason = status_reason(status);

	return snprintf(page, PAGE_MAX,
	    "<!DOCTYPE html>\n"
	    "<html lang=\"en\">\n"
	    "<head><meta charset=\"utf-8\"><title>%d %s</title></head>\n"
	    "<body><h1>%s</h1><p>%s</p></body>\n"
	    "</html>\n", status, reason, reason, status_explain(status));
}

bool
answer_write_own(struct buf *out, int status, int minor, bool head_only, bool keep_alive,
    const char *date, const char *server, const char *extra)
{
	static const struct slice no_reason = { NULL, 0 };
	struct answer_framing framing = { BODY_FORBIDDEN, ANSWER_LENGTH_NONE, keep_alive };
	size_t server_len = server != NULL ? strlen(server) : 0;
	size_t extra_len = extra != NULL ? strlen(extra) : 0;
	char page[PAGE_MAX], *at;
	size_t page_len = 0;

	if (status >= 300 && status_has_body(status))
		page_len = (size_t)own_page(page, status);
	if (status_has_body(status))
		framing.length = (int64_t)page_len;
	if (!buf_reserve(out, STATUS_LINE_MAX + DATE_LEN + server_len + extra_len +
	    sizeof PAGE_TYPE + FRAMING_MAX + page_len))
		return false;
	at = add_status_line(out->data + out->len, status, &no_reason, minor);
	at = add_about(at, date, server, server_len, minor);
	if (page_len > 0)
		at = ADD(at, PAGE_TYPE);
	if (extra_len > 0)
		at = add(at, extra, extra_len);
	at = add_framing(at, &framing, minor);
	if (!head_only)
		at = add(at, page, page_len);
	out->len = (size_t)(at - out->data);
	return true;
}

size_t
answer_chunk_size(char out[20], uint64_t len)
{
	static const char hex[] = "0123456789abcdef";
	char digits[16];
	size_t first = sizeof digits, count;

	do
		digits[--first] = hex[len & 15];
	while ((len >>= 4) > 0);
	count = sizeof digits - first;
	memcpy(out, digits + first, count);
	out[count] = '\r';
	out[count + 1] = '\n';
	return count + 2;
}
