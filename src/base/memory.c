#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/memory.h"

/*
 * Of what 10,000 pools took while they were read, 33 MiB of 50 were libconfig's
 * trees; each process that reads the configuration kept them.
 */
void
memory_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

void *
memory_sparse(size_t count, size_t size)
{
	void *array;

	if (count == 0 || size == 0 || count > SIZE_MAX / 2 / size) {
		errno = EINVAL;
		return NULL;
	}
	array = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return array != MAP_FAILED ? array : NULL;
}

void
memory_sparse_free(void *array, size_t count, size_t size)
{
	if (array != NULL)
		munmap(array, count * size);
}
