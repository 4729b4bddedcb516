/*
 * What the processor does for a handler: struct handler_host of
 * <peruserd/handler.h>, over body and respond.
 */
#ifndef PERUSERD_PROCESSOR_HOST_H
#define PERUSERD_PROCESSOR_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <peruserd/handler.h>

#include "base/log.h"

extern const struct handler_host processor_host;

/*
 * What is less than that is not logged.  enter: called for enter_root(), says
 * whether we are inside.
 */
void host_begin(enum log_level least, bool (*enter)(void));

/*
 * Lines go there from now on; where it says false, for it serves no request, to
 * descriptor 2.
 */
void host_log_to(bool (*log)(int level, const char *text, size_t len));

#endif
