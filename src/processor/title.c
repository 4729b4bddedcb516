#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "processor/title.h"

#define TITLE_MAX 256

static char *room;              /* the arguments' memory; NULL where it could not be had */
static size_t room_size;
static size_t prefix_len;       /* "peruser-processor: alice " */

/* The end of the memory that begins at argv[0], as far as it hangs together. */
static char *
memory_end(int argc, char **argv)
{
	char *end = argv[0] + strlen(argv[0]) + 1;
	int i;

	for (i = 1; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	for (i = 0; environ[i] != NULL; i++)
		if (environ[i] == end)
			end += strlen(environ[i]) + 1;
	return end;
}

void
title_begin(int argc, char **argv)
{
	char **copy, *end;
	size_t i, count = 0;

	if (argc < 1)
		return;
	end = memory_end(argc, argv);
	while (environ[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof *copy);
	for (i = 0; copy != NULL && i < count; i++) {
		copy[i] = strdup(environ[i]);
		if (copy[i] == NULL)
			return;
	}
	if (copy == NULL)
		return;
	environ = copy;
	room = argv[0];
	room_size = (size_t)(end - room);
	if (room_size > TITLE_MAX)
		room_size = TITLE_MAX;
	memset(room, 0, (size_t)(end - room));
	for (i = 1; i < (size_t)argc; i++)
		argv[i] = room + room_size - 1;
}

void
title_program(const char *text)
{
	if (room == NULL)
		return;
	memset(room, 0, room_size);
	snprintf(room, room_size, "%s", text);
}

void
title_name(const char *name)
{
	int len;

	if (room == NULL)
		return;
	memset(room, 0, room_size);
	len = snprintf(room, room_size, "peruser-processor: %s ", name);
	prefix_len = len < 0 ? 0 : (size_t)len;
	if (prefix_len >= room_size)
		prefix_len = room_size - 1;
}

void
title_state(const char *state)
{
	size_t len;

	if (room == NULL)
		return;
	snprintf(room + prefix_len, room_size - prefix_len, "[%s]", state);
	len = strlen(room);
	memset(room + len, 0, room_size - len);
}

void
title_served(unsigned long served)
{
	char digits[24], *at = digits + sizeof digits;
	size_t len, left;

	if (room == NULL)
		return;
	do
		*--at = (char)('0' + served % 10);
	while ((served /= 10) != 0);
	len = (size_t)(digits + sizeof digits - at);
	left = room_size - prefix_len;
	/* '[' digits " served]" and the end; where it does not fit, nothing changes. */
	if (left < len + sizeof "[ served]")
		return;
	room[prefix_len] = '[';
	memcpy(room + prefix_len + 1, at, len);
	memcpy(room + prefix_len + 1 + len, " served]", sizeof " served]");
}
