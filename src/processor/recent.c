#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "processor/recent.h"

#define ENTRIES 32      /* a power of two */
#define TEXT    256     /* longer paths are not kept */
#define KEEP_MS 1000

struct entry {
	const struct vhost_settings *vhost;     /* NULL: empty */
	uint64_t until_ms;
	enum handler_kind kind;
	size_t len;
	char path[TEXT];
	char filename[TEXT];
};

static struct entry entries[ENTRIES];

/* No secret key: who makes paths collide pays with a stat, no more. */
static struct entry *
entry_of(const char *path, size_t len)
{
	static const uint64_t key[2];

	return &entries[str_hash(path, len, key) & (ENTRIES - 1)];
}

bool
recent_find(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to)
{
	const struct entry *entry;

	if (len >= TEXT)
		return false;
	entry = entry_of(path, len);
	if (entry->vhost != vhost || entry->len != len || memcmp(entry->path, path, len) != 0 ||
	    clock_coarse_ms() >= entry->until_ms)
		return false;
	to->what = RESOLVED_HANDLER;
	to->kind = entry->kind;
	to->application = NULL;
	to->path_info = "";
	memcpy(to->script_name, entry->path, len + 1);
	memcpy(to->script_filename, entry->filename, strlen(entry->filename) + 1);
	return true;
}

void
recent_keep(const struct vhost_settings *vhost, const char *path, size_t len,
    const struct resolution *found)
{
	size_t filename_len = strlen(found->script_filename);
	struct entry *entry;

	if (found->what != RESOLVED_HANDLER || found->application != NULL ||
	    len >= TEXT || filename_len >= TEXT || filename_len == 0 ||
	    found->path_info[0] != '\0' || strcmp(found->script_name, path) != 0)
		return;
	entry = entry_of(path, len);
	entry->vhost = vhost;
	entry->until_ms = clock_coarse_ms() + KEEP_MS;
	entry->kind = found->kind;
	entry->len = len;
	memcpy(entry->path, path, len + 1);
	memcpy(entry->filename, found->script_filename, filename_len + 1);
}
