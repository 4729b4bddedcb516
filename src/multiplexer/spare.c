#include "base/fd.h"
#include "multiplexer/lease.h"
#include "multiplexer/spare.h"

void
spares_begin(struct spares *spares)
{
	unsigned i;

	for (i = 0; i < SPARES; i++)
		spares->at[i].fd = -1;
}

void
spares_end(struct spares *spares)
{
	unsigned i;

	for (i = 0; i < SPARES; i++)
		fd_close(&spares->at[i].fd);
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
	fd_close(fd);
}

void
spares_tick(struct spares *spares, uint64_t now_ms)
{
	unsigned i;

	for (i = 0; i < SPARES; i++)
		if (now_ms - spares->at[i].since_ms >= SPARE_MS)
			fd_close(&spares->at[i].fd);
}
