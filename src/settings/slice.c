#include "settings/dump.h"

bool
settings_slice_multiplexer(const struct settings *settings, FILE *out)
{
	return dump_all(settings, out, NOT_MUX, true);
}

/* A path that the chroot doesn't contain belongs to a vhost that is disabled: left as it is. */
static char *
inside(struct dump *dump, const char *chroot, char *path)
{
	const char *at = path != NULL ? settings_inside(chroot, path) : NULL;

	return at != NULL ? arena_text(dump->defaults.arena, at) : path;
}

static struct string_list
inside_all(struct dump *dump, const char *chroot, const struct string_list *paths)
{
	struct string_list seen = { NULL, paths->count };
	size_t i;

	seen.at = arena_array(dump->defaults.arena, paths->count, sizeof *seen.at);
	for (i = 0; i < paths->count; i++)
		seen.at[i] = inside(dump, chroot, paths->at[i]);
	return seen;
}

static void
vhost_slice(struct dump *dump, const struct settings *settings,
    const struct vhost_settings *vhost, const struct pool_settings *pool, bool last)
{
	struct vhost_settings seen = *vhost;
	size_t i;

	seen.document_root = inside(dump, pool->chroot, vhost->document_root);
	seen.perl_lib = inside_all(dump, pool->chroot, &vhost->perl_lib);
	seen.handlers = arena_array(dump->defaults.arena, vhost->handler_count,
	    sizeof *seen.handlers);
	for (i = 0; i < vhost->handler_count; i++) {
		seen.handlers[i] = vhost->handlers[i];
		seen.handlers[i].application = inside(dump, pool->chroot,
		    vhost->handlers[i].application);
	}
	dump_vhost(dump, settings, &seen, pool, last);
}

bool
settings_slice_pool(const struct settings *settings, uint32_t pool, FILE *out)
{
	const struct pool_settings *it = &settings->pools[pool];
	struct pool_settings seen = *it;
	struct dump dump;
	uint32_t i;

	dump_begin(&dump, out, NOT_POOL, true);
	dump_global(&dump, settings);
	if (it->home != NULL && settings_inside(it->chroot, it->home) == NULL)
		seen.home = arena_text(dump.defaults.arena, "/");
	else
		seen.home = inside(&dump, it->chroot, it->home);
	seen.perl_lib = inside_all(&dump, it->chroot, &it->perl_lib);
	dump_list(&dump, "processors");
	dump_pool(&dump, settings, &seen, true);
	dump_list_end(&dump);
	dump_list(&dump, "vhosts");
	for (i = 0; i < it->vhost_count; i++)
		vhost_slice(&dump, settings, &settings->vhosts[it->vhosts[i]], it,
		    i + 1 == it->vhost_count);
	dump_list_end(&dump);
	return dump_end(&dump);
}
