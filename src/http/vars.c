#include <string.h>

#include "http/chars.h"
#include "http/vars.h"

/*
 * Pairs are written straight into the nv's room; its length moves only when all
 * of them are in.  Lengths below 128 take one byte, others four (FastCGI 1.0, 3.4).
 */
#define SHORT_MAX 127u
#define LENGTHS_MAX 8           /* bytes that the two lengths of a pair take, at most */

/* What is the same for every request, encoded. */
#define FIXED \
	"\x11\x07" "GATEWAY_INTERFACE" "CGI/1.1" \
	"\x0f\x08" "SERVER_SOFTWARE" "peruserd" \
	"\x0f\x08" "SERVER_PROTOCOL" "HTTP/1."        /* and the minor number */

#define PREFIX "HTTP_"
#define PREFIX_LEN (sizeof PREFIX - 1)

struct writer {
	unsigned char *at;
	unsigned char *end;
};

/* A name's byte as a variable has it; 0 where it may not be in one. */
static const unsigned char upper[256] = {
	['-'] = '_',
	['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
	['A'] = 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
	'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
	['a'] = 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
	'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
};

static inline unsigned char *
put_length(unsigned char *at, size_t len)
{
	if (len <= SHORT_MAX) {
		*at = (unsigned char)len;
		return at + 1;
	}
	at[0] = (unsigned char)(0x80 | len >> 24);
	at[1] = (unsigned char)(len >> 16);
	at[2] = (unsigned char)(len >> 8);
	at[3] = (unsigned char)len;
	return at + 4;
}

static inline bool
fits(const struct writer *w, size_t name_len, size_t value_len)
{
	size_t room = (size_t)(w->end - w->at);

	return value_len <= room && room - value_len >= name_len + LENGTHS_MAX;
}

static inline bool
put(struct writer *w, const char *name, size_t name_len, const char *value, size_t value_len)
{
	unsigned char *at = w->at;

	if (!fits(w, name_len, value_len))
		return false;
	*at = (unsigned char)name_len;
	at = put_length(at + 1, value_len);
	memcpy(at, name, name_len);
	at += name_len;
	if (value_len > 0)
		memcpy(at, value, value_len);
	w->at = at + value_len;
	return true;
}
#define PUT(w, name, value, len) put((w), (name), sizeof(name) - 1, (value), (len))
#define PUT_STR(w, name, value) PUT(w, name, value, strlen(value))
#define PUT_SLICE(w, name, slice) PUT(w, name, (slice).at, (slice).len)

static bool
put_number(struct writer *w, int64_t number)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t left = (uint64_t)number;

	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	return PUT(w, "CONTENT_LENGTH", digits + at, sizeof digits - at);
}

/* REQUEST_URI: path and query as they came, without the authority of an absolute target. */
static bool
put_request_uri(struct writer *w, const struct head *head)
{
	static const char name[] = "REQUEST_URI";
	size_t len = head->path.len + (head->query.at != NULL ? head->query.len + 1 : 0);
	unsigned char *at;

	if (head->form == HEAD_ORIGIN)
		return PUT_SLICE(w, "REQUEST_URI", head->target);
	if (!fits(w, sizeof name - 1, len))
		return false;
	*w->at = sizeof name - 1;
	at = put_length(w->at + 1, len);
	memcpy(at, name, sizeof name - 1);
	at += sizeof name - 1;
	memcpy(at, head->path.at, head->path.len);
	at += head->path.len;
	if (head->query.at != NULL) {
		*at++ = '?';
		memcpy(at, head->query.at, head->query.len);
		at += head->query.len;
	}
	w->at = at;
	return true;
}

static bool
put_about(struct writer *w, const struct head *head, const struct vars_about *about)
{
	if ((size_t)(w->end - w->at) < sizeof FIXED)
		return false;
	memcpy(w->at, FIXED, sizeof FIXED - 1);
	w->at += sizeof FIXED - 1;
	*w->at++ = head->minor > 0 ? '1' : '0';
	return PUT_STR(w, "SERVER_NAME", about->server_name) &&
	    PUT_STR(w, "SERVER_ADDR", about->server_addr) &&
	    PUT_STR(w, "SERVER_PORT", about->server_port) &&
	    PUT_STR(w, "REMOTE_ADDR", about->remote_addr) &&
	    PUT_STR(w, "REMOTE_PORT", about->remote_port) &&
	    PUT_SLICE(w, "REQUEST_METHOD", head->method) &&
	    PUT_STR(w, "REQUEST_SCHEME", about->https ? "https" : "http") &&
	    (!about->https || PUT(w, "HTTPS", "on", 2)) &&
	    put_request_uri(w, head) &&
	    PUT_SLICE(w, "QUERY_STRING", head->query) &&
	    PUT_STR(w, "DOCUMENT_URI", about->document_uri) &&
	    (head->content_type.at == NULL || PUT_SLICE(w, "CONTENT_TYPE", head->content_type)) &&
	    (about->content_length == HEAD_LENGTH_NONE || put_number(w, about->content_length)) &&
	    (head->host.at == NULL || PUT_SLICE(w, "HTTP_HOST", head->host));
}

/*
 * Fields that have a variable of their own, that are about this connection's
 * framing alone, or that must not become a variable: HTTP_PROXY is a setting
 * of many a program.
 */
static bool
never_passed(const struct slice *name)
{
	switch (name->len) {
	case 4:
		return CHARS_SAME(name->at, name->len, "host");
	case 5:
		return CHARS_SAME(name->at, name->len, "proxy");
	case 12:
		return CHARS_SAME(name->at, name->len, "content-type");
	case 14:
		return CHARS_SAME(name->at, name->len, "content-length");
	case 17:
		return CHARS_SAME(name->at, name->len, "transfer-encoding");
	}
	return false;
}

static bool
same_name(const struct head_field *a, const struct head_field *b)
{
	size_t i;

	if (a->name.len != b->name.len)
		return false;
	for (i = 0; i < a->name.len; i++)
		if (upper[(unsigned char)a->name.at[i]] != upper[(unsigned char)b->name.at[i]])
			return false;
	return true;
}

/* One bit of 64 for a name; two names of one bit may be the same. */
static uint64_t
name_bit(const struct head_field *field)
{
	const unsigned char *at = (const unsigned char *)field->name.at;
	size_t len = field->name.len;
	unsigned sum = (unsigned)len * 5 + (at[0] | 0x20u) * 3 +
	    (at[len / 2] | 0x20u) * 7 + (at[len - 1] | 0x20u);

	return (uint64_t)1 << (sum & 63);
}

/* The bits that more than one field has. */
static uint64_t
repeated_bits(const struct head *head)
{
	uint64_t seen = 0, again = 0, bit;
	unsigned i;

	for (i = 0; i < head->field_count; i++) {
		bit = name_bit(&head->fields[i]);
		again |= seen & bit;
		seen |= bit;
	}
	return again;
}

/* "HTTP_" and the name.  False where it has a byte that no variable may have. */
static inline bool
put_name(unsigned char *at, const struct slice *name)
{
	unsigned char c, all = 1;
	size_t i;

	memcpy(at, PREFIX, PREFIX_LEN);
	at += PREFIX_LEN;
	for (i = 0; i < name->len; i++) {
		c = upper[(unsigned char)name->at[i]];
		all = c == 0 ? 0 : all;
		at[i] = c;
	}
	return all != 0;
}

static bool
put_field(struct writer *w, const struct head_field *field)
{
	size_t name_len = PREFIX_LEN + field->name.len;
	unsigned char *at;

	if (!fits(w, name_len, field->value.len))
		return false;
	at = put_length(put_length(w->at, name_len), field->value.len);
	/* What can't be a variable is simply written over by the next one. */
	if (!put_name(at, &field->name))
		return true;
	at += name_len;
	if (field->value.len > 0)
		memcpy(at, field->value.at, field->value.len);
	w->at = at + field->value.len;
	return true;
}

/* A field whose name may come more than once: the first brings all values, joined. */
static bool
put_joined(struct writer *w, const struct head *head, unsigned first)
{
	const struct head_field *fields = head->fields, *field = &fields[first];
	const char *glue = CHARS_SAME(field->name.at, field->name.len, "cookie") ? "; " : ", ";
	size_t name_len = PREFIX_LEN + field->name.len, len = field->value.len;
	unsigned char *at;
	unsigned i;

	for (i = 0; i < first; i++)
		if (same_name(&fields[i], field))
			return true;
	for (i = first + 1; i < head->field_count; i++)
		if (same_name(&fields[i], field))
			len += 2 + fields[i].value.len;
	if (len == field->value.len)
		return put_field(w, field);
	if (!fits(w, name_len, len))
		return false;
	at = put_length(put_length(w->at, name_len), len);
	if (!put_name(at, &field->name))
		return true;
	at += name_len;
	memcpy(at, field->value.at, field->value.len);
	at += field->value.len;
	for (i = first + 1; i < head->field_count; i++) {
		if (!same_name(&fields[i], field))
			continue;
		memcpy(at, glue, 2);
		memcpy(at + 2, fields[i].value.at, fields[i].value.len);
		at += 2 + fields[i].value.len;
	}
	w->at = at;
	return true;
}

bool
vars_build(struct nv *vars, const struct head *head, const struct vars_about *about)
{
	struct writer w = { vars->data + vars->len, vars->data + vars->size };
	uint64_t again = repeated_bits(head);
	unsigned i;

	if (!put_about(&w, head, about))
		return false;
	for (i = 0; i < head->field_count; i++) {
		const struct head_field *field = &head->fields[i];

		if (never_passed(&field->name))
			continue;
		if (!(name_bit(field) & again ? put_joined(&w, head, i) : put_field(&w, field)))
			return false;
	}
	vars->len = (size_t)(w.at - vars->data);
	return true;
}
