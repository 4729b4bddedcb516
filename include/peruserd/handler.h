/*
 * What a handler is, and what the processor offers it.  Handlers turn a
 * request (meta-variables and a body) into a CGI response (RFC 3875, section 6:
 * header fields, then the body).  Some are built in, others are modules: a
 * module exports one symbol, `peruser_handler`, of this type.
 *
 * A handler runs as the pool's user in a process that serves one request at a
 * time.  Everything it calls may block; the multiplexer keeps the time.
 */
#ifndef PERUSERD_HANDLER_H
#define PERUSERD_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <peruserd/nv.h>

#define HANDLER_VERSION 2

struct settings;
struct pool_settings;
struct vhost_settings;
struct request;

/*
 * One request, as a handler sees it.  Everything is borrowed until serve()
 * returns.  The strings are terminated; paths are as seen by the processor, so
 * inside the chroot where there is one.
 */
struct request_view {
	const struct nv *vars;                  /* all meta-variables, SCRIPT_* and PATH_* included */
	const struct pool_settings *pool;
	const struct vhost_settings *vhost;
	const char *method;
	const char *document_uri;               /* the decoded, normalised path */
	const char *document_root;
	const char *script_filename;            /* the file to run or send; "" where there is none */
	const char *script_name;                /* RFC 3875 4.1.13, decoded */
	const char *path_info;                  /* RFC 3875 4.1.5, decoded; "" where there is none */
	const char *application;                /* of the handler's entry in the configuration, or NULL */
	const char *query_string;               /* "" where there is none */
	const char *content_type;               /* "" where there is none */
	uint64_t body_total;                    /* bytes, or BODY_UNTIL_END (envelope.h) */
	uint32_t timeout_ms;                    /* what is left of its time; 0: no bound */
};

/* What the processor does for a handler. */
struct handler_host {
	unsigned version;

	/*
	 * Enter the pool's chroot, now and for good; a call where there is none,
	 * or a second one, does nothing.  For load() only.  False, with the
	 * reason logged: load() must fail.
	 */
	bool (*enter_root)(void);

	/*
	 * One line to the pool's log, with the vhost's name where a request is
	 * running.  level is an enum log_level (base/log.h).  Never fails.
	 */
	void (*log)(int level, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

	/* Read the request body: bytes, 0 at its end, -1 with errno set. */
	ssize_t (*body_read)(struct request *request, void *to, size_t size);

	/*
	 * The whole body as a seekable, read-only descriptor positioned at its
	 * start, or -1 where it is not spooled to one (then body_read gives it).
	 * Borrowed.
	 */
	int (*body_file)(struct request *request);

	/*
	 * The body's bytes in memory, where all of it is there: sets *bytes and
	 * *len and returns true.  Borrowed.
	 */
	bool (*body_bytes)(struct request *request, const unsigned char **bytes, size_t *len);

	/*
	 * Begin the answer: CGI header fields, each "Name: value\r\n" or "\n",
	 * and the empty line.  Exactly once.  False: malformed (logged, and the
	 * answer becomes a 500), or the client has left.
	 */
	bool (*head)(struct request *request, const char *fields, size_t len);

	/* Body bytes.  False: the client has left, go no further if you can. */
	bool (*write)(struct request *request, const void *bytes, size_t len);

	/* Bytes of an open regular file; the same answer. */
	bool (*send_file)(struct request *request, int fd, off_t offset, uint64_t len);

	/* Send what was written so far on its way to the client. */
	bool (*flush)(struct request *request);

	/*
	 * The answer is complete: the client has it all, the handler works on.
	 * Later writes are dropped.
	 */
	bool (*finish)(struct request *request);

	/* True once it is known that the client has left. Looks; costs a system call. */
	bool (*aborted)(struct request *request);

	/* True once head() was called. */
	bool (*head_given)(const struct request *request);

	/*
	 * Run this request anew for another local path ("/path?query"), as a
	 * local redirect (RFC 3875 6.2.2): only before head(), then return.
	 */
	bool (*redirect)(struct request *request, const char *path_and_query, size_t len);

	/*
	 * A descriptor that polls readable once body_read() would not wait, for a
	 * handler that waits for other things too; or -1 where it never waits.
	 * Borrowed; for poll() alone.  May be NULL: body_read() never waits.
	 */
	int (*body_poll)(struct request *request);

	/*
	 * The client's own socket, where the answer goes straight to it, else -1.
	 * Borrowed.
	 */
	int (*client)(struct request *request);

	/*
	 * The handler has spoken to that client itself, in a protocol of its own:
	 * nothing more is sent, and the connection is not kept.
	 */
	void (*abandon)(struct request *request);
};

enum handler_result {
	HANDLER_DONE,           /* served; the processor may take the next request */
	HANDLER_LEAVE,          /* served, and this process is not fit for another one */
	HANDLER_CUT             /* the answer ended before its end (COMPLETION_CUT); fit for the next */
};

struct handler {
	unsigned version;       /* HANDLER_VERSION */
	const char *name;       /* as in the configuration: "php" */

	/*
	 * In the loader (fast_start), which is root's and from which zygotes are
	 * forked: map the libraries that load() will want, from folders that only
	 * root may write to, and run nothing of them but what the linker calls.  What
	 * can't be mapped is left to load().  May be NULL.
	 */
	void (*map)(const struct handler_host *host);

	/*
	 * In the zygote, as the pool's user, before the chroot: load libraries
	 * and extensions, then call host->enter_root(), then run what is the
	 * user's (preload).  The pool's vhosts are settings->vhosts[pool->vhosts[i]].
	 * False: the pool can't start; the reason was logged.  May be NULL.
	 */
	bool (*load)(const struct handler_host *host, const struct settings *settings,
	    const struct pool_settings *pool);

	/* In a new processor, right after the fork.  May be NULL. */
	bool (*begin)(void);

	/* One request, from its meta-variables to its answer's last byte. */
	enum handler_result (*serve)(struct request *request, const struct request_view *view);

	/* In a processor that exits.  May be NULL. */
	void (*end)(void);

	/*
	 * What the request does now, in lines: written to out, their length
	 * returned.  Called while serve() runs, from a signal handler or another
	 * thread: nothing may be locked, allocated or trusted to be whole.  May be
	 * NULL.
	 */
	size_t (*trace)(char *out, size_t size);
};

#endif
