/*
 * What an exec'd child of the manager finds open.  The manager gives this list
 * and nothing else; every other descriptor is closed before exec.
 */
#ifndef PERUSERD_INHERIT_H
#define PERUSERD_INHERIT_H

/*
 * For tests, in the environment of manager and multiplexers: this kernel is one
 * that can't refuse descriptors (before 6.16).
 */
#define OLD_KERNEL "PERUSERD_OLD_KERNEL"

enum inherited_fd {
	INHERIT_NULL     = 0,   /* /dev/null, and at 1 too: nothing else ever lands there */
	/*
	 * Standard error.  A multiplexer: the error log itself.  A zygote: a
	 * stream socket whose other end a multiplexer reads, for the zygote,
	 * its processors and their user's code hold no log file.
	 */
	INHERIT_LOG      = 2,
	INHERIT_CONTROL  = 3,   /* SOCK_SEQPACKET to the manager: message.h */
	INHERIT_CONFINE  = 4,   /* sealed memfd, struct confinement: read before all else */
	INHERIT_SETTINGS = 5,   /* sealed memfd: this role's slice of the configuration, text */
	INHERIT_BOARD    = 6,   /* a multiplexer: the board's memfd.  A zygote: absent */
	INHERIT_ROOT     = 7,   /* its chroot's directory (O_PATH), where it has one */
	INHERIT_COUNT    = 8
};

#endif
