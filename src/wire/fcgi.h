/*
 * FastCGI 1.0 records, both directions: what a web server sends an application
 * and what that answers.  Pure: nothing is allocated, logged or sent.  The
 * reader is total, it takes any bytes in any pieces; it borrows the bytes it is shown.
 *
 * Names and values (PARAMS, GET_VALUES) are pairs as in peruserd/nv.h; those of
 * a PARAMS stream may be split anywhere, so its content is put together first.
 * The names here differ from those of libfcgi's fastcgi.h, which may stand beside it.
 */
#ifndef PERUSERD_WIRE_FCGI_H
#define PERUSERD_WIRE_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/nv.h>

#define FCGI_HEADER      8u
#define FCGI_BODY        8u             /* of a BEGIN, END or UNKNOWN */
#define FCGI_WHOLE       (FCGI_HEADER + FCGI_BODY)
#define FCGI_CONTENT_MAX 65535u         /* bytes of content in a record, at most */
#define FCGI_CONTENT_FULL 65528u        /* the most that needs no padding: for a long stream */
#define FCGI_VALUES_MAX  256u           /* an answer to GET_VALUES, at most */

enum fcgi_type {
	FCGI_TYPE_BEGIN = 1,            /* web server: a request begins */
	FCGI_TYPE_ABORT,                /* web server: nobody waits for it any more */
	FCGI_TYPE_END,                  /* application: it is answered */
	FCGI_TYPE_PARAMS,               /* web server, a stream */
	FCGI_TYPE_STDIN,                /* web server, a stream */
	FCGI_TYPE_STDOUT,               /* application, a stream */
	FCGI_TYPE_STDERR,               /* application, a stream */
	FCGI_TYPE_DATA,                 /* web server, a stream; only filters have it */
	FCGI_TYPE_GET_VALUES,           /* web server; management: request id 0 */
	FCGI_TYPE_VALUES,               /* application; management */
	FCGI_TYPE_UNKNOWN               /* application; management */
};

enum fcgi_role { FCGI_ROLE_RESPONDER = 1, FCGI_ROLE_AUTHORIZER, FCGI_ROLE_FILTER };

#define FCGI_FLAG_KEEP 1u               /* of a BEGIN: the connection goes on after the request */

enum fcgi_ended {                       /* protocol status of an END */
	FCGI_ENDED_COMPLETE,
	FCGI_ENDED_CANT_MULTIPLEX,
	FCGI_ENDED_OVERLOADED,
	FCGI_ENDED_UNKNOWN_ROLE
};

/*
 * What a processor of ours says in the application status of its END, for which
 * an fd handoff has flags (COMPLETION_LEAVING, COMPLETION_CUT); and how it
 * begins a line of STDERR: with its level, FCGI_LEVEL_FIRST + an enum log_level.
 * Programs that are not ours mean other things by both.
 */
enum fcgi_our_status {
	FCGI_OUR_LEAVING = 1 << 0,      /* it exits now */
	FCGI_OUR_CUT     = 1 << 1       /* the answer ended early; the connection is at its end */
};
#define FCGI_LEVEL_FIRST '0'

/* ---- reading */

/* Where in a connection's bytes we are.  All zero at its beginning. */
struct fcgi_reader {
	unsigned char header[FCGI_HEADER];
	unsigned char body[FCGI_BODY];  /* of a record that comes whole */
	uint8_t header_len, body_len;   /* how much of them has come */
	uint8_t padding_left;
	bool in_record;                 /* the header is whole, the record is not over */
	bool begun;                     /* a piece of this record has been given */
	uint32_t content_left;
};

/*
 * A piece of a record.  BEGIN, END and UNKNOWN come whole, eight bytes at once;
 * any other record in as many pieces as it arrives in.  One without content gives
 * one piece without bytes: that is how a stream ends.
 */
struct fcgi_piece {
	uint8_t type;                   /* any byte: what is none of enum fcgi_type too */
	uint16_t id;
	bool first, last;               /* of its record */
	uint16_t content;               /* bytes of the whole record's content */
	const unsigned char *bytes;     /* into what was shown, or into the reader: use at once */
	size_t len;
};

enum fcgi_got {
	FCGI_MORE,                      /* all bytes were used */
	FCGI_PIECE,                     /* *piece; there may be another */
	FCGI_BAD                        /* not FastCGI 1, or a fixed record of another length */
};

/* Take bytes from *at up to the end of the next piece, and move *at and *left on. */
enum fcgi_got fcgi_next(struct fcgi_reader *reader, const char **at, size_t *left,
    struct fcgi_piece *piece);

/* True between two records: here a connection may end. */
bool fcgi_between(const struct fcgi_reader *reader);

/* The fields of a piece of that type. */
void fcgi_read_begin(const struct fcgi_piece *piece, unsigned *role, unsigned *flags);
void fcgi_read_end(const struct fcgi_piece *piece, uint32_t *app_status, unsigned *ended);

/* ---- writing; each returns the bytes written, and none can fail */

/* The padding that brings the next header to a multiple of eight. */
unsigned fcgi_padding(size_t content);

/* A record's header; `content` bytes and then `padding` ones are the caller's to send. */
size_t fcgi_write_header(unsigned char out[FCGI_HEADER], enum fcgi_type type, unsigned id,
    size_t content, unsigned padding);

size_t fcgi_write_begin(unsigned char out[FCGI_WHOLE], unsigned id, enum fcgi_role role,
    unsigned flags);
size_t fcgi_write_end(unsigned char out[FCGI_WHOLE], unsigned id, uint32_t app_status,
    enum fcgi_ended ended);
size_t fcgi_write_unknown(unsigned char out[FCGI_WHOLE], unsigned type);

/* What an application says of itself in answer to GET_VALUES. */
struct fcgi_values {
	unsigned max_conns;             /* connections it takes at once */
	unsigned max_reqs;              /* requests at once */
	bool multiplexes;               /* several requests on one connection */
};

/* A whole VALUES record with those of the names asked for that we know. */
size_t fcgi_write_values(unsigned char out[FCGI_VALUES_MAX], const struct nv *asked,
    const struct fcgi_values *values);

#endif
