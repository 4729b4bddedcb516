/*
 * Any bytes are pairs, the end, or malformed; and putting every pair that was
 * read never needs more room than was read.
 */
#include <stdint.h>
#include <stdlib.h>

#include <peruserd/nv.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1), *room = malloc(size + 1);
	struct nv from = { copy, size, size }, to = { room, 0, size };
	struct nv_pair pair;
	size_t at = 0, i;

	for (i = 0; i < size; i++)
		copy[i] = data[i];
	while (nv_next(&from, &at, &pair) == NV_PAIR)
		if (!nv_put(&to, pair.name, pair.name_len, pair.value, pair.value_len))
			abort();
	if (at > size)
		abort();
	nv_find(&from, "A", &pair);
	free(copy);
	free(room);
	return 0;
}
