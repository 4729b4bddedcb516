/*
 * Lines of "kind key=value key=value": what the manager answers on its control
 * socket and peruserctl reads.  A value's bytes outside 0x21..0x7e, and '%',
 * stand as %XX, so a line is plain ASCII whatever it carries.  Both sides are
 * bounded; the reader is total: any line gives a record or false.
 */
#ifndef PERUSERD_WIRE_RECORD_H
#define PERUSERD_WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RECORD_FIELDS 40
#define RECORD_LINE   4096      /* bytes of a line, newline included */

struct record_writer {
	struct buf *to;
	bool ok;                /* false once something did not fit */
};

void record_begin(struct record_writer *writer, const char *kind);
void record_text(struct record_writer *writer, const char *key, const char *value);
void record_number(struct record_writer *writer, const char *key, uint64_t value);
/* End the line.  False where it, or one before it, did not fit the buffer. */
bool record_end(struct record_writer *writer);

struct record_field {
	const char *key;
	char *value;            /* decoded, terminated; a NUL inside becomes '?' */
};

struct record {
	const char *kind;
	struct record_field fields[RECORD_FIELDS];
	unsigned count;
};

/* Cut a terminated line (no newline) into a record, in place.  False: malformed. */
bool record_parse(char *line, struct record *record);

/* The value of that key, or "" and 0 where there is none (or no number). */
const char *record_get(const struct record *record, const char *key);
uint64_t record_get_number(const struct record *record, const char *key);

#endif
