/*
 * What an application says to a web server that gave it one request: its
 * records, taken apart as they come.  Pure, and total: any bytes in any pieces.
 */
#ifndef PERUSERD_WIRE_FCGI_TAKEN_H
#define PERUSERD_WIRE_FCGI_TAKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/fcgi.h"

#define FCGI_REQUEST_ID 1               /* of the one request on a connection */

struct fcgi_taken {
	size_t len;                     /* of STDOUT, put together where the bytes were */
	bool answered;                  /* STDOUT is at its end */
	bool ended;                     /* END has come; what follows is of no request */
	bool whole;                     /* ended: and said that it is complete */
	bool surplus;                   /* ended: and more came than its padding */
	uint32_t app_status;            /* ended */
	const char *wrong;              /* what came may not come; NULL: all well */
};

/*
 * Take these bytes, until they are used up, the request has ended or something
 * is wrong.  answered: STDOUT was at its end before.  Bytes of STDERR are told
 * as they come.
 */
void fcgi_take(struct fcgi_reader *reader, bool answered, char *bytes, size_t len,
    struct fcgi_taken *taken, void (*tell)(void *context, const char *bytes, size_t len),
    void *context);

#endif
