/*
 * Memory that is freed all at once: what struct settings owns.  Zeroed, and
 * aligned for pointers and 64-bit numbers; texts are packed.  A process without
 * memory ends here, as in libconfig beneath.
 */
#ifndef PERUSERD_SETTINGS_ARENA_H
#define PERUSERD_SETTINGS_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **arena);

void *arena_alloc(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t count, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t len);
char *arena_text(struct arena *arena, const char *text);

/* A copy that others have too, where one like it was lately asked for.  Never to be changed. */
char *arena_shared(struct arena *arena, const char *text);

char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
