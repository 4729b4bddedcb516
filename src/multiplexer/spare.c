#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "multiplexer/lease.h"
#include "multiplexer/spare.h"

int
memory_new(struct spares *spares, uint64_t size, uint64_t most)
{
	int fd;

	if (size > most || spares->bytes > most - size) {
		errno = EDQUOT;
		return -1;
	}
	fd = memfd_create("peruser-answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		fd_close(&fd);
	else
		spares->bytes += size;
	return fd;
}

void
memory_close(struct spares *spares, int *fd, uint64_t size)
{
	if (*fd < 0)
		return;
	spares->bytes -= size;
	fd_close(fd);
}

void
spares_begin(struct spares *spares)
{
	unsigned i;

	spares->bytes = 0;
	for (i = 0; i < SPARES; i++)
		spares->at[i].fd = -1;
}

void
spares_end(struct spares *spares)
{
	unsigned i;

	for (i = 0; i < SPARES; i++)
		memory_close(spares, &spares->at[i].fd, spares->at[i].borrower.size);
}

int
spare_take(struct spares *spares, const struct slot *slot, uint64_t size)
{
	struct spare *spare;
	unsigned i;

	for (i = 0; i < SPARES; i++) {
		spare = &spares->at[i];
		if (spare->fd >= 0 && spare->borrower.slot == slot->index &&
		    spare->borrower.generation == slot->generation &&
		    spare->borrower.size == size)
			return fd_take(&spare->fd);
	}
	return -1;
}

void
spare_keep(struct spares *spares, int *fd, const struct borrower *borrower, uint64_t now_ms)
{
	unsigned i;

	for (i = 0; borrower->size > 0 && i < SPARES; i++)
		if (spares->at[i].fd < 0) {
			spares->at[i] = (struct spare){ fd_take(fd), *borrower, now_ms };
			return;
		}
	memory_close(spares, fd, borrower->size);
}

void
spares_tick(struct spares *spares, uint64_t now_ms)
{
	unsigned i;

	for (i = 0; i < SPARES; i++)
		if (now_ms - spares->at[i].since_ms >= SPARE_MS)
			memory_close(spares, &spares->at[i].fd, spares->at[i].borrower.size);
}
