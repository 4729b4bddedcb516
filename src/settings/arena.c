#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/arena.h"

#define BLOCK_SIZE (64u * 1024)
#define ALIGNMENT  8u            /* no struct of the settings needs more */
#define RECENT     64u           /* a power of two */

/* Structs come from its beginning, texts from its end: those need no alignment. */
struct block {
	struct block *next;
	size_t used;            /* by structs */
	size_t size;            /* less what texts have */
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
	struct block *blocks;   /* the newest first; what is left of it is used next */
	char *recent[RECENT];   /* of arena_shared, by hash; NULL: none yet */
};

static void
no_memory(void)
{
	fputs("peruserd: no memory left for the configuration\n", stderr);
	abort();
}

struct arena *
arena_new(void)
{
	struct arena *arena = calloc(1, sizeof *arena);

	if (arena == NULL)
		no_memory();
	return arena;
}

void
arena_free(struct arena **arena)
{
	struct block *block, *next;

	if (*arena == NULL)
		return;
	for (block = (*arena)->blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(*arena);
	*arena = NULL;
}

/* A big piece gets a block of its own behind the newest, which stays in use. */
static struct block *
block_add(struct arena *arena, size_t size)
{
	struct block *block;
	size_t room = size > BLOCK_SIZE / 4 ? size : BLOCK_SIZE;

	block = calloc(1, sizeof *block + room);
	if (block == NULL)
		no_memory();
	block->size = room;
	if (room == size && arena->blocks != NULL) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = arena->blocks;
		arena->blocks = block;
	}
	return block;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	void *piece;

	if (size > SIZE_MAX / 2)
		no_memory();
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (block == NULL || block->size - block->used < size)
		block = block_add(arena, size);
	piece = block->bytes + block->used;
	block->used += size;
	return piece;
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / 2 / size)
		no_memory();
	return arena_alloc(arena, count * size);
}

static char *
text_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;

	if (block == NULL || block->size - block->used < size)
		return arena_alloc(arena, size);
	block->size -= size;
	return (char *)block->bytes + block->size;
}

char *
arena_copy(struct arena *arena, const char *text, size_t len)
{
	char *copy = text_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}

char *
arena_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

char *
arena_shared(struct arena *arena, const char *text)
{
	uint32_t hash = 5381;
	char **recent;
	const char *at;

	for (at = text; *at != '\0'; at++)
		hash = hash * 33 + (unsigned char)*at;
	recent = &arena->recent[hash & (RECENT - 1)];
	if (*recent == NULL || strcmp(*recent, text) != 0)
		*recent = arena_text(arena, text);
	return *recent;
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	char *text;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		no_memory();
	text = text_alloc(arena, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, args);
	return text;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}
