#include <stdio.h>
#include <string.h>

#include "wire/fcgi.h"

#define VERSION 1

/* Where things stand in a header. */
enum { AT_VERSION, AT_TYPE, AT_ID, AT_CONTENT = 4, AT_PADDING = 6, AT_RESERVED };

static unsigned
get_two(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static void
put_two(unsigned char *at, size_t number)
{
	at[0] = (unsigned char)(number >> 8);
	at[1] = (unsigned char)number;
}

static bool
comes_whole(unsigned type)
{
	return type == FCGI_TYPE_BEGIN || type == FCGI_TYPE_END || type == FCGI_TYPE_UNKNOWN;
}

/* How many of the bytes may be taken. */
static size_t
least(size_t left, size_t wanted)
{
	return left < wanted ? left : wanted;
}

static void
skip(const char **at, size_t *left, size_t count)
{
	*at += count;
	*left -= count;
}

/* Collect into room up to `size` bytes.  True when they are there. */
static bool
collect(unsigned char *room, uint8_t *len, size_t size, const char **at, size_t *left)
{
	size_t count = least(*left, size - *len);

	memcpy(room + *len, *at, count);
	*len = (uint8_t)(*len + count);
	skip(at, left, count);
	return *len == size;
}

/* A header is whole: the record begins.  False: it is none. */
static bool
begin_record(struct fcgi_reader *reader)
{
	const unsigned char *header = reader->header;

	reader->header_len = 0;
	reader->body_len = 0;
	reader->begun = false;
	reader->content_left = get_two(header + AT_CONTENT);
	reader->padding_left = header[AT_PADDING];
	reader->in_record = header[AT_VERSION] == VERSION &&
	    (!comes_whole(header[AT_TYPE]) || reader->content_left == FCGI_BODY);
	return reader->in_record;
}

/* The next bytes of a record's content.  False: none have come yet. */
static bool
take_content(struct fcgi_reader *reader, const char **at, size_t *left, struct fcgi_piece *piece)
{
	const unsigned char *header = reader->header;
	size_t count = least(*left, reader->content_left);

	piece->type = header[AT_TYPE];
	piece->id = (uint16_t)get_two(header + AT_ID);
	piece->content = (uint16_t)get_two(header + AT_CONTENT);
	piece->first = !reader->begun;
	if (comes_whole(piece->type)) {
		if (!collect(reader->body, &reader->body_len, FCGI_BODY, at, left))
			return false;
		piece->bytes = reader->body;
		count = FCGI_BODY;
	} else {
		if (count == 0 && reader->content_left > 0)
			return false;
		memcpy(&piece->bytes, at, sizeof piece->bytes);
		skip(at, left, count);
	}
	piece->len = count;
	reader->content_left -= (uint32_t)count;
	piece->last = reader->content_left == 0;
	reader->begun = true;
	return true;
}

enum fcgi_got
fcgi_next(struct fcgi_reader *reader, const char **at, size_t *left, struct fcgi_piece *piece)
{
	size_t count;

	for (;;) {
		if (!reader->in_record) {
			if (*left == 0 || !collect(reader->header, &reader->header_len,
			    FCGI_HEADER, at, left))
				return FCGI_MORE;
			if (!begin_record(reader))
				return FCGI_BAD;
		}
		if (!reader->begun || reader->content_left > 0)
			return take_content(reader, at, left, piece) ? FCGI_PIECE : FCGI_MORE;
		count = least(*left, reader->padding_left);
		skip(at, left, count);
		reader->padding_left = (uint8_t)(reader->padding_left - count);
		if (reader->padding_left > 0)
			return FCGI_MORE;
		reader->in_record = false;
	}
}

bool
fcgi_between(const struct fcgi_reader *reader)
{
	if (!reader->in_record)
		return reader->header_len == 0;
	return reader->begun && reader->content_left == 0 && reader->padding_left == 0;
}

void
fcgi_read_begin(const struct fcgi_piece *piece, unsigned *role, unsigned *flags)
{
	*role = get_two(piece->bytes);
	*flags = piece->bytes[2];
}

void
fcgi_read_end(const struct fcgi_piece *piece, uint32_t *app_status, unsigned *ended)
{
	*app_status = (uint32_t)get_two(piece->bytes) << 16 | get_two(piece->bytes + 2);
	*ended = piece->bytes[4];
}

unsigned
fcgi_padding(size_t content)
{
	return (unsigned)(-content & 7);
}

size_t
fcgi_write_header(unsigned char out[FCGI_HEADER], enum fcgi_type type, unsigned id,
    size_t content, unsigned padding)
{
	out[AT_VERSION] = VERSION;
	out[AT_TYPE] = (unsigned char)type;
	put_two(out + AT_ID, id);
	put_two(out + AT_CONTENT, content);
	out[AT_PADDING] = (unsigned char)padding;
	out[AT_RESERVED] = 0;
	return FCGI_HEADER;
}

size_t
fcgi_write_begin(unsigned char out[FCGI_WHOLE], unsigned id, enum fcgi_role role, unsigned flags)
{
	unsigned char *body = out + fcgi_write_header(out, FCGI_TYPE_BEGIN, id, FCGI_BODY, 0);

	memset(body, 0, FCGI_BODY);
	put_two(body, role);
	body[2] = (unsigned char)flags;
	return FCGI_WHOLE;
}

size_t
fcgi_write_end(unsigned char out[FCGI_WHOLE], unsigned id, uint32_t app_status,
    enum fcgi_ended ended)
{
	unsigned char *body = out + fcgi_write_header(out, FCGI_TYPE_END, id, FCGI_BODY, 0);

	memset(body, 0, FCGI_BODY);
	put_two(body, app_status >> 16);
	put_two(body + 2, app_status);
	body[4] = (unsigned char)ended;
	return FCGI_WHOLE;
}

size_t
fcgi_write_unknown(unsigned char out[FCGI_WHOLE], unsigned type)
{
	unsigned char *body = out + fcgi_write_header(out, FCGI_TYPE_UNKNOWN, 0, FCGI_BODY, 0);

	memset(body, 0, FCGI_BODY);
	body[0] = (unsigned char)type;
	return FCGI_WHOLE;
}

static void
put_value(struct nv *nv, const struct nv *asked, const char *name, unsigned value)
{
	struct nv_pair pair;
	char text[16];

	if (!nv_find(asked, name, &pair))
		return;
	snprintf(text, sizeof text, "%u", value);
	nv_put_str(nv, name, text);
}

size_t
fcgi_write_values(unsigned char out[FCGI_VALUES_MAX], const struct nv *asked,
    const struct fcgi_values *values)
{
	struct nv nv = { out + FCGI_HEADER, 0, FCGI_VALUES_MAX - FCGI_HEADER - 7 };
	unsigned padding;

	put_value(&nv, asked, "FCGI_MAX_CONNS", values->max_conns);
	put_value(&nv, asked, "FCGI_MAX_REQS", values->max_reqs);
	put_value(&nv, asked, "FCGI_MPXS_CONNS", values->multiplexes);
	padding = fcgi_padding(nv.len);
	memset(nv.data + nv.len, 0, padding);
	fcgi_write_header(out, FCGI_TYPE_VALUES, 0, nv.len, padding);
	return FCGI_HEADER + nv.len + padding;
}
