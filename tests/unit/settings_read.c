#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "settings_said.h"

#define ALL HEAD POOL VHOST
#define POOL_WITH(text) "processors = ( { name = \"a\"; user = \"daemon\";\n" text " } );\n"
#define SERVER(text) "processors = ( { name = \"a\"; handoff = \"fastcgi\";\nconnect = \"" text "\"; } );\n"
#define VHOST_WITH(text) VHOST_OPEN text "\n} );\n"
#define HANDLER_WITH(text) VHOST_WITH("handlers = ( {\n" text " } );")
#define SECOND_VHOST(text) "vhosts = ( { server_name = \"a.test\"; processor = \"a\"; " \
    "document_root = \"/\"; max_processors = 4; },\n" \
    "{ server_name = \"b.test\"; processor = \"a\"; document_root = \"/\";\n" text " } );\n"

/* One mistake each: what must be said, and where.  Nothing else may be. */
static const struct {
	const char *what, *text, *said;
	unsigned line;
} bad[] = {
	/* what the text itself has wrong */
	{ "a missing value", ALL "idle_timeout = \nsend_timeout = 5;", "needs quotes", 7 },
	{ "a number that doesn't fit", ALL "\nmax_body_size = 4294967296;", "4294967296L", 7 },
	{ "a number beyond 64 bits", ALL "max_body_size = 99999999999999999999999L;",
	    "too big", 6 },
	{ "a leading zero", ALL "idle_timeout = 08;", "leave the zero out", 6 },
	{ "hex that doesn't fit", ALL "max_body_size = 0xffffffff;", "needs an L", 6 },
	{ "a size without quotes", ALL "max_body_size = 64m;", "needs quotes", 6 },
	{ "an address without quotes", ALL "pid_file = 127.0.0.1;", "needs quotes", 6 },
	{ "a bare word", ALL "keep_alive = yes;", "a word needs quotes", 6 },
	{ "a comma too many", ALL "include = [ \"/nowhere/*.cfg\",\n];", "take it out", 7 },
	{ "a string without end", ALL "\npid_file = \"/run;\n\n", "string never ends", 7 },
	{ "a comment without end", ALL "/* it\ngoes on", "comment never ends", 6 },
	{ "a zero byte in a string", ALL "pid_file = \"/run\\x00\";", "\\x00", 6 },
	{ "a name twice", ALL "idle_timeout = 5;\nidle_timeout = 6;", "second time", 7 },
	{ "a bracket too many", ALL "\nidle_timeout = 5; }", "a bracket too many", 7 },
	{ "a missing bracket", ALL "control = { mode = \"0600\";\n", "look for a missing ;", 7 },
	/* names */
	{ "an unknown setting", ALL "idle_timeuot = 5;", "did you mean idle_timeout?", 6 },
	{ "a name of Peruser's", ALL "MaxProcessors = 5;", "MaxProcessors is max_processors here", 6 },
	{ "another one", ALL "minspareservers = 5;", "is min_spare_processors here", 6 },
	{ "the beginning of a name", ALL "queue = 5;", "did you mean queue_", 6 },
	{ "nothing like it", ALL "quux = 5;", "unknown setting quux", 6 },
	{ "another group's setting", ALL "php_flag = [ ];", "write it in a processors entry", 6 },
	{ "a listen entry's", HEAD POOL VHOST_WITH("address = \"x\";"),
	    "write it in a listen entry", 5 },
	{ "a slice's setting", HEAD POOL_WITH("disabled = \"x\";") VHOST,
	    "unknown setting disabled", 4 },
	/* kinds and ranges */
	{ "text for a number", ALL "max_clients = \"ten\";", "from 1 to 10000000", 6 },
	{ "a number for text", ALL "pid_file = 5;", "absolute path", 6 },
	{ "a number for a bool", ALL "keep_alive = 1;", "write true or false", 6 },
	{ "a fraction", ALL "idle_timeout = 1.5;", "like \"1500ms\"", 6 },
	{ "a time without unit", ALL "idle_timeout = \"5\";", "seconds as a number", 6 },
	{ "a unit of size for a time", ALL "idle_timeout = \"5m\";", "\"5min\"", 6 },
	{ "a unit of time for a size", ALL "max_body_size = \"5min\";", "(k, m or g)", 6 },
	{ "a size that overflows", ALL "max_body_size = \"99999999999999999g\";", "is no size", 6 },
	{ "a negative number", ALL "max_clients = -1;", "is no number", 6 },
	{ "too small", ALL "max_processors = 0;", "from 1 to 65535", 6 },
	{ "too big", ALL "max_request_head = \"1m\";", "from \"1k\" to \"64k\"", 6 },
	{ "a mode as a number", HEAD POOL_WITH("umask = 22;") VHOST, "in octal, in quotes", 4 },
	{ "a mode that is none", HEAD POOL_WITH("umask = \"089\";") VHOST, "in octal", 4 },
	{ "a word that is none", ALL "log_level = \"loud\";",
	    "\"debug\", \"info\", \"notice\"", 6 },
	{ "a path that isn't absolute", ALL "spool_dir = \"spool\";", "an absolute path", 6 },
	{ "a path that climbs", ALL "spool_dir = \"/var/../etc\";", "holds \"..\"", 6 },
	{ "a control character", ALL "server_header = \"a\\nb\";", "control characters", 6 },
	{ "a list of numbers", HEAD POOL_WITH("env = [ 1 ];") VHOST, "list of texts", 4 },
	{ "an empty text in a list", HEAD POOL VHOST_WITH("index = [ \"\" ];"), "empty text", 5 },
	{ "a group for a list", HEAD POOL "vhosts = { server_name = \"a\"; };",
	    "no list of groups", 4 },
	{ "a text for a group", ALL "control = \"/run/x\";", "write a group", 6 },
	{ "limits as a list", HEAD POOL_WITH("limits = ( 1 );") VHOST, "write a group", 4 },
	{ "no cpu in half seconds", HEAD POOL_WITH("limits = { cpu = \"1500ms\"; };") VHOST,
	    "\"30s\"", 4 },
	/* the whole */
	{ "line above head", ALL "max_request_line = \"16k\"; max_request_head = \"8k\";",
	    "write a smaller one", 6 },
	{ "the back-off", ALL "restart_delay = 100;", "write a smaller one", 6 },
	{ "too many multiplexers", LISTEN "multiplexers = ( { user = \"nobody\"; group = "
	    "\"nogroup\"; count = 40; }, { user = \"nobody\"; group = \"nogroup\"; count = 40; } );\n" POOL VHOST,
	    "at most 64", 2 },
	/* listeners */
	{ "nothing to listen on", MULTIPLEXERS POOL VHOST, "nothing to listen on", 0 },
	{ "no address", "listen = ( {\n } );\n" MULTIPLEXERS POOL VHOST, "has no address", 1 },
	{ "no port", "listen = ( { address = \"127.0.0.1\"; } );\n" MULTIPLEXERS POOL VHOST,
	    "has no port", 1 },
	{ "port 0", "listen = ( { address = \"127.0.0.1:0\"; } );\n" MULTIPLEXERS POOL VHOST,
	    "port that can't be", 1 },
	{ "a name", "listen = ( { address = \"localhost:80\"; } );\n" MULTIPLEXERS POOL VHOST,
	    "write \"0.0.0.0:80\"", 1 },
	{ "IPv6 without brackets", "listen = ( { address = \"::1:80\"; } );\n" MULTIPLEXERS POOL
	    VHOST, "\"[::]:80\"", 1 },
	{ "a relative socket", "listen = ( { address = \"unix:run\"; } );\n" MULTIPLEXERS POOL
	    VHOST, "no absolute path", 1 },
	{ "the same twice", "listen = ( { address = \"[::1]:80\"; },\n{ address = \"[0::1]:80\"; } );\n"
	    MULTIPLEXERS POOL VHOST, "at test.cfg:1 already", 2 },
	{ "all addresses and one", "listen = ( { address = \"0.0.0.0:80\"; },\n"
	    "{ address = \"*:80\"; } );\n" MULTIPLEXERS POOL VHOST, "at test.cfg:1 already", 2 },
	{ "one and all addresses", "listen = ( { address = \"*:80\"; },\n"
	    "{ address = \"[::]:80\"; } );\n" MULTIPLEXERS POOL VHOST, "at test.cfg:1 already", 2 },
	{ "a mode for a port", "listen = ( { address = \"*:80\";\nmode = \"0600\"; } );\n"
	    MULTIPLEXERS POOL VHOST, "for unix sockets", 2 },
	{ "a socket's owner", "listen = ( { address = \"unix:/x\";\nowner = \"nosuch-user\"; } );\n"
	    MULTIPLEXERS POOL VHOST, "no user \"nosuch-user\"", 2 },
	{ "allowed clients that are none", "listen = ( { address = \"127.0.0.1:9000\";\n"
	    "allowed_clients = [ \"localhost\" ]; } );\n" MULTIPLEXERS POOL VHOST,
	    "\"localhost\" is no address and no network", 2 },
	{ "handoff by TCP", "listen = ( { protocol = \"handoff\";\naddress = \"*:80\"; } );\n"
	    MULTIPLEXERS POOL VHOST, "goes by a Unix socket", 2 },
	{ "PROXY from anybody", "listen = ( { address = \"*:80\";\nproxy_protocol = true; } );\n"
	    MULTIPLEXERS POOL VHOST, "write trusted_proxies", 2 },
	{ "a proxy before FastCGI", "listen = ( { address = \"*:80\"; protocol = \"fastcgi\";\n"
	    "trusted_proxies = [ \"::1\" ]; } );\n" MULTIPLEXERS POOL VHOST, "is for HTTP", 2 },
	{ "a proxy before private connections", "listen = ( { address = \"*:80\"; "
	    "connections = \"private\";\ntrusted_proxies = [ \"::1\" ]; } );\n"
	    MULTIPLEXERS POOL VHOST, "no connection is one visitor's", 2 },
	{ "a status that all can see", "listen = ( { protocol = \"status\";\naddress = \"*:80\"; } );\n"
	    MULTIPLEXERS POOL VHOST, "allow_remote = true", 2 },
	{ "a status key elsewhere", "listen = ( { address = \"*:80\";\nhosts = [ \"a\" ]; } );\n"
	    MULTIPLEXERS POOL VHOST, "hosts is for protocol = \"status\"", 2 },
	{ "an unknown protocol", "listen = ( { address = \"*:80\";\nprotocol = \"gopher\"; } );\n"
	    MULTIPLEXERS POOL VHOST, "write one of \"http\"", 2 },
	/* accounts */
	{ "the multiplexers' user", LISTEN "multiplexers = ( { user = \"nosuch-user\"; "
	    "group = \"nogroup\"; } );\n" POOL VHOST, "useradd --system", 2 },
	{ "the multiplexers' group", LISTEN "multiplexers = ( { user = \"nobody\";\n"
	    "group = \"nosuch-group\"; } );\n" POOL VHOST, "groupadd", 3 },
	{ "a multiplexer as root", LISTEN "multiplexers = ( { user = \"root\"; "
	    "group = \"nogroup\"; } );\n" POOL VHOST, "can't run as root", 2 },
	{ "a pool's user", HEAD "processors = ( { name = \"a\";\nuser = \"nosuch-user\"; } );\n"
	    VHOST, "no user \"nosuch-user\"", 4 },
	{ "a pool's group", HEAD POOL_WITH("group = \"nosuch-group\";") VHOST,
	    "no group \"nosuch-group\"", 4 },
	{ "a pool as root", HEAD "processors = ( { name = \"a\";\nuser = \"root\"; group = "
	    "\"daemon\"; } );\n" VHOST, "can't run as root", 4 },
	{ "a pool in group root", HEAD POOL_WITH("group = \"root\";") VHOST, "in group root", 3 },
	{ "a pool as the multiplexers", HEAD "processors = ( { name = \"a\";\nuser = \"nobody\"; } );\n"
	    VHOST, "runs a multiplexer too", 4 },
	/* pools */
	{ "no name", HEAD POOL "processors = ( { user = \"daemon\"; } );", "second time", 4 },
	{ "a name that can't be", HEAD "processors = ( { user = \"daemon\";\nname = \"a b\"; } );\n"
	    "vhosts = ( { server_name = \"a.test\"; processor = \"a b\"; document_root = \"/\"; } );",
	    "can't name a pool", 4 },
	{ "two of a name", HEAD "processors = ( { name = \"a\"; user = \"daemon\"; },\n"
	    "{ name = \"a\"; user = \"daemon\"; } );\n" VHOST, "stands at test.cfg:3 too", 4 },
	{ "a user that is a number", HEAD "processors = ( { name = \"a\"; chroot = \"/tmp\";\n"
	    "user = 5; } );\nvhosts = ( { server_name = \"a\"; processor = \"a\"; "
	    "document_root = \"/tmp\"; } );", "user is no text", 4 },
	{ "no user", HEAD "processors = ( { name = \"a\"; } );\n" VHOST, "has no user", 3 },
	{ "a command alone", HEAD POOL_WITH("command = [ \"/x\" ];") VHOST,
	    "write that", 4 },
	{ "a command by fd", HEAD POOL_WITH("handoff = \"fd\"; command = [ \"/x\" ];") VHOST,
	    "only a pool with handoff = \"fastcgi\"", 4 },
	{ "a command and servers", HEAD POOL_WITH("handoff = \"fastcgi\"; command = [ \"/x\" ]; "
	    "connect = \"tcp:127.0.0.1:9\";") VHOST, "not both", 4 },
	{ "a relative command", HEAD POOL_WITH("handoff = \"fastcgi\"; command = \"php-cgi\";")
	    VHOST, "no absolute path", 4 },
	{ "a command's processor time", HEAD POOL_WITH("handoff = \"fastcgi\"; command = \"/x\"; "
	    "limits = { cpu = 5; };") VHOST, "expire_timeout", 4 },
	{ "a server by name", HEAD SERVER("tcp:localhost:9000") VHOST, "an address, not a name", 4 },
	{ "a server without a port", HEAD SERVER("tcp:127.0.0.1") VHOST, "has no port", 4 },
	{ "a server on every address", HEAD SERVER("tcp:*:9000") VHOST, "tcp:127.0.0.1:9000", 4 },
	{ "a server of no kind", HEAD SERVER("127.0.0.1:9000") VHOST, "is no address", 4 },
	{ "a server with a user", HEAD POOL_WITH("handoff = \"fastcgi\"; "
	    "connect = \"tcp:127.0.0.1:9\";") VHOST, "user is for processes", 3 },
	{ "a server's socket where anybody writes", HEAD SERVER("unix:/tmp/php.sock") VHOST,
	    "can be changed by the user of a pool", 4 },
	{ "kept connections to a command", HEAD POOL_WITH("handoff = \"fastcgi\"; "
	    "command = \"/x\"; keep_connections = true;") VHOST, "for the servers", 4 },
	{ "a handler fastcgi without a pool for it", HEAD POOL
	    VHOST_WITH("handlers = ( { suffix = \".php\"; handler = \"fastcgi\"; } );"),
	    "needs a pool with a command", 5 },
	{ "a pool for another handler", HEAD POOL
	    VHOST_WITH("handlers = ( { suffix = \".x\"; handler = \"cgi\"; processor = \"a\"; } );"),
	    "names a processor", 5 },
	{ "files of a pool without processors", HEAD SERVER("tcp:127.0.0.1:9000")
	    VHOST_WITH("handlers = ( { suffix = \".x\"; handler = \"static\"; } );"),
	    "no processor of ours", 6 },
	{ "files that a server names", HEAD SERVER("tcp:127.0.0.1:9000") VHOST_WITH("x_sendfile = true;"),
	    "x_sendfile: pool \"a\" has a connect and no processor of ours", 5 },
	{ "streaming to a server", HEAD SERVER("tcp:127.0.0.1:9000") VHOST_WITH("stream_body = true;"),
	    "take stream_body", 5 },
	{ "env without =", HEAD POOL_WITH("env = [ \"PATH\" ];") VHOST, "write \"name=value\"", 4 },
	{ "a php_value without =", HEAD POOL_WITH("php_value = [ \"x\" ];") VHOST, "php_value: \"x\"",
	    4 },
	{ "a php_flag that is neither", HEAD POOL_WITH("php_flag = [ \"x=1\" ];") VHOST,
	    "write \"x=on\" or \"x=off\"", 4 },
	{ "a relative log", HEAD POOL_WITH("error_log = \"a.log\";") VHOST, "absolute path", 4 },
	{ "a log's folder", HEAD POOL_WITH("error_log = \"/nowhere/a.log\";") VHOST,
	    "make that directory", 4 },
	{ "chroot to /", HEAD POOL_WITH("chroot = \"/\";") VHOST, "is no chroot", 4 },
	{ "a chroot that isn't there", HEAD POOL_WITH("chroot = \"/nowhere\";")
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"/nowhere\"; } );",
	    "make that directory", 4 },
	{ "a chroot that is a file", HEAD POOL_WITH("chroot = \"/etc/passwd\";")
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"/etc/passwd\"; } );",
	    "is no directory", 4 },
	{ "a php.ini that isn't there", HEAD POOL_WITH("php_ini = \"/nowhere/php.ini\";") VHOST,
	    "php_ini", 4 },
	{ "processors beyond the board", HEAD "max_processors = 65535;\nprocessors = (\n"
	    "{ name = \"a\"; user = \"daemon\"; }, { name = \"b\"; user = \"daemon\"; } );\n"
	    "vhosts = ( { server_name = \"a\"; processor = \"c\"; document_root = \"/\"; } );",
	    "no processors entry has this name", 6 },
	/* vhosts */
	{ "no server_name", HEAD POOL "vhosts = ( { processor = \"a\"; document_root = \"/\"; } );",
	    "has no server_name", 4 },
	{ "no document_root", HEAD POOL "vhosts = ( { server_name = \"a\"; processor = \"a\"; } );",
	    "has no document_root", 4 },
	{ "a document root that isn't there", HEAD POOL "vhosts = ( { server_name = \"a\";\n"
	    "processor = \"a\"; document_root = \"/nowhere\"; } );", "make that directory", 5 },
	{ "a document root outside", HEAD POOL_WITH("chroot = \"/usr\";")
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"/usr2\"; } );",
	    "outside its pool's chroot \"/usr\"", 5 },
	{ "a name twice over two", HEAD POOL "vhosts = ( { server_name = \"a.test\"; processor = "
	    "\"a\"; document_root = \"/\"; },\n{ server_name = \"b.test\"; aliases = [ \"A.test\" "
	    "]; processor = \"a\"; document_root = \"/\"; } );", "vhost at test.cfg:4 too", 5 },
	{ "two default vhosts", HEAD POOL "vhosts = ( { server_name = \"*\"; processor = \"a\"; "
	    "document_root = \"/\"; },\n{ server_name = \"b.test\"; default_vhost = true; "
	    "processor = \"a\"; document_root = \"/\"; } );", "default one already", 5 },
	{ "a port in a name", HEAD POOL VHOST_WITH("aliases = [ \"b.test:80\" ];"),
	    "leave the port", 5 },
	{ "a URL as a name", HEAD POOL VHOST_WITH("aliases = [ \"http://b.test/\" ];"),
	    "host name alone", 5 },
	{ "a star inside", HEAD POOL VHOST_WITH("aliases = [ \"b.*.test\" ];"),
	    "at the beginning", 5 },
	{ "a name that isn't ASCII", HEAD POOL VHOST_WITH("aliases = [ \"b\xc3\xbc.test\" ];"),
	    "xn--", 5 },
	{ "the star as an alias", HEAD POOL VHOST_WITH("aliases = [ \"*\" ];"),
	    "default_vhost", 5 },
	{ "a number of the pool", HEAD POOL SECOND_VHOST("max_processors = 5;"),
	    "another one at test.cfg:4", 6 },
	{ "a fallback without /", HEAD POOL VHOST_WITH("fallback = \"index.php\";"),
	    "write \"/index.php\"", 5 },
	{ "an index with /", HEAD POOL VHOST_WITH("index = [ \"a/b\" ];"), "without a /", 5 },
	{ "a relative access log", HEAD POOL VHOST_WITH("access_log = \"a.log\";"),
	    "absolute path", 5 },
	/* handlers */
	{ "an unknown handler", HEAD POOL HANDLER_WITH("suffix = \".x\"; handler = \"ruby\";"),
	    "write one of \"static\", \"php\"", 6 },
	{ "an application that isn't psgi's", HEAD POOL HANDLER_WITH("prefix = \"/x\"; handler = \"cgi\";\n"
	    "application = \"/etc/passwd\";"), "only handler \"psgi\" has an application", 7 },
	{ "a perl_lib that is relative", HEAD POOL_WITH("perl_lib = [ \"lib\" ];") VHOST,
	    "\"lib\" is no absolute path", 4 },
	{ "a module's file", HEAD POOL_WITH("perl_preload = [ \"Plack/Builder.pm\" ];") VHOST,
	    "write it as \"Plack::Builder\"", 4 },
	{ "a vhost's env without a value", HEAD POOL VHOST_WITH("env = [ \"A\" ];"),
	    "write \"name=value\"", 5 },
	{ "a vhost's perl_lib outside", HEAD POOL_WITH("chroot = \"/usr\";")
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"/usr\";\n"
	    "perl_lib = [ \"/etc\" ]; } );", "outside its pool's chroot \"/usr\"", 6 },
#ifdef WITH_PERL
	{ "psgi without an application", HEAD POOL HANDLER_WITH("prefix = \"/x\";\n"
	    "handler = \"psgi\";"), "needs an application", 5 },
	{ "psgi for a suffix", HEAD POOL HANDLER_WITH("suffix = \".x\"; handler = \"psgi\";\n"
	    "application = \"/etc/passwd\";"), "in place of the suffix", 6 },
	{ "an application that isn't there", HEAD POOL HANDLER_WITH("prefix = \"/x\";\n"
	    "handler = \"psgi\"; application = \"/nowhere/app.psgi\";"), "doesn't exist", 5 },
#ifdef WITH_PHP
	{ "PHP and Perl in one pool", HEAD POOL HANDLER_WITH("prefix = \"/x\";\n"
	    "handler = \"perl-cgi\"; }, { suffix = \".php\"; handler = \"php\";"),
	    "can't live in one process", 3 },
#endif
#else
	{ "psgi", HEAD POOL HANDLER_WITH("prefix = \"/x\"; handler = \"psgi\";\n"
	    "application = \"/etc/passwd\";"), "built without Perl", 6 },
	{ "perl-cgi", HEAD POOL HANDLER_WITH("prefix = \"/x\"; handler = \"perl-cgi\";"),
	    "built without Perl", 6 },
#endif
#ifndef WITH_PHP
	{ "php", HEAD POOL HANDLER_WITH("suffix = \".php\"; handler = \"php\";"),
	    "built without PHP", 6 },
#endif
	{ "neither suffix nor prefix", HEAD POOL HANDLER_WITH("handler = \"cgi\";"),
	    "a suffix or a prefix", 5 },
	{ "both", HEAD POOL HANDLER_WITH("suffix = \".x\"; prefix = \"/x\"; handler = \"cgi\";"),
	    "a suffix or a prefix", 5 },
	{ "no handler", HEAD POOL HANDLER_WITH("suffix = \".x\";"), "has no handler", 5 },
	{ "a suffix without a dot", HEAD POOL HANDLER_WITH("suffix = \"x\"; handler = \"cgi\";"),
	    "write a dot", 6 },
	{ "a prefix without /", HEAD POOL HANDLER_WITH("prefix = \"x\"; handler = \"cgi\";"),
	    "write \"/x\"", 6 },
	{ "a suffix twice", HEAD POOL HANDLER_WITH("suffix = \".x\"; handler = \"cgi\"; },\n"
	    "{ suffix = \".x\"; handler = \"cgi\";"), "handler already, at test.cfg:5", 7 },
};

/* What is wrong with what was said, or NULL. */
static const char *
complaint(const struct said *said, size_t row)
{
	if (said->report.errors == 0)
		return "nothing was said";
	if (strstr(said->at[0].text, bad[row].said) == NULL)
		return "something else was said";
	if (said->at[0].line != bad[row].line || strcmp(said->at[0].file, "test.cfg") != 0)
		return "another place was named";
	return said->count != 1 ? "more was said" : NULL;
}

static void
mistakes_are_told_with_their_place(void **state)
{
	unsigned failed = 0, j;
	const char *why;
	struct said said;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(said_read(&said, bad[i].text, SETTINGS_CHECK));
		why = complaint(&said, i);
		if (why == NULL)
			continue;
		failed++;
		print_error("%s: %s\n", bad[i].what, why);
		for (j = 0; j < said.count; j++)
			print_error("\t%s:%u: %s\n", said.at[j].file, said.at[j].line,
			    said.at[j].text);
	}
	assert_int_equal(failed, 0);
}

static void
all_mistakes_are_told_at_once(void **state)
{
	struct said said;

	(void)state;
	assert_null(said_read(&said, "max_clients = \"x\";\nquux = 1;\n"
	    "processors = ( { name = \"a\"; user = \"nosuch-user\"; } );\n"
	    "vhosts = ( { server_name = \"a:1\"; processor = \"b\"; document_root = \"/nowhere\"; } );\n",
	    SETTINGS_CHECK));
	assert_true(said_has(&said, "max_clients"));
	assert_true(said_has(&said, "quux"));
	assert_true(said_has(&said, "no user \"nosuch-user\""));
	assert_true(said_has(&said, "leave the port out"));
	assert_true(said_has(&said, "no processors entry has this name"));
	assert_true(said_has(&said, "nothing to listen on"));
	assert_true(said.report.errors >= 6);
}

static void
a_start_disables_what_is_wrong_and_nothing_else(void **state)
{
	static const char text[] = HEAD
	    "processors = ( { name = \"a\"; user = \"daemon\"; },\n"
	    "{ name = \"b\"; user = \"nosuch-user\"; },\n"
	    "{ name = \"c\"; user = \"daemon\"; chroot = \"/nowhere\"; } );\n"
	    "vhosts = ( { server_name = \"a.test\"; processor = \"a\"; document_root = \"/\"; },\n"
	    "{ server_name = \"x.test\"; processor = \"a\"; document_root = \"/nowhere\"; },\n"
	    "{ server_name = \"b.test\"; processor = \"b\"; document_root = \"/\"; },\n"
	    "{ server_name = \"c.test\"; processor = \"c\"; document_root = \"/\"; } );\n";
	struct settings *settings;
	struct said said;

	(void)state;
	assert_null(said_read(&said, text, SETTINGS_CHECK));
	settings = said_read(&said, text, SETTINGS_START);
	assert_non_null(settings);
	assert_int_equal(said.report.warnings, said.count);
	assert_null(settings->pools[0].disabled);
	assert_non_null(strstr(settings->pools[1].disabled, "nosuch-user"));
	assert_int_equal(settings->pools[1].uid, SETTINGS_NONE);
	assert_non_null(strstr(settings->pools[2].disabled, "/nowhere"));
	assert_null(settings->vhosts[0].disabled);
	assert_non_null(strstr(settings->vhosts[1].disabled, "/nowhere"));
	assert_non_null(strstr(settings->vhosts[3].disabled, "outside"));
	settings_free(&settings);
	assert_null(said_read(&said, HEAD POOL VHOST "quux = 1;", SETTINGS_START));
}

static void
the_nearest_wins(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = said_read(&said, HEAD
	    "send_timeout = 1; body_timeout = 1; queue_timeout = 1; max_processors = 50;\n"
	    "processors = ( { name = \"a\"; user = \"daemon\"; body_timeout = \"2min\"; "
	    "queue_timeout = 2; min_spare_processors = 9; } );\n"
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"/\"; "
	    "queue_timeout = \"3h\"; max_processors = 4; },\n"
	    "{ server_name = \"b\"; processor = \"a\"; document_root = \"/\"; } );\n",
	    SETTINGS_CHECK);
	assert_non_null(settings);
	assert_int_equal(settings->pools[0].tuning->send_timeout, 1000);
	assert_int_equal(settings->pools[0].tuning->body_timeout, 120000);
	assert_int_equal(settings->pools[0].tuning->max_processors, 4);
	assert_int_equal(settings->pools[0].tuning->min_spare_processors, 4);
	assert_int_equal(settings->vhosts[0].tuning->queue_timeout, 3 * 3600000);
	assert_int_equal(settings->vhosts[1].tuning->queue_timeout, 2000);
	assert_int_equal(settings->vhosts[1].tuning->max_processors, 4);
	assert_int_equal(settings->tuning.max_processors, 50);
	settings_free(&settings);
}

/* Thousands of pools and vhosts set nothing of their own: they cost one struct. */
static void
what_comes_to_the_same_is_one(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = said_read(&said, HEAD
	    "processors = ( { name = \"a\"; user = \"daemon\"; }, { name = \"b\"; user = \"daemon\"; "
	    "queue_timeout = 7; }, { name = \"c\"; user = \"daemon\"; max_processors = 10; } );\n"
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"/\"; },\n"
	    "{ server_name = \"b\"; processor = \"b\"; document_root = \"/\"; },\n"
	    "{ server_name = \"c\"; processor = \"c\"; document_root = \"/\"; queue_timeout = 7; } );\n",
	    SETTINGS_CHECK);
	assert_non_null(settings);
	assert_ptr_equal(settings->pools[0].tuning, settings->vhosts[0].tuning);
	assert_ptr_equal(settings->pools[0].tuning, settings->pools[2].tuning);
	assert_ptr_not_equal(settings->pools[0].tuning, settings->pools[1].tuning);
	assert_ptr_equal(settings->pools[1].tuning, settings->vhosts[1].tuning);
	assert_ptr_equal(settings->pools[1].tuning, settings->vhosts[2].tuning);
	settings_free(&settings);
}

static void
values_are_read_in_all_their_forms(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = said_read(&said, HEAD
	    "max_body_size = 5000000000L; idle_timeout = 90; body_memory = 0x100;\n"
	    "answer_memory = \"1G\"; stop_timeout = \"1500MS\"; pid_file = \"//run/./x//y/\";\n"
	    "processors = ( { name = \"a\"; user = \"sys\"; group = \"daemon\"; php_flag = \"x=on\";\n"
	    " limits = { cpu = \"2min\"; as = \"1g\"; }; } );\n"
	    "vhosts = ( { server_name = \"A.Test\"; aliases = ( \"*.a.TEST\" ); processor = \"a\";\n"
	    " document_root = \"/\"; access_log = \"/a.log\";\n"
	    " handlers = ( { prefix = \"/cgi-bin/\"; handler = \"cgi\"; } ); } );\n", SETTINGS_CHECK);
	if (settings == NULL)
		fail_msg("%s", said.at[0].text);
	assert_true(settings->tuning.max_body_size == 5000000000u);
	assert_int_equal(settings->tuning.idle_timeout, 90000);
	assert_int_equal(settings->body_memory, 256);
	assert_int_equal(settings->answer_memory, 1024 * 1024 * 1024);
	assert_int_equal(settings->stop_timeout, 1500);
	assert_string_equal(settings->pid_file, "/run/x/y");
	assert_string_equal(settings->pools[0].php_flag.at[0], "x=on");
	assert_int_equal(settings->pools[0].limits[CONFINE_CPU], 120);
	assert_int_equal(settings->pools[0].uid, 3);
	assert_int_equal(settings->pools[0].gid, 1);
	assert_int_equal(settings->pools[0].groups[0], 1);
	assert_true(settings->pools[0].uses_cgi);
	assert_false(settings->pools[0].uses_php);
	assert_string_equal(settings->vhosts[0].server_name, "a.test");
	assert_string_equal(settings->vhosts[0].aliases.at[0], "*.a.test");
	assert_int_equal(settings->vhosts[0].log, 0);
	assert_string_equal(settings->logs.at[0], "/a.log");
	assert_int_equal(settings->pools[0].log, SETTINGS_NONE);
	settings_free(&settings);
}

static void
paths_are_seen_from_inside(void **state)
{
	(void)state;
	assert_string_equal(settings_inside("/home/al", "/home/al/www"), "/www");
	assert_string_equal(settings_inside("/home/al", "/home/al"), "/");
	assert_null(settings_inside("/home/al", "/home/alice"));
	assert_null(settings_inside("/home/al", "/home"));
	assert_string_equal(settings_inside(NULL, "/home"), "/home");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(a_start_disables_what_is_wrong_and_nothing_else),
		cmocka_unit_test(the_nearest_wins),
		cmocka_unit_test(what_comes_to_the_same_is_one),
		cmocka_unit_test(values_are_read_in_all_their_forms),
		cmocka_unit_test(paths_are_seen_from_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
