/*
 * What mod_peruserd speaks with the multiplexer, over a listener that says
 * protocol = "handoff": FastCGI 1.0 records (src/wire/fcgi.h has all of them) on a
 * stream socket of the Unix domain, with these promises on top.
 *
 *   - The client is trusted to say who asked what, so it is looked at: by the
 *     kernel's word (SO_PEERCRED, SO_PEERGROUPS) it runs as root, as the
 *     listener's owner, or in the listener's group.
 *   - One request at a time, number HANDOFF_ID, with FCGI_KEEP_CONN.  BEGIN, all
 *     PARAMS and, where there is no body, the end of STDIN come in one write.
 *   - PARAMS are CGI/1.1 meta-variables.  Of its own: HANDOFF_PATH, the decoded
 *     path that Apache has come to (after its rewrites), which is what is looked
 *     for below the site's document root; REQUEST_URI stays what the client sent.
 *     HANDOFF_VHOST, where it is given, names the site.
 *   - STDIN may go on after the answer has begun, and is dropped once it has ended.
 *   - STDOUT is one CGI response: "Status: ...", header fields, an empty line, the
 *     body.  END tells that it is complete; its application status is 0, or 1
 *     where the answer was cut.  A connection that ends without END cut it, too.
 *   - ABORT, or the connection's end, tells that Apache's client has left.
 *
 * Apache's own client socket never travels: its calls have no MSG_DONTWAIT, and a
 * user who held a copy could stop the whole server.
 */
#ifndef PERUSERD_HANDOFF_H
#define PERUSERD_HANDOFF_H

#include <stddef.h>

#define HANDOFF_ID     1
#define HANDOFF_PATH   "PERUSERD_PATH"
#define HANDOFF_VHOST  "PERUSERD_VHOST"

#define HANDOFF_VERSION     1           /* a record's first byte */
#define HANDOFF_HEADER      8u          /* version, type, id (2), content (2), padding, 0 */
#define HANDOFF_CONTENT_MAX 65528u      /* bytes of content that need no padding, at most */

enum handoff_record {                   /* types, as FastCGI numbers them */
	HANDOFF_BEGIN = 1,              /* content: role (2), flags, 5 unused */
	HANDOFF_ABORT = 2,
	HANDOFF_END = 3,                /* content: application status (4), how, 3 unused */
	HANDOFF_PARAMS = 4,
	HANDOFF_STDIN = 5,
	HANDOFF_STDOUT = 6
};

/* Write a record's header; its length. */
static inline size_t
handoff_header(unsigned char at[HANDOFF_HEADER], enum handoff_record type, size_t content)
{
	at[0] = HANDOFF_VERSION;
	at[1] = (unsigned char)type;
	at[2] = 0;
	at[3] = HANDOFF_ID;
	at[4] = (unsigned char)(content >> 8);
	at[5] = (unsigned char)content;
	at[6] = at[7] = 0;
	return HANDOFF_HEADER;
}

#endif
