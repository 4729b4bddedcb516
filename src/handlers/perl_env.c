#include "handlers/perl_parts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define KEPT_NAMES 96

static SV *kept[KEPT_NAMES];            /* shared keys; NULL while unused */

SV *
perl_env_name(pTHX_ unsigned index, const char *name, size_t len)
{
	SV **slot = &kept[index < KEPT_NAMES ? index : KEPT_NAMES - 1];

	if (*slot != NULL && SvCUR(*slot) == len && memcmp(SvPVX(*slot), name, len) == 0)
		return *slot;
	SvREFCNT_dec(*slot);
	*slot = newSVpvn_share(name, (I32)len, 0);
	return *slot;
}

static void
put(pTHX_ HV *env, SV *key, SV *value)
{
	if (hv_store_ent(env, key, value, SvSHARED_HASH(key)) == NULL)
		SvREFCNT_dec(value);
}

/* ---- what is the same for each request */

enum constant { KEY_VERSION, KEY_SCHEME, KEY_INPUT, KEY_ERRORS, KEY_MULTITHREAD, KEY_MULTIPROCESS,
    KEY_RUN_ONCE, KEY_NONBLOCKING, KEY_STREAMING, KEY_BUFFERED, KEY_HARAKIRI, KEY_CLEANUP,
    KEY_HANDLERS, KEY_LOGGER, KEY_IO, KEY_SCRIPT_NAME, KEY_PATH_INFO, KEYS };

static const char *const names[KEYS] = {
	"psgi.version", "psgi.url_scheme", "psgi.input", "psgi.errors", "psgi.multithread",
	"psgi.multiprocess", "psgi.run_once", "psgi.nonblocking", "psgi.streaming",
	"psgix.input.buffered", "psgix.harakiri", "psgix.cleanup", "psgix.cleanup.handlers",
	"psgix.logger", "psgix.io", "SCRIPT_NAME", "PATH_INFO",
};
static SV *keys[KEYS];
static SV *version, *errors, *logger, *scheme_http, *scheme_https;

static void
put_constants(pTHX_ HV *env)
{
	put(aTHX_ env, keys[KEY_VERSION], newRV_inc(version));
	put(aTHX_ env, keys[KEY_ERRORS], newRV_inc(errors));
	put(aTHX_ env, keys[KEY_LOGGER], newRV_inc(logger));
	put(aTHX_ env, keys[KEY_MULTITHREAD], newSVsv(&PL_sv_no));
	put(aTHX_ env, keys[KEY_MULTIPROCESS], newSVsv(&PL_sv_yes));
	put(aTHX_ env, keys[KEY_RUN_ONCE], newSVsv(&PL_sv_no));
	put(aTHX_ env, keys[KEY_NONBLOCKING], newSVsv(&PL_sv_no));
	put(aTHX_ env, keys[KEY_STREAMING], newSVsv(&PL_sv_yes));
	put(aTHX_ env, keys[KEY_HARAKIRI], newSVsv(&PL_sv_yes));
	put(aTHX_ env, keys[KEY_CLEANUP], newSVsv(&PL_sv_yes));
	put(aTHX_ env, keys[KEY_HANDLERS], newRV_noinc((SV *)newAV()));
}

/* psgix.logger: { level => ..., message => ... } */
XS_INTERNAL(xs_log)
{
	dXSARGS;
	static const struct { const char *name; int level; } levels[] = {
		{ "debug", LEVEL_DEBUG }, { "info", LEVEL_INFO }, { "warn", LEVEL_WARNING },
		{ "warning", LEVEL_WARNING }, { "notice", LEVEL_NOTICE },
	};
	SV **level, **message;
	const char *text;
	int as = LEVEL_ERROR;
	STRLEN len;
	size_t i;

	if (items < 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVHV)
		croak("psgix.logger takes a reference to a hash");
	level = hv_fetchs((HV *)SvRV(ST(0)), "level", 0);
	message = hv_fetchs((HV *)SvRV(ST(0)), "message", 0);
	for (i = 0; level != NULL && i < sizeof levels / sizeof levels[0]; i++)
		if (strcmp(SvPV_nolen(*level), levels[i].name) == 0)
			as = levels[i].level;
	if (message != NULL) {
		text = SvPV(*message, len);
		perl_log_lines(as, "", text, len);
	}
	XSRETURN_EMPTY;
}

void
perl_env_start(pTHX)
{
	AV *numbers = newAV();
	unsigned i;

	for (i = 0; i < KEYS; i++)
		keys[i] = newSVpvn_share(names[i], (I32)strlen(names[i]), 0);
	av_push(numbers, newSViv(1));
	av_push(numbers, newSViv(1));
	version = (SV *)numbers;
	errors = SvREFCNT_inc_simple_NN((SV *)PL_stderrgv);
	logger = (SV *)newXS(NULL, xs_log, __FILE__);
	scheme_http = newSVpvs("http");
	scheme_https = newSVpvs("https");
}

/* ---- psgix.io: the client's socket, made into a handle when it is asked for */

static struct {
	SV *handle;             /* NULL until then */
	int flags;              /* of the socket, as they were */
} io;

/* Its class is IO::Socket::INET or its sisters by what the socket is; blocking, as those are. */
static SV *
io_open(pTHX)
{
	int client = perl_now.host->client(perl_now.request), fd;
	GV *gv = (GV *)newSV(0);
	PerlIO *in = NULL, *out = NULL;

	io.flags = fcntl(client, F_GETFL);
	fcntl(client, F_SETFL, io.flags & ~O_NONBLOCK);
	fd = fcntl(client, F_DUPFD_CLOEXEC, 3);
	gv_init_pvn(gv, gv_stashpvs("Peruserd", GV_ADD), "client", 6, 0);
	if (fd >= 0) {
		in = PerlIO_fdopen(fd, "r");
		out = PerlIO_fdopen(fd, "w");
	}
	IoIFP(GvIOn(gv)) = in;
	IoOFP(GvIOn(gv)) = out;
	IoTYPE(GvIOn(gv)) = IoTYPE_SOCKET;
	IoFLAGS(GvIOn(gv)) |= IOf_FLUSH;
	return sv_bless(newRV_noinc((SV *)gv), gv_stashpvs("IO::Socket::INET", GV_ADD));
}

static int
io_get(pTHX_ SV *value, MAGIC *magic)
{
	if (perl_now.request == NULL || (uint32_t)magic->mg_len != perl_now.serial)
		return 0;
	if (io.handle == NULL)
		io.handle = io_open(aTHX);
	sv_setsv(value, io.handle);
	return 0;
}

static const MGVTBL io_magic = { .svt_get = io_get };

static void
put_io(pTHX_ HV *env)
{
	SV *value;

	if (perl_now.host->client(perl_now.request) < 0)
		return;
	value = newSV(0);
	sv_magicext(value, NULL, PERL_MAGIC_ext, &io_magic, NULL, 0)->mg_len =
	    (SSize_t)perl_now.serial;
	put(aTHX_ env, keys[KEY_IO], value);
}

bool
perl_env_client_taken(void)
{
	return io.handle != NULL;
}

void
perl_env_end(pTHX)
{
	int client;

	if (io.handle == NULL)
		return;
	client = perl_now.host->client(perl_now.request);
	if (client >= 0)
		fcntl(client, F_SETFL, io.flags);
	SvREFCNT_dec(io.handle);
	io.handle = NULL;
}

/* ---- the request */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * PATH_INFO with the slashes that the client repeated, which the normalised path
 * has lost: that much is the application's to judge.  Where the two differ in
 * anything else, the normalised one is taken.  Returns its length, 0: take that.
 */
static size_t
path_as_sent(const struct nv_pair *uri, char *out, size_t size)
{
	const struct request_view *view = perl_now.view;
	const char *want = view->document_uri, *at = uri->value;
	const char *end = memchr(at, '?', uri->value_len);
	size_t skip = strlen(view->script_name), len = 0;

	end = end != NULL ? end : at + uri->value_len;
	for (; at < end; at++) {
		char c = *at;

		if (c == '%' && end - at > 2) {
			c = (char)(hex(at[1]) << 4 | hex(at[2]));
			at += 2;
		}
		if (c == *want)
			want++;
		else if (c != '/' || want == view->document_uri || want[-1] != '/' ||
		    (size_t)(want - view->document_uri) <= skip)
			return 0;
		if ((size_t)(want - view->document_uri) > skip && len < size)
			out[len++] = c;
	}
	return *want == '\0' && len < size ? len : 0;
}

static void
put_path(pTHX_ HV *env, const struct nv_pair *uri)
{
	static char path[PATH_MAX];
	size_t len = 0;

	if (uri->name != NULL && memmem(uri->value, uri->value_len, "//", 2) != NULL)
		len = path_as_sent(uri, path, sizeof path);
	put(aTHX_ env, keys[KEY_PATH_INFO], len > 0 ? newSVpvn(path, len) :
	    newSVpv(perl_now.view->path_info, 0));
	put(aTHX_ env, keys[KEY_SCRIPT_NAME], newSVpv(perl_now.view->script_name, 0));
}

/* Of the meta-variables, what PSGI says otherwise or not at all. */
static bool
is_dropped(const struct nv_pair *pair)
{
	switch (pair->name_len) {
	case sizeof "PATH_INFO" - 1:
		return memcmp(pair->name, "PATH_INFO", pair->name_len) == 0;
	case sizeof "SCRIPT_NAME" - 1:
		return memcmp(pair->name, "SCRIPT_NAME", pair->name_len) == 0;
	case sizeof "DOCUMENT_URI" - 1:
		return memcmp(pair->name, "DOCUMENT_URI", pair->name_len) == 0;
	case sizeof "SCRIPT_FILENAME" - 1:
		/* PATH_TRANSLATED is of the same length */
		return memcmp(pair->name, "SCRIPT_FILENAME", pair->name_len) == 0 ||
		    memcmp(pair->name, "PATH_TRANSLATED", pair->name_len) == 0;
	}
	return false;
}

HV *
perl_env_new(pTHX)
{
	HV *env = newHV();
	struct nv_pair pair, uri = { 0 };
	bool https = false;
	unsigned index = 0;
	size_t at = 0;

	hv_ksplit(env, 64);
	while (nv_next(perl_now.view->vars, &at, &pair) == NV_PAIR) {
		if (is_dropped(&pair))
			continue;
		if (str_is(pair.name, pair.name_len, "REQUEST_URI"))
			uri = pair;
		else if (str_is(pair.name, pair.name_len, "HTTPS"))
			https = str_is(pair.value, pair.value_len, "on");
		put(aTHX_ env, perl_env_name(aTHX_ index++, pair.name, pair.name_len),
		    newSVpvn(pair.value, pair.value_len));
	}
	put_path(aTHX_ env, &uri);
	put_constants(aTHX_ env);
	put(aTHX_ env, keys[KEY_SCHEME], newSVsv(https ? scheme_https : scheme_http));
	put(aTHX_ env, keys[KEY_INPUT], perl_io_body(aTHX));
	put(aTHX_ env, keys[KEY_BUFFERED], newSVsv(boolSV(perl_io_body_seeks())));
	put_io(aTHX_ env);
	return env;
}
