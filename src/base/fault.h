/*
 * How a library says what went wrong: an errno (or 0) and one sentence, for
 * the program that called it to log with its context.
 */
#ifndef PERUSERD_BASE_FAULT_H
#define PERUSERD_BASE_FAULT_H

#define FAULT_TEXT 512

struct fault {
	int error;              /* errno of the call that failed, or 0 */
	char text[FAULT_TEXT];  /* what was tried, and the errno's words */
};

/* Fill in; an error's words are added after a colon.  Always returns false. */
int fault_set(struct fault *fault, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
