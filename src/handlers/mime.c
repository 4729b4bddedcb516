#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "handlers/mime.h"

#define SUFFIX_MAX 32
#define FILE_MAX   (4u << 20)   /* Debian's mime.types is 70 kB */

/* Every PHP pool's zygote builds this table, so it is kept small: offsets, not pointers. */
struct entry {
	uint32_t suffix;        /* in the text; 0: free, for a type comes before it */
	uint32_t type;
};

struct mime {
	char *text;             /* owned */
	struct entry *entries;  /* owned; a power of two, half of them free at least */
	size_t mask;
};

/* What a site can't do without, where the system has no file of types. */
static const char common[] =
	"text/html html htm\n"
	"text/css css\n"
	"text/javascript js mjs\n"
	"text/plain txt\n"
	"text/xml xml\n"
	"application/json json map\n"
	"application/pdf pdf\n"
	"application/wasm wasm\n"
	"application/zip zip\n"
	"audio/mpeg mp3\n"
	"font/woff woff\n"
	"font/woff2 woff2\n"
	"image/avif avif\n"
	"image/gif gif\n"
	"image/jpeg jpg jpeg\n"
	"image/png png\n"
	"image/svg+xml svg\n"
	"image/vnd.microsoft.icon ico\n"
	"image/webp webp\n"
	"video/mp4 mp4\n"
	"video/webm webm\n";

static size_t
hash(const char *suffix)
{
	uint32_t value = 2166136261u;           /* FNV-1a: the table is the system's, no stranger's */

	for (; *suffix != '\0'; suffix++)
		value = (value ^ (unsigned char)*suffix) * 16777619u;
	return value;
}

/* The entry of that suffix, or the free one where it belongs. */
static struct entry *
place(const struct mime *mime, const char *suffix)
{
	size_t at = hash(suffix) & mime->mask;

	while (mime->entries[at].suffix != 0 &&
	    strcmp(mime->text + mime->entries[at].suffix, suffix) != 0)
		at = (at + 1) & mime->mask;
	return &mime->entries[at];
}

/* One line: a type, then its suffixes.  The first mention of a suffix counts. */
static void
add_line(struct mime *mime, char *line)
{
	char *rest = NULL, *type = strtok_r(line, " \t\r", &rest), *suffix, *c;
	struct entry *entry;

	if (type == NULL || type[0] == '#')
		return;
	while ((suffix = strtok_r(NULL, " \t\r", &rest)) != NULL && suffix[0] != '#') {
		for (c = suffix; *c != '\0'; c++)
			*c = str_lower(*c);
		entry = place(mime, suffix);
		if (entry->suffix != 0)
			continue;
		entry->suffix = (uint32_t)(suffix - mime->text);
		entry->type = (uint32_t)(type - mime->text);
	}
}

/* No more suffixes than words outside of comments. */
static size_t
words(const char *text)
{
	bool inside = false, comment = false;
	size_t count = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\n')
			comment = false;
		if (*text == '\n' || *text == ' ' || *text == '\t' || *text == '\r') {
			inside = false;
		} else if (!inside) {
			inside = true;
			comment = comment || *text == '#';
			count += !comment;
		}
	}
	return count;
}

/* Takes the text over. */
static struct mime *
build(char *text)
{
	struct mime *mime = calloc(1, sizeof *mime);
	size_t size = 64, most;
	char *line, *rest = NULL;

	if (mime == NULL || text == NULL) {
		free(mime);
		free(text);
		return NULL;
	}
	most = words(text);
	while (size < 2 * most)
		size *= 2;
	mime->text = text;
	mime->mask = size - 1;
	mime->entries = calloc(size, sizeof *mime->entries);
	if (mime->entries == NULL) {
		mime_free(&mime);
		return NULL;
	}
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		add_line(mime, line);
	return mime;
}

struct mime *
mime_new_text(const char *text, size_t len)
{
	return build(strndup(text, len));
}

/* The whole of a regular file, ended by a NUL, or NULL with errno set. */
static char *
file_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct stat is;

	if (fd < 0)
		return NULL;
	errno = EFBIG;
	if (fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_size < (off_t)FILE_MAX)
		text = malloc((size_t)is.st_size + 1);
	if (text != NULL && !fd_read_all(fd, text, (size_t)is.st_size)) {
		free(text);
		text = NULL;
	}
	if (text != NULL)
		text[is.st_size] = '\0';
	fd_close(&fd);
	return text;
}

struct mime *
mime_new(const char *path, int *error)
{
	char *text = file_text(path);

	*error = text == NULL ? errno : 0;
	return text != NULL ? build(text) : mime_new_text(common, sizeof common - 1);
}

void
mime_free(struct mime **mime)
{
	if (*mime == NULL)
		return;
	free((*mime)->entries);
	free((*mime)->text);
	free(*mime);
	*mime = NULL;
}

const char *
mime_find(const struct mime *mime, const char *name)
{
	const char *slash = strrchr(name, '/'), *dot;
	char suffix[SUFFIX_MAX];
	const struct entry *entry;
	size_t i;

	dot = strrchr(slash != NULL ? slash + 1 : name, '.');
	if (dot == NULL)
		return MIME_UNKNOWN;
	for (i = 0; dot[1 + i] != '\0'; i++) {
		if (i == sizeof suffix - 1)
			return MIME_UNKNOWN;
		suffix[i] = str_lower(dot[1 + i]);
	}
	suffix[i] = '\0';
	entry = place(mime, suffix);
	return entry->suffix != 0 ? mime->text + entry->type : MIME_UNKNOWN;
}
