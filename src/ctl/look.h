/* The status as peruserctl sees it: the manager's records and the board. */
#ifndef PERUSERD_CTL_LOOK_H
#define PERUSERD_CTL_LOOK_H

#include <stdbool.h>

#include "base/fault.h"
#include "status/view.h"

/* The view is the caller's, to be ended.  *counted is false where the board can't be read. */
bool look(const char *socket_path, struct view *view, bool *counted, struct fault *fault);

#endif
