#include "handlers/php_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ext/date/php_date.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "settings/settings.h"

/*
 * Debian's PHP reads time zones from the system's files, and where those are
 * missing date() crashes it.  So for a chroot without them the files are read
 * into memory before it is entered, in the form in which PHP takes a database
 * from outside (php_date_set_tzdb, made for the pecl package timezonedb): an
 * index sorted by name, and the files' bytes, each with PHP's own 20 bytes of
 * head in place of TZif's 20 and a place on earth behind it.  The head says
 * whether the zone is a current one and its country; that is in zone.tab.
 * About a megabyte, shared by the pool's processors.
 */
#define ZONES_FOLDER "/usr/share/zoneinfo"
#define ZONES_MAX 4096
#define ZONES_BYTES (16u * 1024 * 1024)
#define ZONE_BYTES (256u * 1024)        /* one file */
#define DEPTH_MAX 4
#define HEAD_SIZE 20
#define HEAD_VERSION 3                  /* after "PHP"; byte 4 of TZif's */
#define HEAD_CURRENT 4
#define HEAD_COUNTRY 5

/* Latitude and longitude 0, as PHP counts them from -90 and -180; no comment. */
static const char place[12] = { 0x00, (char)0x89, 0x54, 0x40, 0x01, 0x12, (char)0xa8, (char)0x80 };

static struct {
	timelib_tzdb db;
	timelib_tzdb_index_entry *index;
	struct buf data;
	bool needed;
} zones;

/* Put PHP's head in place of TZif's. */
static void
write_head(char *head, bool is_current)
{
	char version = head[4];

	memset(head, 0, HEAD_SIZE);
	memcpy(head, "PHP", 3);
	head[HEAD_VERSION] = version;
	head[HEAD_CURRENT] = is_current;
	memcpy(head + HEAD_COUNTRY, "??", 2);
}

static void
read_file(const char *path, const char *name)
{
	timelib_tzdb_index_entry *entry;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t at = zones.data.len;

	if (fd == -1)
		return;
	if (zones.db.index_size < ZONES_MAX && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 44 && st.st_size <= ZONE_BYTES &&
	    buf_reserve(&zones.data, st.st_size + sizeof place) &&
	    fd_read_all(fd, zones.data.data + at, st.st_size) &&
	    memcmp(zones.data.data + at, "TZif", 4) == 0 && zones.data.data[at + 4] >= '2') {
		entry = &zones.index[zones.db.index_size++];
		entry->id = strdup(name);
		entry->pos = at;
		write_head(zones.data.data + at, strcmp(name, "UTC") == 0);
		memcpy(zones.data.data + at + st.st_size, place, sizeof place);
		zones.data.len += st.st_size + sizeof place;
	}
	fd_close(&fd);
}

/* What is in that folder and is no zone, or one once more. */
static bool
is_other(const char *name)
{
	static const char *const others[] = { "posix", "right", "posixrules", "localtime" };
	size_t i;

	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(name, others[i]) == 0)
			return true;
	}
	return false;
}

static void
read_folder(const char *path, const char *name, int depth)
{
	char below[PATH_MAX], below_name[NAME_MAX * 2];
	struct dirent *entry;
	struct stat st;
	DIR *folder = opendir(path);

	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' || is_other(entry->d_name) ||
		    (size_t)snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >=
		    sizeof below ||
		    (size_t)snprintf(below_name, sizeof below_name, "%s%s%s", name,
		    name[0] == '\0' ? "" : "/", entry->d_name) >= sizeof below_name ||
		    stat(below, &st) == -1)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			read_folder(below, below_name, depth + 1);
		else if (S_ISREG(st.st_mode))
			read_file(below, below_name);
	}
	closedir(folder);
}

static int
compare(const void *a, const void *b)
{
	const timelib_tzdb_index_entry *one = a, *other = b;

	return strcasecmp(one->id, other->id);
}

/* "AD	+4230+00131	Europe/Andorra	comment": country, place, name. */
static void
read_countries(void)
{
	FILE *table = fopen(ZONES_FOLDER "/zone.tab", "re");
	const timelib_tzdb_index_entry *entry;
	timelib_tzdb_index_entry wanted;
	char line[512], country[3], name[64];

	if (table == NULL)
		return;
	while (fgets(line, sizeof line, table) != NULL) {
		if (line[0] == '#' || sscanf(line, "%2s\t%*s\t%63s", country, name) != 2)
			continue;
		wanted.id = name;
		entry = bsearch(&wanted, zones.index, zones.db.index_size, sizeof wanted, compare);
		if (entry == NULL)
			continue;
		zones.data.data[entry->pos + HEAD_CURRENT] = 1;
		memcpy(zones.data.data + entry->pos + HEAD_COUNTRY, country, 2);
	}
	fclose(table);
}

void
php_zones_read(void)
{
	char inside[PATH_MAX];

	if (php_now.pool->chroot == NULL)
		return;
	snprintf(inside, sizeof inside, "%s" ZONES_FOLDER "/UTC", php_now.pool->chroot);
	if (access(inside, R_OK) == 0)
		return;
	zones.needed = true;
	zones.data = (struct buf)BUF(ZONES_BYTES);
	zones.index = calloc(ZONES_MAX, sizeof *zones.index);
	if (zones.index == NULL)
		return;
	read_folder(ZONES_FOLDER, "", 0);
	qsort(zones.index, zones.db.index_size, sizeof *zones.index, compare);
	read_countries();
}

void
php_zones_use(void)
{
	if (!zones.needed)
		return;
	if (zones.db.index_size == 0) {
		php_log(LEVEL_WARNING, "there are no time zones, neither in the chroot nor in "
		    ZONES_FOLDER ": date() will fail");
		return;
	}
	/* PHP takes a database from outside only where it is newer than its own, "0.system" */
	zones.db.version = "1.system";
	zones.db.index = zones.index;
	zones.db.data = (const unsigned char *)zones.data.data;
	php_date_set_tzdb(&zones.db);
}
