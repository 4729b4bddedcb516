/*
 * What belongs together where requests are handed over by FastCGI: a pool's
 * handoff, command and connect, and the vhosts' handlers that name such a pool.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "settings/reading.h"

#define TCP  "tcp:"
#define UNIX "unix:"

static bool
says(const config_setting_t *node, const char *setting)
{
	return config_setting_get_member(node, setting) != NULL;
}

/* ---- a pool */

static void
address_check(struct reading *reading, struct place place, const char *text)
{
	bool tcp = strncmp(text, TCP, strlen(TCP)) == 0;
	bool local = strncmp(text, UNIX, strlen(UNIX)) == 0;
	const char *why = "is no address", *host = tcp ? text + strlen(TCP) : text;

	if ((!tcp && !local) || address_tidy(reading, host, &why) == NULL || host[0] == '*')
		say_error(reading, place, "connect: \"%s\" %s; write \"unix:/run/php/carol.sock\" "
		    "or \"tcp:127.0.0.1:9000\", an address, not a name", say_text(reading, text),
		    why);
}

static void
connect_check(struct reading *reading, const struct pool_settings *pool,
    const config_setting_t *node)
{
	static const char *const ours[] = { "user", "group", "env", NULL };
	size_t i;

	for (i = 0; i < pool->connect.count; i++)
		address_check(reading, place_in(reading, node, "connect"), pool->connect.at[i]);
	for (i = 0; ours[i] != NULL; i++)
		if (says(node, ours[i]))
			say_error(reading, place_in(reading, node, ours[i]), "%s is for processes "
			    "that peruserd starts, and the servers of connect are there already; "
			    "take it out", ours[i]);
}

/* php-cgi, as it is by default: it looks for the script by itself. */
static bool
runs_uploads(const struct pool_settings *pool)
{
	size_t i;

	if (pool->command.count == 0 || strstr(pool->command.at[0], "/php-cgi") == NULL)
		return false;
	for (i = 1; i < pool->command.count; i++)
		if (strstr(pool->command.at[i], "cgi.fix_pathinfo=0") != NULL)
			return false;
	return true;
}

static void
command_check(struct reading *reading, const struct pool_settings *pool,
    const config_setting_t *node)
{
	struct place place = place_in(reading, node, "command");

	if (pool->command.count == 0)
		say_error(reading, place, "command is empty; write command = [ "
		    "\"/usr/bin/php-cgi\" ];");
	else if (pool->command.at[0][0] != '/')
		say_error(reading, place, "command: \"%s\" is no absolute path; write the whole "
		    "one, as seen from inside the chroot", say_text(reading, pool->command.at[0]));
	if (runs_uploads(pool))
		say_warning(reading, place, "%s takes /upload.jpg/x.php for a script and runs the upload; "
		    "write command = [ \"%s\", \"-d\", \"cgi.fix_pathinfo=0\", \"-d\", "
		    "\"cgi.discard_path=1\" ]; what the script is peruserd says",
		    say_text(reading, pool->command.at[0]), say_text(reading, pool->command.at[0]));
	if (pool->limits[CONFINE_CPU] != CONFINE_UNSET)
		say_error(reading, place_in(reading, node, "limits"), "limits.cpu is for one "
		    "request, and a program of its own serves many; take it out, expire_timeout "
		    "bounds a request's time");
}

void
check_handoff(struct reading *reading, const struct pool_settings *pool,
    const config_setting_t *node)
{
	bool command = says(node, "command"), connect = says(node, "connect");
	const char *which = command ? "command" : "connect";

	if (command && connect)
		say_error(reading, place_in(reading, node, "connect"), "a pool has a command "
		    "to start or servers to connect to, not both; take one out");
	if ((command || connect) && pool->handoff == HANDOFF_FD)
		say_error(reading, place_in(reading, node, says(node, "handoff") ? "handoff" :
		    which), "%s: only a pool with handoff = \"fastcgi\" has one; write that", which);
	if (command && !connect)
		command_check(reading, pool, node);
	if (connect && !command)
		connect_check(reading, pool, node);
	if (pool->keep_connections && !connect)
		say_error(reading, place_in(reading, node, "keep_connections"), "keep_connections "
		    "is for the servers of connect; take it out");
	if (reading->purpose != SETTINGS_SLICE && pool->user == NULL && !connect &&
	    !says(node, "user"))
		say_error(reading, pool->place, "pool \"%s\" has no user; write user = \"alice\"; "
		    "with the name of its account", say_text(reading, pool->name));
}

/* ---- a vhost's handlers */

static const char example[] = "{ suffix = \".php\"; handler = \"fastcgi\"; processor = \"bob-php\"; }";

/* Its own pool has no process of ours that could serve files. */
static void
without_ours(struct reading *reading, const struct vhost_settings *vhost,
    const struct handler_settings *handler)
{
	if (handler->kind != HANDLER_FASTCGI)
		say_error(reading, handler->place, "pool \"%s\" has a %s and no processor of ours, "
		    "so it has the handler \"fastcgi\" alone; give the vhost a pool with a user "
		    "(and no command or connect), and name this one in an entry: %s",
		    say_text(reading, reading->settings->pools[vhost->pool].name),
		    reading->settings->pools[vhost->pool].command.count > 0 ? "command" : "connect",
		    example);
}

static void
target_check(struct reading *reading, uint32_t index, const struct handler_settings *handler)
{
	const struct vhost_settings *vhost = &reading->settings->vhosts[index];
	const struct pool_settings *pool =
	    &reading->settings->pools[settings_handler_pool(vhost, handler)];

	if (settings_pool_runs(pool) == RUNS_OURS)
		say_error(reading, handler->place, "handler \"fastcgi\" needs a pool with a command "
		    "or connect, and \"%s\" has none; write %s",
		    say_text(reading, pool->name), example);
	else if (vhost->document_root != NULL && pool->chroot != NULL &&
	    settings_inside(pool->chroot, vhost->document_root) == NULL)
		vhost_wrong(reading, index, handler->place, "document_root \"%s\" is outside of "
		    "chroot \"%s\" of pool \"%s\"; write a path below it, or take that chroot out",
		    say_text(reading, vhost->document_root), say_text(reading, pool->chroot),
		    say_text(reading, pool->name));
}

void
check_fastcgi_handlers(struct reading *reading, uint32_t index)
{
	const struct vhost_settings *vhost = &reading->settings->vhosts[index];
	const struct pool_settings *own;
	bool passes = false;
	size_t i;

	if (vhost->pool == SETTINGS_NONE)
		return;
	own = &reading->settings->pools[vhost->pool];
	for (i = 0; i < vhost->handler_count; i++) {
		const struct handler_settings *handler = &vhost->handlers[i];

		if (settings_pool_runs(own) != RUNS_OURS)
			without_ours(reading, vhost, handler);
		if (handler->kind == HANDLER_FASTCGI) {
			target_check(reading, index, handler);
			passes = true;
		} else if (handler->pool != SETTINGS_NONE)
			say_error(reading, handler->place, "only handler \"fastcgi\" names a "
			    "processor; take it out");
	}
	if (passes && own->handoff == HANDOFF_FASTCGI && settings_pool_runs(own) == RUNS_OURS)
		say_error(reading, vhost->place, "a vhost with the handler \"fastcgi\" needs a pool "
		    "with handoff = \"fd\" for its files; take handoff = \"fastcgi\" out of pool "
		    "\"%s\"", say_text(reading, own->name));
	if (vhost->x_sendfile && settings_pool_runs(own) != RUNS_OURS)
		say_error(reading, vhost->place, "x_sendfile: pool \"%s\" has a %s and no processor of "
		    "ours that could open a file; give the vhost a pool with a user (and no command "
		    "or connect), and name this one in an entry: %s", say_text(reading, own->name),
		    own->command.count > 0 ? "command" : "connect", example);
	if ((passes || own->handoff == HANDOFF_FASTCGI) && vhost->tuning->stream_body)
		say_error(reading, vhost->place, "a request that is handed over by FastCGI is whole "
		    "first: take stream_body = true out");
}

/* ---- the disk */

/*
 * Could a pool's user put something else where the manager connects to?  In a
 * folder where anybody may write, but take nothing away, what is there stays.
 */
static bool
belongs_to_pool(const struct settings *settings, const struct stat *about, bool last)
{
	uint32_t i;

	if ((about->st_mode & S_IWOTH) != 0 && (last || (about->st_mode & S_ISVTX) == 0))
		return true;
	for (i = 0; i < settings->pool_count; i++)
		if (settings->pools[i].uid == about->st_uid && settings->pools[i].user != NULL)
			return true;
	return false;
}

static void
socket_check(struct reading *reading, uint32_t pool, const char *path)
{
	struct place place = place_in(reading, reading->pools_said[pool].node, "connect");
	char *folder = arena_text(reading->arena, path), *slash;
	struct stat about;
	bool last = true;

	while ((slash = strrchr(folder, '/')) != NULL) {
		*slash = '\0';
		if (lstat(slash == folder ? "/" : folder, &about) != 0)
			continue;
		if (!S_ISDIR(about.st_mode) || belongs_to_pool(reading->settings, &about, last)) {
			pool_wrong(reading, pool, place, "connect: %s, on the way to \"%s\", %s; "
			    "put the socket into a directory of root's or of the web server's, "
			    "like /run/php", slash == folder ? "/" : say_text(reading, folder),
			    say_text(reading, path), S_ISDIR(about.st_mode) ?
			    "can be changed by the user of a pool" : "is no directory");
			return;
		}
		last = false;
	}
}

void
check_connect_disk(struct reading *reading, uint32_t index)
{
	const struct pool_settings *pool = &reading->settings->pools[index];
	size_t i;

	for (i = 0; i < pool->connect.count; i++)
		if (strncmp(pool->connect.at[i], UNIX "/", strlen(UNIX) + 1) == 0)
			socket_check(reading, index, pool->connect.at[i] + strlen(UNIX));
}
