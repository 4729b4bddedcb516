/*
 * Memory in ways that malloc has not.
 */
#ifndef PERUSERD_BASE_MEMORY_H
#define PERUSERD_BASE_MEMORY_H

#include <stddef.h>

/*
 * Give what is free back to the system.  For after something large and short-lived:
 * malloc keeps for good what lies below the last live piece.  Costs microseconds
 * where little is free.  Does nothing where libc can't.
 */
void memory_give_back(void);

/*
 * A zeroed array, of which only what is written takes memory: calloc() may clear,
 * and so touch, what others had before.  For tables of which few places are used.
 * NULL with errno where there is no room for it.  Freed with the same numbers.
 */
void *memory_sparse(size_t count, size_t size);
void memory_sparse_free(void *array, size_t count, size_t size);

#endif
