#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "handlers/opened.h"

#define ENTRIES 16      /* a power of two */
#define TEXT    256     /* longer paths are not kept */
#define KEEP_MS 1000
#define SETTLED 2       /* seconds after which a further change has another time for sure */

struct entry {
	bool used;
	int fd;                 /* owned */
	uint64_t until_ms;
	char path[TEXT];
	struct timespec changed;        /* when the note was begun: the file's own time, */
	off_t size;                     /* and size */
	struct opened_note note;
};

static struct entry entries[ENTRIES];

static struct entry *
entry_of(const char *path)
{
	static const uint64_t key[2];

	return &entries[str_hash(path, strlen(path), key) & (ENTRIES - 1)];
}

static void
entry_close(struct entry *entry)
{
	if (entry->used)
		close(entry->fd);
	entry->used = false;
}

static void
entry_keep(struct entry *entry, const char *path, int fd, const struct stat *is)
{
	size_t len = strlen(path);

	entry_close(entry);
	if (len >= TEXT || !S_ISREG(is->st_mode) || is->st_size > OPENED_SIZE)
		return;
	entry->used = true;
	entry->fd = fd;
	entry->note.head_len = 0;
	entry->until_ms = clock_coarse_ms() + KEEP_MS;
	memcpy(entry->path, path, len + 1);
}

/* Still what its path leads to, as far as the file itself can tell: not deleted, not replaced. */
static bool
entry_holds(const struct entry *entry, const char *path, struct stat *is)
{
	return entry->used && strcmp(entry->path, path) == 0 && clock_coarse_ms() < entry->until_ms &&
	    fstat(entry->fd, is) == 0 && is->st_nlink > 0;
}

int
opened_open(const char *path, struct stat *is)
{
	struct entry *entry = entry_of(path);
	int fd;

	if (entry_holds(entry, path, is))
		return entry->fd;
	/* O_NONBLOCK: a FIFO must not hold us before fstat says what it is. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, is) != 0) {
		fd_close(&fd);
		return -1;
	}
	entry_keep(entry, path, fd, is);
	return fd;
}

static struct entry *
entry_with(int fd)
{
	int i;

	for (i = 0; i < ENTRIES; i++)
		if (entries[i].used && entries[i].fd == fd)
			return &entries[i];
	return NULL;
}

/* Any change of a file moves st_ctim, which nobody can set. */
struct opened_note *
opened_note(int fd, const struct stat *is)
{
	struct entry *entry = entry_with(fd);

	if (entry == NULL || time(NULL) - is->st_ctim.tv_sec < SETTLED)
		return NULL;
	if (entry->size != is->st_size || entry->changed.tv_sec != is->st_ctim.tv_sec ||
	    entry->changed.tv_nsec != is->st_ctim.tv_nsec) {
		entry->note.head_len = 0;
		entry->size = is->st_size;
		entry->changed = is->st_ctim;
	}
	return &entry->note;
}

void
opened_close(int fd)
{
	if (fd >= 0 && entry_with(fd) == NULL)
		close(fd);
}

void
opened_end(void)
{
	int i;

	for (i = 0; i < ENTRIES; i++)
		entry_close(&entries[i]);
}
