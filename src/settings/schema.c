#include "config.h"

#include <string.h>
#include <strings.h>

#include "settings/schema.h"
#include "settings/settings.h"

#define KIB           1024ull
#define MIB           (1024 * KIB)
#define TIB           (1024 * 1024 * MIB)
#define SECOND        1000ull
#define TIME_MOST     (30 * 24 * 3600 * SECOND) /* so that a time fits 32 bits everywhere */
#define COUNT_MOST    1000000ull

#define COUNT(array)  (sizeof (array) / sizeof (array)[0])
#define EVERYWHERE    (IN_GLOBAL | IN_PROCESSOR | IN_VHOST)
#define TUNE(field)   offsetof(struct tuning, field)
#define AT(field)     offsetof(struct settings, field)
#define LISTEN(field) offsetof(struct listen_settings, field)
#define MUX(field)    offsetof(struct multiplexer_settings, field)
#define POOL(field)   offsetof(struct pool_settings, field)
#define LIMIT(which)  (offsetof(struct pool_settings, limits) + (which) * sizeof(uint64_t))
#define VHOST(field)  offsetof(struct vhost_settings, field)
#define HANDLER(f)    offsetof(struct handler_settings, f)
#define NONE          .of = GROUP_NONE

static const char *const protocols[] = { "http", "fastcgi", "handoff", "status", NULL };
static const char *const connections[] = { "shared", "private", NULL };
static const char *const handoffs[] = { "fd", "fastcgi", NULL };
static const char *const handlers[] = { "static", "php", "cgi", "psgi", "perl-cgi", "fastcgi",
    NULL };
static const char *const levels[] = { "debug", "info", "notice", "warning", "error", NULL };

/* What a later version serves; it takes the row away. */
static const struct {
	const char *setting, *word, *text;
} unserved[] = {
#ifndef WITH_PHP
	{ "handler", "php", "this peruserd was built without PHP; "
	    "build it with libphp (configure --with-php), or take the entry out" },
#endif
#ifndef WITH_PERL
	{ "handler", "psgi", "this peruserd was built without Perl; "
	    "build it with libperl (configure --with-perl), or take the entry out" },
	{ "handler", "perl-cgi", "this peruserd was built without Perl; "
	    "build it with libperl (configure --with-perl), or write handler = \"cgi\"" },
#endif
	{ NULL, NULL, NULL }
};

const struct settings_row schema_tuning[TUNING_ROWS] = {
	{ "min_spare_processors", KIND_NUMBER, EVERYWHERE | NOT_POOL | IS_POOLS,
	    TUNE(min_spare_processors), 0, 65535, "2", "How many idle processors a pool keeps while "
	    "it is in use, which is until it had no request for idle_timeout; never more than "
	    "max_processors.  0: on demand.", NULL, NONE,
	    "MinSpareProcessors, MinSpareServers", "pm.min_spare_servers" },
	{ "max_spare_processors", KIND_NUMBER, EVERYWHERE | NOT_POOL | IS_POOLS,
	    TUNE(max_spare_processors), 0, 65535, "0", "More idle processors than this don't wait for idle_timeout, but go "
	    "within a second; never fewer than min_spare_processors.  0: no such bound.", NULL, NONE,
	    "MaxSpareProcessors", "pm.max_spare_servers" },
	{ "start_processors", KIND_NUMBER, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(start_processors),
	    0, 65535, "1", "How many processors are forked at once when a pool wakes; more, where "
	    "more requests wait.", NULL, NONE,
	    "StartProcessors", "pm.start_servers" },
	{ "min_processors", KIND_NUMBER, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(min_processors),
	    0, 65535, "0", "How many processors a pool has at least, from the start and however "
	    "idle; never more than max_processors.  0: it may sleep.  With min_processors = "
	    "max_processors it is static.", NULL, NONE,
	    "MinProcessors", NULL },
	{ "max_processors", KIND_NUMBER, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(max_processors),
	    1, 65535, "10", "How many processors a pool may have.", NULL, NONE,
	    "MaxProcessors", "pm.max_children" },
	{ "max_requests_per_child", KIND_NUMBER, EVERYWHERE | IS_POOLS,
	    TUNE(max_requests_per_child), 0, UINT32_MAX, "1000",
	    "A processor leaves after so many requests; 0: never.", NULL, NONE,
	    "MaxRequestsPerChild", "pm.max_requests" },
	{ "idle_timeout", KIND_TIME, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(idle_timeout),
	    0, TIME_MOST, "60", "How long a processor stays idle before it goes.  The spare ones go "
	    "when the whole pool had no request for so long; those of min_processors stay.  "
	    "0: none goes.",
	    NULL, NONE,
	    "IdleTimeout", "pm.process_idle_timeout" },
	{ "zygote_timeout", KIND_TIME, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(zygote_timeout),
	    0, TIME_MOST, "300", "How long the zygote of a pool without processors stays, so that "
	    "the next request finds the interpreters loaded.  Then the pool is cold: no process.  "
	    "0: it stays.", NULL, NONE },
	{ "max_memory", KIND_SIZE, EVERYWHERE | IS_POOLS, TUNE(max_memory),
	    0, 1024 * TIB, "0", "A processor leaves after the request in which its resident memory, "
	    "parts shared with others of the pool included, passed this.  What the "
	    "kernel bounds is in limits.  0: no bound.", NULL, NONE },
	{ "queue_length", KIND_NUMBER, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(queue_length),
	    0, COUNT_MOST, "100", "How many requests may wait for a processor of the pool, in each "
	    "multiplexer; one more gets 503.", NULL, NONE },
	{ "start_timeout", KIND_TIME, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(start_timeout),
	    SECOND, TIME_MOST, "30", "How long a pool may take to load its interpreters.",
	    NULL, NONE },
	{ "kill_timeout", KIND_TIME, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(kill_timeout),
	    100, TIME_MOST, "5", "How long a killed processor may take to end before all of its "
	    "pool is killed.", NULL, NONE },
	{ "graceful_timeout", KIND_TIME, EVERYWHERE | NOT_POOL | IS_POOLS, TUNE(graceful_timeout),
	    0, TIME_MOST, "300", "How long requests that run may take when the pool's processors "
	    "are replaced; then they are killed.  0: no bound.", NULL, NONE,
	    NULL, "process_control_timeout" },
	{ "queue_timeout", KIND_TIME, EVERYWHERE | NOT_POOL, TUNE(queue_timeout),
	    1, TIME_MOST, "30", "How long a request may wait for a processor; then it gets 503.",
	    NULL, NONE,
	    "ProcessorWaitTimeout", NULL },
	{ "expire_timeout", KIND_TIME, EVERYWHERE, TUNE(expire_timeout),
	    0, TIME_MOST, "300", "How long a request may run before its processor is killed; 0: no "
	    "bound.", NULL, NONE,
	    "ExpireTimeout", "request_terminate_timeout" },
	{ "slow_timeout", KIND_TIME, EVERYWHERE, TUNE(slow_timeout),
	    0, TIME_MOST, "0", "A request that runs longer is written to slow_log, with what PHP does "
	    "at that moment; it runs on.  0: none is.", NULL, NONE,
	    NULL, "request_slowlog_timeout" },
	{ "body_timeout", KIND_TIME, EVERYWHERE, TUNE(body_timeout),
	    1, TIME_MOST, "30", "How long a client may pause while it sends a request body.",
	    NULL, NONE },
	{ "send_timeout", KIND_TIME, EVERYWHERE, TUNE(send_timeout),
	    1, TIME_MOST, "60", "How long a client may pause while it takes an answer.",
	    NULL, NONE },
	{ "keep_alive_timeout", KIND_TIME, EVERYWHERE, TUNE(keep_alive_timeout),
	    1, TIME_MOST, "15", "How long an idle connection stays open for the next request.",
	    NULL, NONE,
	    "KeepAliveTimeout", NULL },
	{ "max_body_size", KIND_SIZE, EVERYWHERE, TUNE(max_body_size),
	    0, 1024 * TIB, "\"64m\"", "The longest request body; a longer one gets 413.",
	    NULL, NONE },
	{ "keep_alive", KIND_BOOL, EVERYWHERE, TUNE(keep_alive),
	    0, 0, "true", "Whether a connection may bring more than one request.", NULL, NONE,
	    "KeepAlive", NULL },
	{ "stream_body", KIND_BOOL, EVERYWHERE, TUNE(stream_body),
	    0, 0, "false", "Hand a request over before its body has arrived whole.  The processor "
	    "then waits for the client.", NULL, NONE }
};

static const struct settings_row global_rows[] = {
	{ "include", KIND_INCLUDE, IN_GLOBAL, 0, 0, 0, NULL,
	    "Files to read as well, as patterns relative to this file, in sorted order.  Lists are "
	    "appended; any other setting may stand in one file only.", NULL, NONE,
	    "Include", "include" },
	{ "listen", KIND_GROUPS, IN_GLOBAL | NOT_POOL, 0, 0, 0, NULL,
	    "Where to listen.", NULL, .of = GROUP_LISTEN,
	    "Listen", "listen" },
	{ "control", KIND_GROUP, IN_GLOBAL | NOT_POOL | NOT_MUX, 0, 0, 0, NULL,
	    "The socket that peruserctl talks to.", NULL, .of = GROUP_CONTROL },
	{ "pid_file", KIND_PATH, IN_GLOBAL | NOT_POOL | NOT_MUX, AT(pid_file), 0, 0,
	    "\"@runstatedir@/peruserd/peruserd.pid\"", "Where to write the manager's process id.",
	    NULL, NONE,
	    "PidFile", "pid" },
	{ "error_log", KIND_PATH, IN_GLOBAL | NOT_POOL, AT(error_log), 0, 0,
	    "\"@localstatedir@/log/peruserd/error.log\"", "The daemon's log.", NULL, NONE },
	{ "log_level", KIND_WORD, IN_GLOBAL, AT(log_level), 0, 0, "\"notice\"",
	    "The least level that is logged.", levels, NONE,
	    "LogLevel", "log_level" },
	{ "spool_dir", KIND_PATH, IN_GLOBAL | NOT_POOL, AT(spool_dir), 0, 0,
	    "\"@localstatedir@/spool/peruserd\"",
	    "Where long request bodies wait until they are whole.", NULL, NONE },
	{ "mime_types", KIND_PATH, IN_GLOBAL, AT(mime_types), 0, 0, "\"/etc/mime.types\"",
	    "The file that gives suffixes their media types.", NULL, NONE },
	{ "server_header", KIND_TEXT, IN_GLOBAL, AT(server_header), 0, 0, "\"peruserd\"",
	    "The Server field of every answer; \"\" for none.", NULL, NONE },
	{ "header_timeout", KIND_TIME, IN_GLOBAL, AT(header_timeout), 100, TIME_MOST, "30",
	    "How long a client may take to send a request head.", NULL, NONE },
	{ "max_request_head", KIND_SIZE, IN_GLOBAL, AT(max_request_head), KIB, 64 * KIB, "\"32k\"",
	    "The longest request head; a longer one gets 431.", NULL, NONE },
	{ "max_request_line", KIND_SIZE, IN_GLOBAL, AT(max_request_line), 256, 32 * KIB, "\"8k\"",
	    "The longest request line; a longer one gets 414.", NULL, NONE },
	{ "body_memory", KIND_SIZE, IN_GLOBAL, AT(body_memory), 0, 1024 * MIB, "\"2m\"",
	    "A request body up to this length waits in memory, a longer one in spool_dir; in a "
	    "processor with handoff = \"fastcgi\" in memory too, then in its user's /tmp.", NULL, NONE },
	{ "answer_memory", KIND_SIZE, IN_GLOBAL, AT(answer_memory), 64 * KIB, 1024 * MIB, "\"2m\"",
	    "An answer up to this length is handed back whole, so that its processor is free at "
	    "once.  Memory is used for what is written only.", NULL, NONE },
	{ "body_memory_total", KIND_SIZE, IN_GLOBAL | NOT_POOL, AT(body_memory_total), MIB, 1024 * TIB,
	    "\"512m\"", "How many bytes of request bodies one multiplexer holds in memory, all of "
	    "them together; what is more waits in spool_dir.", NULL, NONE },
	{ "spool_total", KIND_SIZE, IN_GLOBAL | NOT_POOL, AT(spool_total), MIB, 1024 * TIB, "\"8g\"",
	    "How many bytes of request bodies that have not been handed over one multiplexer keeps "
	    "in spool_dir, all of them together; one more gets 503.", NULL, NONE },
	{ "answer_memory_total", KIND_SIZE, IN_GLOBAL | NOT_POOL, AT(answer_memory_total), MIB,
	    1024 * TIB, "\"4g\"", "How many bytes of answers one multiplexer may hold, each "
	    "answer_memory counted whole; further answers are streamed, at their clients' speed.",
	    NULL, NONE },
	{ "log_rate", KIND_NUMBER, IN_GLOBAL | NOT_POOL, AT(log_rate), 1, COUNT_MOST, "500",
	    "How many lines a second a pool may log by one multiplexer; what is more is dropped, and "
	    "counted in a line.", NULL, NONE },
	{ "message_rate", KIND_NUMBER, IN_GLOBAL | NOT_POOL, AT(message_rate), 1000, 100 * COUNT_MOST,
	    "100000", "How many messages a second a processor may send beside its answers: log "
	    "lines, reports of requests on a private connection.  Then it isn't listened to until "
	    "the next second.", NULL, NONE },
	{ "flood_timeout", KIND_TIME, IN_GLOBAL | NOT_POOL, AT(flood_timeout), SECOND, TIME_MOST, "10",
	    "A processor that sends more than message_rate for so long is killed.", NULL, NONE },
	{ "answer_buffer", KIND_SIZE, IN_GLOBAL | NOT_POOL, AT(answer_buffer), 4 * KIB, 16 * MIB, "\"64k\"",
	    "How much of a FastCGI answer waits in memory for a slow client; what is longer waits "
	    "in spool_dir.", NULL, NONE },
	{ "answer_spool", KIND_SIZE, IN_GLOBAL | NOT_POOL, AT(answer_spool), 0, TIB, "\"1g\"",
	    "How much of a FastCGI answer waits in spool_dir for a slow client; what is longer "
	    "makes the program wait.", NULL, NONE },
	{ "server_limit", KIND_NUMBER, IN_GLOBAL | NOT_POOL, AT(server_limit), 1, COUNT_MOST, "256",
	    "How many processors may run, of all pools together.", NULL, NONE,
	    "ServerLimit", "process.max" },
	{ "max_clients", KIND_NUMBER, IN_GLOBAL | NOT_POOL, AT(max_clients), 1,
	    10 * COUNT_MOST, "20000",
	    "How many connections one multiplexer may hold, idle ones included.  "
	    "The bound of processes is server_limit.", NULL, NONE,
	    "MaxClients", NULL },
	{ "stop_timeout", KIND_TIME, IN_GLOBAL | NOT_POOL, AT(stop_timeout), 0, TIME_MOST, "30",
	    "How long running requests may take after peruserd was told to stop.", NULL, NONE },
	{ "heartbeat_timeout", KIND_TIME, IN_GLOBAL | NOT_POOL, AT(heartbeat_timeout), SECOND,
	    TIME_MOST, "10", "A multiplexer that is silent for so long is killed and replaced.",
	    NULL, NONE },
	{ "fast_start", KIND_BOOL, IN_GLOBAL | NOT_MUX | NOT_POOL, AT(fast_start), 0, 0, "false",
	    "Whether zygotes of PHP pools are forked from a loader that has mapped PHP and its "
	    "extensions: a cold pool then answers its first request in less than half of the time.  "
	    "The price: the loader is a process of root's more, with SETUID, SETGID, SYS_CHROOT "
	    "and SYS_ADMIN, that runs nothing of any user; and libraries are at the same "
	    "addresses in all pools until the loader is started anew, so who reads an address in "
	    "one pool knows it for the others.  Pools with no_new_privs = false start without it.",
	    NULL, NONE },
	{ "restart_delay", KIND_TIME, IN_GLOBAL | NOT_POOL, AT(restart_delay), 10, TIME_MOST, "1",
	    "How long a pool that failed waits before it is tried again; doubles each time.",
	    NULL, NONE },
	{ "restart_delay_max", KIND_TIME, IN_GLOBAL | NOT_POOL, AT(restart_delay_max), 10,
	    TIME_MOST, "60",
	    "The longest such wait.", NULL, NONE },
	{ "generation", KIND_NUMBER, IN_GLOBAL | ONLY_SLICE | NOT_POOL, AT(generation), 0,
	    UINT32_MAX, NULL, "Counts the configurations that were taken.", NULL, NONE },
	{ "multiplexers", KIND_GROUPS, IN_GLOBAL | NOT_POOL, 0, 0, 0, NULL,
	    "Who takes the connections; without it, one per core as user peruserd.",
	    NULL, .of = GROUP_MULTIPLEXER,
	    "Multiplexer", NULL },
	{ "processors", KIND_GROUPS, IN_GLOBAL, 0, 0, 0, NULL,
	    "The pools: who runs what.", NULL, .of = GROUP_PROCESSOR,
	    "Processor", NULL },
	{ "vhosts", KIND_GROUPS, IN_GLOBAL, 0, 0, 0, NULL,
	    "The sites.", NULL, .of = GROUP_VHOST }
};

static const struct settings_row listen_rows[] = {
	{ "address", KIND_TEXT, IN_LISTEN, LISTEN(address), 1, 0, NULL,
	    "\"0.0.0.0:80\", \"[::]:80\", \"*:80\" (IPv4 and IPv6) or \"unix:/path\".",
	    NULL, NONE },
	{ "protocol", KIND_WORD, IN_LISTEN, LISTEN(protocol), 0, 0, "\"http\"",
	    "What is spoken there.", protocols, NONE },
	{ "connections", KIND_WORD, IN_LISTEN, LISTEN(connections), 0, 0, "\"shared\"",
	    "\"private\" says that each connection belongs to one visitor, with no proxy before "
	    "it: it may then be given to a processor for good.", connections, NONE },
	{ "allowed_clients", KIND_LIST, IN_LISTEN, LISTEN(allowed_clients), 0, 0, NULL,
	    "Who may connect: \"192.0.2.7\", \"10.0.0.0/8\", \"fd00::/8\"; all others are shut out.  "
	    "Where it is missing: this machine alone for FastCGI, else everybody.",
	    NULL, NONE },
	{ "trusted_proxies", KIND_LIST, IN_LISTEN, LISTEN(trusted_proxies), 0, 0, NULL,
	    "HTTP proxies, as in allowed_clients, whose Forwarded, X-Forwarded-For and "
	    "X-Forwarded-Proto fields and PROXY headers are believed: REMOTE_ADDR and HTTPS are what "
	    "those say.  Nobody else's are.", NULL, NONE },
	{ "proxy_protocol", KIND_BOOL, IN_LISTEN, LISTEN(proxy_protocol), 0, 0, "false",
	    "Whether each connection begins with a PROXY header, of version 1 or 2, before HTTP.  One "
	    "that does not, or does not come from trusted_proxies, is closed.", NULL, NONE },
	{ "max_multiplexed", KIND_NUMBER, IN_LISTEN, LISTEN(max_multiplexed), 1, 65535, "64",
	    "How many requests one FastCGI connection may carry at once; one more is told that we "
	    "are overloaded.", NULL, NONE },
	{ "backlog", KIND_NUMBER, IN_LISTEN, LISTEN(backlog), 1, 65535, "1024",
	    "How many connections may wait to be accepted.", NULL, NONE,
	    "ListenBacklog", "listen.backlog" },
	{ "owner", KIND_TEXT, IN_LISTEN | ONLY_UNIX, LISTEN(owner), 1, 0, NULL,
	    "A unix socket's owner; root where it is missing.", NULL, NONE },
	{ "group", KIND_TEXT, IN_LISTEN | ONLY_UNIX, LISTEN(group), 1, 0, NULL,
	    "A unix socket's group; root where it is missing.", NULL, NONE },
	{ "mode", KIND_MODE, IN_LISTEN | ONLY_UNIX, LISTEN(mode), 0, 0777, "\"0660\"",
	    "A unix socket's mode.", NULL, NONE },
	{ "owner_id", KIND_NUMBER, IN_LISTEN | ONLY_UNIX | ONLY_SLICE, LISTEN(owner_id), 0,
	    UINT32_MAX, NULL, "The owner's number.", NULL, NONE },
	{ "group_id", KIND_NUMBER, IN_LISTEN | ONLY_UNIX | ONLY_SLICE, LISTEN(group_id), 0,
	    UINT32_MAX, NULL, "The group's number.", NULL, NONE },
	{ "hosts", KIND_LIST, IN_LISTEN, LISTEN(hosts), 0, 0, NULL,
	    "With protocol = \"status\": names that it may be asked by, beside addresses and "
	    "localhost.", NULL, NONE },
	{ "allow_remote", KIND_BOOL, IN_LISTEN, LISTEN(allow_remote), 0, 0, "false",
	    "With protocol = \"status\": listen on an address that others reach too.  Who reaches "
	    "it sees the URLs of running requests.", NULL, NONE },
	{ "number", KIND_NUMBER, IN_LISTEN | ONLY_SLICE, LISTEN(number), 0, COUNT_MOST, NULL,
	    "What the manager calls it.", NULL, NONE }
};

static const struct settings_row control_rows[] = {
	{ "socket", KIND_PATH, IN_CONTROL, AT(control_socket), 0, 0,
	    "\"@runstatedir@/peruserd/control.sock\"", "Where the socket is.", NULL, NONE },
	{ "mode", KIND_MODE, IN_CONTROL, AT(control_mode), 0, 0777, "\"0600\"",
	    "Its mode.  Who may write to it may stop the daemon.", NULL, NONE },
	{ "group", KIND_TEXT, IN_CONTROL, AT(control_group), 1, 0, NULL,
	    "Its group; root where it is missing.", NULL, NONE }
};

static const struct settings_row multiplexer_rows[] = {
	{ "user", KIND_TEXT, IN_MULTIPLEXER, MUX(user), 0, 0, "\"peruserd\"",
	    "Who they run as: an account of their own.", NULL, NONE,
	    "Multiplexer", NULL },
	{ "group", KIND_TEXT, IN_MULTIPLEXER, MUX(group), 0, 0, "\"peruserd\"",
	    "Their group.", NULL, NONE },
	{ "chroot", KIND_PATH, IN_MULTIPLEXER, MUX(chroot), 0, 0, NULL,
	    "A directory that they take for \"/\" once they have read what they need.  Nothing "
	    "has to be in it but spool_dir, whose files are all that they may open, also without it.", NULL, NONE,
	    "MultiplexerChroot", NULL },
	{ "count", KIND_NUMBER, IN_MULTIPLEXER, MUX(count), 0, 64, "0",
	    "How many there are at least; 0: one per core.", NULL, NONE,
	    "MinMultiplexers", NULL },
	{ "max_count", KIND_NUMBER, IN_MULTIPLEXER, MUX(max_count), 0, 64, "0",
	    "How many there may be: one more is started when each that runs is near max_clients or "
	    "has hardly slept for two seconds.  0: as many as count.", NULL, NONE,
	    "MaxMultiplexers", NULL },
	{ "idle_timeout", KIND_TIME, IN_MULTIPLEXER, MUX(idle_timeout), 0, TIME_MOST, "60",
	    "One beyond count goes, and finishes first what it has, when the others could have borne "
	    "its load with ease for so long.  0: none goes.", NULL, NONE,
	    "MultiplexerIdleTimeout", NULL },
	{ "identity", KIND_TEXT, IN_MULTIPLEXER | ONLY_SLICE | NOT_MUX, MUX(identity), 1, 0, NULL,
	    "Their user and group as numbers.", NULL, NONE }
};

static const struct settings_row limit_rows[] = {
	{ "cpu", KIND_SECONDS, IN_LIMITS, LIMIT(CONFINE_CPU), 1, TIME_MOST / SECOND, NULL,
	    "Processor time of one request.", NULL, NONE },
	{ "as", KIND_SIZE, IN_LIMITS, LIMIT(CONFINE_AS), 16 * MIB, 1024 * TIB, NULL,
	    "Address space of a processor, opcode cache included.", NULL, NONE },
	{ "nproc", KIND_NUMBER, IN_LIMITS, LIMIT(CONFINE_NPROC), 1, COUNT_MOST, NULL,
	    "Processes of the user, those of its other logins included.", NULL, NONE },
	{ "nofile", KIND_NUMBER, IN_LIMITS, LIMIT(CONFINE_NOFILE), 32, COUNT_MOST, "1024",
	    "Open files of a processor.", NULL, NONE,
	    NULL, "rlimit_files" },
	{ "fsize", KIND_SIZE, IN_LIMITS, LIMIT(CONFINE_FSIZE), 0, 1024 * TIB, NULL,
	    "The longest file a processor may write.", NULL, NONE },
	{ "core", KIND_SIZE, IN_LIMITS, LIMIT(CONFINE_CORE), 0, 1024 * TIB, "0",
	    "The largest core dump.", NULL, NONE,
	    NULL, "rlimit_core" }
};

static const struct settings_row processor_rows[] = {
	{ "name", KIND_TEXT, IN_PROCESSOR, POOL(name), 1, 0, NULL,
	    "What the vhosts and the logs call this pool.", NULL, NONE },
	{ "user", KIND_TEXT, IN_PROCESSOR | NOT_MUX, POOL(user), 1, 0, NULL,
	    "Who the pool runs as.", NULL, NONE,
	    "User", "user" },
	{ "group", KIND_TEXT, IN_PROCESSOR | NOT_MUX, POOL(group), 1, 0, NULL,
	    "Its group; the user's own where it is missing.", NULL, NONE,
	    "Group", "group" },
	{ "chroot", KIND_PATH, IN_PROCESSOR, POOL(chroot), 0, 0, NULL,
	    "The directory that the pool takes for \"/\".", NULL, NONE,
	    "Chroot", "chroot" },
	{ "home", KIND_PATH, IN_PROCESSOR | ONLY_SLICE | NOT_MUX, POOL(home), 0, 0, NULL,
	    "The user's home directory, as the pool sees it.", NULL, NONE },
	{ "handoff", KIND_WORD, IN_PROCESSOR, POOL(handoff), 0, 0, "\"fd\"",
	    "How requests get to it: passed as descriptors, or by FastCGI, to a command, to servers "
	    "(connect), or to processors of ours where neither stands there.  By FastCGI there are "
	    "no private connections, no stream_body, and slow_log names no functions.", handoffs,
	    NONE },
	{ "command", KIND_LIST, IN_PROCESSOR, POOL(command), 0, 0, NULL,
	    "With handoff = \"fastcgi\": the program to start for each of its processors, and its "
	    "arguments, as seen from inside the chroot.", NULL, NONE },
	{ "connect", KIND_LIST, IN_PROCESSOR, POOL(connect), 0, 0, NULL,
	    "With handoff = \"fastcgi\": existing servers, \"unix:/path\" or "
	    "\"tcp:address:port\"; max_processors is how many connections there are at once.",
	    NULL, NONE },
	{ "keep_connections", KIND_BOOL, IN_PROCESSOR, POOL(keep_connections), 0, 0, "false",
	    "With connect: keep connections for further requests.  Only where the server has a "
	    "process (or thread) for each of max_processors: an idle connection occupies one.",
	    NULL, NONE },
	{ "connect_timeout", KIND_TIME, IN_PROCESSOR, POOL(connect_timeout), 10, TIME_MOST, "5",
	    "With connect: how long a server may take to accept a connection.", NULL, NONE },
	{ "env", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(env), 0, 0, NULL,
	    "Environment of the pool: \"NAME=value\".", NULL, NONE,
	    "SetEnv", "env" },
	{ "php_value", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(php_value), 0, 0, NULL,
	    "PHP settings, \"name=value\", that a script may change.", NULL, NONE },
	{ "php_admin_value", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(php_admin_value), 0, 0, NULL,
	    "PHP settings, \"name=value\", that no script may change.", NULL, NONE },
	{ "php_flag", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(php_flag), 0, 0, NULL,
	    "PHP switches, \"name=on\" or \"name=off\", that a script may change.", NULL, NONE },
	{ "php_admin_flag", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(php_admin_flag), 0, 0, NULL,
	    "PHP switches, \"name=on\" or \"name=off\", that no script may change.", NULL, NONE },
	{ "php_ini", KIND_PATH, IN_PROCESSOR | NOT_MUX, POOL(php_ini), 0, 0, NULL,
	    "The pool's php.ini, read before the chroot; PHP's own where it is missing.",
	    NULL, NONE },
	{ "php_ini_scan_dir", KIND_PATH, IN_PROCESSOR | NOT_MUX, POOL(php_ini_scan_dir), 0, 0, NULL,
	    "The directory of further .ini files, read before the chroot; PHP's own where it is "
	    "missing.", NULL, NONE },
	{ "perl_preload", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(perl_preload), 0, 0, NULL,
	    "Perl modules of the system to load once for the pool, before its chroot hides them.",
	    NULL, NONE },
	{ "perl_lib", KIND_LIST, IN_PROCESSOR | NOT_MUX, POOL(perl_lib), 0, 0, NULL,
	    "Directories where Perl looks for modules first, as seen from outside the chroot.",
	    NULL, NONE },
	{ "error_log", KIND_PATH, IN_PROCESSOR | NOT_POOL, POOL(error_log), 0, 0, NULL,
	    "The pool's own log; the daemon's where it is missing.", NULL, NONE },
	{ "slow_log", KIND_PATH, IN_PROCESSOR | NOT_POOL, POOL(slow_log), 0, 0, NULL,
	    "Where requests slower than slow_timeout are logged; the pool's error_log where it is "
	    "missing.", NULL, NONE,
	    NULL, "slowlog" },
	{ "no_new_privs", KIND_BOOL, IN_PROCESSOR | NOT_MUX, POOL(no_new_privs), 0, 0, "true",
	    "Whether set-user-id programs do nothing for the pool.  A setuid or setgid sendmail, "
	    "so mail() in PHP, needs false.", NULL, NONE },
	{ "umask", KIND_MODE, IN_PROCESSOR | NOT_MUX, POOL(umask), 0, 0777, "\"0022\"",
	    "The mode bits that new files don't get.", NULL, NONE },
	{ "nice_level", KIND_INT, IN_PROCESSOR | NOT_MUX, POOL(nice), 0, 19, "0",
	    "How much the pool stands back for others on a busy machine; never less than peruserd "
	    "itself does.", NULL, NONE, "NiceLevel", "process.priority" },
	{ "oom_score_adj", KIND_INT, IN_PROCESSOR | NOT_MUX, POOL(oom_score_adj), 0, 1000, "0",
	    "How much sooner than others the kernel ends a process of the pool when memory runs "
	    "out.", NULL, NONE },
	{ "namespaces", KIND_BOOL, IN_PROCESSOR | NOT_MUX, POOL(namespaces), 0, 0, "true",
	    "Whether the pool gets PID, mount and IPC namespaces of its own.", NULL, NONE },
	{ "limits", KIND_GROUP, IN_PROCESSOR | NOT_MUX, 0, 0, 0, NULL,
	    "What the kernel bounds for each of its processes.", NULL, .of = GROUP_LIMITS },
	{ "identity", KIND_TEXT, IN_PROCESSOR | ONLY_SLICE | NOT_POOL | NOT_MUX, POOL(identity), 1,
	    0, NULL, "Its user and groups as numbers.", NULL, NONE },
	{ "row", KIND_NUMBER, IN_PROCESSOR | ONLY_SLICE | NOT_POOL, POOL(row), 0, COUNT_MOST, NULL,
	    "Its row on the board.", NULL, NONE },
	{ "log_number", KIND_NUMBER, IN_PROCESSOR | ONLY_SLICE | NOT_POOL, POOL(log_number), 0,
	    UINT32_MAX, NULL, "What the manager calls its log.", NULL, NONE },
	{ "disabled", KIND_TEXT, IN_PROCESSOR | ONLY_SLICE, POOL(disabled), 1, 0, NULL,
	    "Why the pool can't run.", NULL, NONE }
};

static const struct settings_row vhost_rows[] = {
	{ "server_name", KIND_TEXT, IN_VHOST, VHOST(server_name), 1, 0, NULL,
	    "The site's name; \"*\" for the default site.", NULL, NONE },
	{ "aliases", KIND_LIST, IN_VHOST, VHOST(aliases), 0, 0, NULL,
	    "Its other names; \"*.example.com\" is every name below example.com.", NULL, NONE,
	    "ServerAlias", NULL },
	{ "default_vhost", KIND_BOOL, IN_VHOST, VHOST(is_default), 0, 0, "false",
	    "Whether it answers for names that no vhost has; without one, they get 421.",
	    NULL, NONE },
	{ "processor", KIND_POOL, IN_VHOST, VHOST(pool), 0, 0, NULL,
	    "The name of the pool that serves it.", NULL, NONE,
	    "ServerEnvironment", NULL },
	{ "document_root", KIND_PATH, IN_VHOST, VHOST(document_root), 0, 0, NULL,
	    "The directory of its files, as seen from outside the chroot.", NULL, NONE,
	    "DocumentRoot", NULL },
	{ "index", KIND_LIST, IN_VHOST, VHOST(index), 0, 0, "[ \"index.html\" ]",
	    "What is served for a directory: the first that is there.", NULL, NONE },
	{ "fallback", KIND_TEXT, IN_VHOST, VHOST(fallback), 1, 0, NULL,
	    "The path that is served where there is no file: an application's front controller.",
	    NULL, NONE },
	{ "dot_files", KIND_BOOL, IN_VHOST, VHOST(dot_files), 0, 0, "false",
	    "Whether files whose names begin with a dot are served.", NULL, NONE },
	{ "x_sendfile", KIND_BOOL, IN_VHOST, VHOST(x_sendfile), 0, 0, "false",
	    "Whether an answer may name a file that is sent in its place: X-Accel-Redirect, a URL path "
	    "below the document root, or X-Sendfile, an absolute path as the program sees it, which has "
	    "to lie in the document root (both percent-encoded).  The file is opened by a processor of the "
	    "vhost's own pool, as its user: so that pool has a user and no command or connect.  "
	    "It is sent as it is, a script's source and names with a leading dot too; ranges and conditions "
	    "work.  The answer's own fields are kept but for those that describe its body.  false: "
	    "such fields are passed on, perhaps to a web server before us.", NULL, NONE },
	{ "access_log", KIND_PATH, IN_VHOST | NOT_POOL, VHOST(access_log), 0, 0, NULL,
	    "Where its requests are logged; nowhere where it is missing.", NULL, NONE },
	{ "access_log_format", KIND_TEXT, IN_VHOST | NOT_POOL, VHOST(access_log_format), 1, 0,
	    "\"combined\"", "\"combined\" or a format of your own.", NULL, NONE },
	{ "slow_log", KIND_PATH, IN_VHOST | NOT_POOL, VHOST(slow_log), 0, 0, NULL,
	    "Where its requests slower than slow_timeout are logged; the pool's slow_log where it "
	    "is missing.", NULL, NONE },
	{ "php_value", KIND_LIST, IN_VHOST | NOT_MUX, VHOST(php_value), 0, 0, NULL,
	    "As in the processor's entry, for this site.", NULL, NONE },
	{ "php_admin_value", KIND_LIST, IN_VHOST | NOT_MUX, VHOST(php_admin_value), 0, 0, NULL,
	    "As in the processor's entry, for this site.", NULL, NONE },
	{ "php_flag", KIND_LIST, IN_VHOST | NOT_MUX, VHOST(php_flag), 0, 0, NULL,
	    "As in the processor's entry, for this site.", NULL, NONE },
	{ "php_admin_flag", KIND_LIST, IN_VHOST | NOT_MUX, VHOST(php_admin_flag), 0, 0, NULL,
	    "As in the processor's entry, for this site.", NULL, NONE },
	{ "env", KIND_LIST, IN_VHOST | NOT_MUX, VHOST(env), 0, 0, NULL,
	    "Environment of this site's programs, before the pool's: \"NAME=value\".", NULL, NONE },
	{ "perl_lib", KIND_LIST, IN_VHOST | NOT_MUX, VHOST(perl_lib), 0, 0, NULL,
	    "Directories where this site's Perl looks for modules, before the pool's.", NULL, NONE },
	{ "show_errors", KIND_BOOL, IN_VHOST | NOT_MUX, VHOST(show_errors), 0, 0, "false",
	    "Whether a page that fails shows what Perl said, to everybody who asks for it.",
	    NULL, NONE },
	{ "handlers", KIND_GROUPS, IN_VHOST, 0, 0, 0, NULL,
	    "Which paths are run by which handler; all others are files.", NULL, .of = GROUP_HANDLER },
	{ "log_number", KIND_NUMBER, IN_VHOST | ONLY_SLICE | NOT_POOL, VHOST(log_number), 0,
	    UINT32_MAX, NULL, "What the manager calls its access log.", NULL, NONE },
	{ "slow_number", KIND_NUMBER, IN_VHOST | ONLY_SLICE | NOT_POOL, VHOST(slow_number), 0,
	    UINT32_MAX, NULL, "What the manager calls its slow log.", NULL, NONE },
	{ "disabled", KIND_TEXT, IN_VHOST | ONLY_SLICE, VHOST(disabled), 1, 0, NULL,
	    "Why the vhost can't be served.", NULL, NONE }
};

static const struct settings_row handler_rows[] = {
	{ "suffix", KIND_TEXT, IN_HANDLER, HANDLER(suffix), 1, 0, NULL,
	    "The end of a file's name, as \".php\".", NULL, NONE },
	{ "prefix", KIND_TEXT, IN_HANDLER, HANDLER(prefix), 1, 0, NULL,
	    "The beginning of a path, as \"/cgi-bin/\".", NULL, NONE },
	{ "handler", KIND_WORD, IN_HANDLER, HANDLER(kind), 0, 0, "\"static\"",
	    "Who runs it.", handlers, NONE },
	{ "processor", KIND_POOL, IN_HANDLER, HANDLER(pool), 0, 0, NULL,
	    "With \"fastcgi\": the pool with the command or connect that runs it; the vhost's own "
	    "where it is missing.", NULL, NONE },
	{ "application", KIND_PATH, IN_HANDLER, HANDLER(application), 0, 0, NULL,
	    "With \"psgi\": the application's file, as seen from outside the chroot.", NULL, NONE }
};

#define ROWS(array) (array), COUNT(array)
static const struct settings_group groups[GROUP_COUNT] = {
	[GROUP_GLOBAL] = { "the configuration", "the configuration", IN_GLOBAL,
	    sizeof(struct settings), ROWS(global_rows) },
	[GROUP_LISTEN] = { "listen", "a listen entry", IN_LISTEN,
	    sizeof(struct listen_settings), ROWS(listen_rows) },
	[GROUP_CONTROL] = { "control", "control", IN_CONTROL,
	    sizeof(struct settings), ROWS(control_rows) },
	[GROUP_MULTIPLEXER] = { "multiplexers", "a multiplexers entry", IN_MULTIPLEXER,
	    sizeof(struct multiplexer_settings), ROWS(multiplexer_rows) },
	[GROUP_PROCESSOR] = { "processors", "a processors entry", IN_PROCESSOR,
	    sizeof(struct pool_settings), ROWS(processor_rows) },
	[GROUP_LIMITS] = { "limits", "limits", IN_LIMITS,
	    sizeof(struct pool_settings), ROWS(limit_rows) },
	[GROUP_VHOST] = { "vhosts", "a vhost", IN_VHOST,
	    sizeof(struct vhost_settings), ROWS(vhost_rows) },
	[GROUP_HANDLER] = { "handlers", "a handlers entry", IN_HANDLER,
	    sizeof(struct handler_settings), ROWS(handler_rows) }
};

const struct settings_group *
schema_group(enum settings_group_id id)
{
	return &groups[id];
}

const struct settings_row *
schema_find(const struct settings_group *group, const char *name, int *tuned)
{
	size_t i;

	*tuned = -1;
	for (i = 0; i < group->count; i++)
		if (strcmp(group->rows[i].name, name) == 0)
			return &group->rows[i];
	for (i = 0; i < TUNING_ROWS && (group->scope & EVERYWHERE) != 0; i++)
		if (strcmp(schema_tuning[i].name, name) == 0) {
			*tuned = (int)i;
			return &schema_tuning[i];
		}
	return NULL;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is that one of the names in that list, "A, B"?  Case doesn't matter. */
static bool
lists(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list != NULL && len > 0) {
		if (strncasecmp(list, name, len) == 0 && !is_letter(list[len]))
			return true;
		list = strstr(list, ", ");
		list = list != NULL ? list + 2 : NULL;
	}
	return false;
}

const struct settings_row *
schema_find_peer(const struct settings_group *group, const char *name)
{
	size_t i;

	for (i = 0; i < group->count; i++)
		if (lists(group->rows[i].peruser, name))
			return &group->rows[i];
	for (i = 0; i < TUNING_ROWS && (group->scope & EVERYWHERE) != 0; i++)
		if (lists(schema_tuning[i].peruser, name))
			return &schema_tuning[i];
	return NULL;
}

const char *
schema_unserved(const char *setting, const char *word)
{
	size_t i;

	for (i = 0; unserved[i].setting != NULL; i++)
		if (strcmp(unserved[i].setting, setting) == 0 &&
		    strcmp(unserved[i].word, word) == 0)
			return unserved[i].text;
	return NULL;
}
