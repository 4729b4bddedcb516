/*
 * A terminal as a screen: its other buffer, no echo, keys one by one.  Whatever
 * ends the program (a key, a signal, an error), the terminal is as it was; a
 * stop by ^Z gives it back as well.
 */
#ifndef PERUSERD_CTL_SCREEN_H
#define PERUSERD_CTL_SCREEN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/fault.h"

#define SCREEN_COLUMNS_LEAST 40
#define SCREEN_COLUMNS_MOST  500

enum { SCREEN_NO_KEY = -1, SCREEN_CLOSED = -2 };

bool screen_open(struct fault *fault);
void screen_close(void);

/* Of the terminal that is written to; 80 and 24 where it doesn't tell. */
void screen_size(unsigned *columns, unsigned *rows);

/* A key, SCREEN_NO_KEY after so long or where something may have changed, or SCREEN_CLOSED. */
int screen_key(int wait_ms);

/* Show these lines (each ended by a newline; not more than there are rows) and nothing else. */
bool screen_show(const struct buf *lines);

#endif
