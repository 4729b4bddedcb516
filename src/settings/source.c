#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "settings/reading.h"

#define FILE_MOST     (256u * 1024 * 1024)
#define INCLUDE_DEPTH 8

static bool include_follow(struct reading *reading, struct source *source);

/* Twice as much room; frees what there was where that can't be. */
static char *
room_double(char *bytes, size_t *size)
{
	char *more = NULL;

	if (*size > FILE_MOST)
		errno = EFBIG;
	else
		more = realloc(bytes, *size *= 2);
	if (more == NULL)
		free(bytes);
	return more;
}

char *
source_fd_bytes(int fd, size_t *len)
{
	size_t size = 64 * 1024;
	char *bytes = malloc(size);
	ssize_t got;

	for (*len = 0; bytes != NULL; *len += (size_t)got) {
		if (size - *len < 2 && (bytes = room_double(bytes, &size)) == NULL)
			break;
		do {
			got = pread(fd, bytes + *len, size - *len - 1, (off_t)*len);
		} while (got < 0 && errno == EINTR);
		if (got == 0) {
			bytes[*len] = '\0';
			return bytes;
		}
		if (got < 0) {
			free(bytes);
			return NULL;
		}
	}
	return NULL;
}

/* A fifo or a device as a configuration would hang or never end. */
char *
source_bytes(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat about;
	char *bytes = NULL;

	if (fd >= 0 && fstat(fd, &about) == 0) {
		if (S_ISREG(about.st_mode))
			bytes = source_fd_bytes(fd, len);
		else
			errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
	}
	fd_close(&fd);
	return bytes;
}

const char *
source_beside(struct reading *reading, const char *file, const char *path)
{
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;

	if (path[0] == '/' || slash == NULL)
		return arena_text(reading->arena, path);
	return arena_printf(reading->arena, "%.*s/%s", (int)(slash - file), file, path);
}

static struct source *
source_add(struct reading *reading, const char *name)
{
	struct source *source = arena_alloc(reading->arena, sizeof *source);

	source->name = arena_text(reading->arena, name);
	config_init(&source->config);
	*reading->sources_end = source;
	reading->sources_end = &source->next;
	return source;
}

void
sources_free(struct reading *reading)
{
	struct source *source;

	for (source = reading->sources; source != NULL; source = source->next)
		config_destroy(&source->config);
	reading->sources = NULL;
	reading->sources_end = &reading->sources;
}

static void
syntax_wrong(struct reading *reading, struct source *source)
{
	const char *text = config_error_text(&source->config);
	const char *file = config_error_file(&source->config);
	struct place place = { source->name, (unsigned)config_error_line(&source->config) };

	if (file != NULL)
		place.file = source_beside(reading, INCLUDED_BESIDE ? source->name : NULL, file);
	if (text == NULL)
		text = "syntax error";
	if (strcmp(text, "syntax error") == 0)
		text = "syntax error here or just before: look for a missing ; or quote, or for a "
		    "bracket too many; lists are ( a, b ), groups { a = 1; }";
	else if (strcmp(text, "duplicate setting name") == 0)
		text = "this name stands for the second time in one group: take one of the two out";
	else if (strcmp(text, "cannot open include file") == 0)
		text = "the file to include can't be opened: write a path relative to this file";
	say_error(reading, place, "%s", text);
}

bool
source_text(struct reading *reading, const char *name, const char *text, size_t len)
{
	struct source *source = source_add(reading, name);
	const char *slash = strrchr(source->name, '/');
	bool clean = scan_text(reading, source->name, text, len), was = reading->incomplete;

	reading->incomplete = true;     /* until it is parsed */
	if (memchr(text, '\0', len) != NULL)
		return false;
	if (slash != NULL)
		config_set_include_dir(&source->config, arena_copy(reading->arena, source->name,
		    slash == source->name ? 1 : (size_t)(slash - source->name)));
	if (!clean && reading->purpose == SETTINGS_SLICE)
		return false;
	if (config_read_string(&source->config, text) != CONFIG_TRUE) {
		if (clean)      /* else it was said before, better */
			syntax_wrong(reading, source);
		return false;
	}
	reading->incomplete = was;
	config_setting_set_hook(config_root_setting(&source->config), source);
	return include_follow(reading, source) && clean;
}

static const struct source *
source_find(const struct reading *reading, const char *name)
{
	const struct source *source;

	for (source = reading->sources; source != NULL; source = source->next)
		if (strcmp(source->name, name) == 0)
			return source;
	return NULL;
}

bool
source_read(struct reading *reading, const char *path, const struct place *from)
{
	struct place nowhere = { path, 0 };
	char *bytes;
	size_t len;
	bool ok;

	if (from != NULL && source_find(reading, path) != NULL) {
		say_error(reading, *from, "%s is included for the second time: "
		    "name it in one place", say_text(reading, path));
		return false;
	}
	bytes = source_bytes(path, &len);
	if (bytes == NULL) {
		reading->incomplete = true;
		say_error(reading, from != NULL ? *from : nowhere, "can't read %s: %s",
		    say_text(reading, path), strerror(errno));
		return false;
	}
	ok = source_text(reading, path, bytes, len);
	free(bytes);
	return ok;
}

/* A folder that isn't there has no files; one that can't be read is a mistake. */
static int
glob_failed(const char *path, int error)
{
	(void)path;
	return error != ENOENT;
}

static bool
pattern_follow(struct reading *reading, struct source *source, const char *pattern,
    struct place place)
{
	glob_t found;
	size_t i;
	int failed;
	bool ok = true;

	pattern = source_beside(reading, source->name, pattern);
	failed = glob(pattern, GLOB_NOMAGIC, glob_failed, &found);
	if (failed == GLOB_NOMATCH)
		return true;
	if (failed != 0) {
		say_error(reading, place, "can't look for %s: %s", say_text(reading, pattern),
		    failed == GLOB_NOSPACE ? "no memory" : strerror(errno));
		return false;
	}
	for (i = 0; i < found.gl_pathc; i++)
		if (!source_read(reading, found.gl_pathv[i], &place))
			ok = false;
	globfree(&found);
	return ok;
}

static bool
include_follow(struct reading *reading, struct source *source)
{
	static const struct settings_row row = { .name = "include", .kind = KIND_LIST };
	const config_setting_t *setting;
	struct string_list patterns = { NULL, 0 };
	struct place place;
	bool ok = true;
	size_t i;

	setting = config_setting_get_member(config_root_setting(&source->config), "include");
	if (setting == NULL)
		return true;
	place = place_of(reading, setting);
	if (reading->purpose == SETTINGS_SLICE || reading->depth >= INCLUDE_DEPTH) {
		say_error(reading, place, reading->depth >= INCLUDE_DEPTH ?
		    "includes go too deep: include it from a file above" :
		    "a slice includes nothing");
		return false;
	}
	if (!value_read(reading, &row, setting, &patterns))
		return false;
	reading->depth++;
	for (i = 0; i < patterns.count; i++)
		if (!pattern_follow(reading, source, patterns.at[i], place))
			ok = false;
	reading->depth--;
	return ok;
}
