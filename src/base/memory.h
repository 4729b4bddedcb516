/*
 * Memory that is free, given back to the system.  For after something large
 * and short-lived: malloc keeps for good what lies below the last live piece.
 */
#ifndef PERUSERD_BASE_MEMORY_H
#define PERUSERD_BASE_MEMORY_H

/* Costs microseconds where little is free.  Does nothing where libc can't. */
void memory_give_back(void);

#endif
