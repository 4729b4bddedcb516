#include "handlers/perl_parts.h"

#include <errno.h>
#include <unistd.h>

#include <perliol.h>

#include "base/log.h"

#define LOG_LINE 1024           /* bytes; a longer line is cut into several */

/* ---- STDERR: lines of the pool's log, with the vhost that is served */

static struct {
	char text[LOG_LINE];
	size_t len;
} line;

void
perl_io_log_end(void)
{
	if (line.len > 0)
		perl_log(LEVEL_WARNING, "%.*s", (int)line.len, line.text);
	line.len = 0;
}

static SSize_t
errors_write(pTHX_ PerlIO *f, const void *bytes, Size_t count)
{
	const char *at = bytes, *end = at + count;

	PERL_UNUSED_CONTEXT;
	(void)f;
	for (; at < end; at++) {
		if (*at != '\n')
			line.text[line.len++] = *at;
		if (*at == '\n' || line.len == sizeof line.text)
			perl_io_log_end();
	}
	return (SSize_t)count;
}

/* What a child of a script inherits as its standard error. */
static IV
errors_fileno(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	(void)f;
	return STDERR_FILENO;
}

static IV
nothing(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	(void)f;
	return 0;
}

static PERLIO_FUNCS_DECL(errors_layer) = {
	.fsize = sizeof(PerlIO_funcs),
	.name = "peruserd_log",
	.size = sizeof(struct _PerlIO),
	.kind = PERLIO_K_RAW,
	.Pushed = PerlIOBase_pushed,
	.Popped = PerlIOBase_popped,
	.Binmode = PerlIOBase_binmode,
	.Fileno = errors_fileno,
	.Write = errors_write,
	.Close = nothing,
	.Flush = nothing,
	.Eof = PerlIOBase_eof,
	.Error = PerlIOBase_error,
	.Clearerr = PerlIOBase_clearerr,
	.Setlinebuf = PerlIOBase_setlinebuf,
};

static void
errors_open(pTHX)
{
	IO *io = GvIOn(PL_stderrgv);
	PerlIO *f = PerlIO_allocate(aTHX);

	if (f == NULL || PerlIO_push(aTHX_ f, PERLIO_FUNCS_CAST(&errors_layer), "w", NULL) == NULL)
		return;
	IoIFP(io) = IoOFP(io) = f;
	IoTYPE(io) = IoTYPE_WRONLY;
}

/* ---- the body */

struct body_layer {
	struct _PerlIO base;
	uint32_t serial;        /* of the request whose body it reads; of no later one */
	Off_t at;
};

static struct body_layer *
body_of(PerlIO *f)
{
	return PerlIOSelf(f, struct body_layer);
}

static IV
body_pushed(pTHX_ PerlIO *f, const char *mode, SV *arg, PerlIO_funcs *layer)
{
	body_of(f)->serial = perl_now.serial;
	body_of(f)->at = 0;
	return PerlIOBase_pushed(aTHX_ f, mode, arg, layer);
}

static IV
no_fileno(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	(void)f;
	errno = EBADF;
	return -1;
}

static bool
body_is_here(PerlIO *f)
{
	return perl_now.request != NULL && body_of(f)->serial == perl_now.serial;
}

bool
perl_io_body_seeks(void)
{
	const unsigned char *bytes;
	size_t len;

	return perl_now.view->body_total == 0 ||
	    perl_now.host->body_bytes(perl_now.request, &bytes, &len) ||
	    perl_now.host->body_file(perl_now.request) >= 0;
}

static SSize_t
body_at(Off_t at, void *to, Size_t count)
{
	const unsigned char *bytes;
	size_t len;
	int fd;

	if (perl_now.view->body_total == 0)
		return 0;
	if (perl_now.host->body_bytes(perl_now.request, &bytes, &len)) {
		if ((uint64_t)at >= len)
			return 0;
		if (count > len - (size_t)at)
			count = len - (size_t)at;
		memcpy(to, bytes + at, count);
		return (SSize_t)count;
	}
	fd = perl_now.host->body_file(perl_now.request);
	return fd >= 0 ? pread(fd, to, count, at) :
	    perl_now.host->body_read(perl_now.request, to, count);
}

static SSize_t
body_read(pTHX_ PerlIO *f, void *to, Size_t count)
{
	SSize_t got;

	PERL_UNUSED_CONTEXT;
	if (!body_is_here(f)) {
		PerlIOBase(f)->flags |= PERLIO_F_EOF;
		return 0;
	}
	got = body_at(body_of(f)->at, to, count);
	if (got > 0)
		body_of(f)->at += got;
	else if (got == 0)
		PerlIOBase(f)->flags |= PERLIO_F_EOF;
	else
		PerlIOBase(f)->flags |= PERLIO_F_ERROR;
	return got;
}

static IV
body_seek(pTHX_ PerlIO *f, Off_t offset, int whence)
{
	struct body_layer *body = body_of(f);
	Off_t from = 0;

	PERL_UNUSED_CONTEXT;
	if (!body_is_here(f) || !perl_io_body_seeks()) {
		errno = ESPIPE;
		return -1;
	}
	if (whence == SEEK_CUR)
		from = body->at;
	else if (whence == SEEK_END)
		from = (Off_t)perl_now.view->body_total;
	if (offset < -from) {
		errno = EINVAL;
		return -1;
	}
	body->at = from + offset;
	PerlIOBase(f)->flags &= ~(U32)PERLIO_F_EOF;
	return 0;
}

static Off_t
body_tell(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	return body_of(f)->at;
}

static PERLIO_FUNCS_DECL(body_layer) = {
	.fsize = sizeof(PerlIO_funcs),
	.name = "peruserd_body",
	.size = sizeof(struct body_layer),
	.kind = PERLIO_K_RAW,
	.Pushed = body_pushed,
	.Popped = PerlIOBase_popped,
	.Binmode = PerlIOBase_binmode,
	.Fileno = no_fileno,
	.Read = body_read,
	.Seek = body_seek,
	.Tell = body_tell,
	.Close = PerlIOBase_close,
	.Flush = nothing,
	.Eof = PerlIOBase_eof,
	.Error = PerlIOBase_error,
	.Clearerr = PerlIOBase_clearerr,
	.Setlinebuf = PerlIOBase_setlinebuf,
};

/* Perl's own buffer lies over our layer, so that lines are read as fast as a file's. */
static PerlIO *
body_open(pTHX)
{
	PerlIO *f = PerlIO_allocate(aTHX);

	if (f == NULL || PerlIO_push(aTHX_ f, PERLIO_FUNCS_CAST(&body_layer), "r", NULL) == NULL ||
	    PerlIO_push(aTHX_ f, PERLIO_FUNCS_CAST(&PerlIO_perlio), "r", NULL) == NULL)
		croak("no handle can be made for the request's body");
	return f;
}

static SV *
handle_new(pTHX)
{
	GV *gv = (GV *)newSV(0);
	IO *io;

	gv_init_pvn(gv, gv_stashpvs("Peruserd", GV_ADD), "body", 4, 0);
	io = GvIOn(gv);
	IoIFP(io) = body_open(aTHX);
	IoTYPE(io) = IoTYPE_RDONLY;
	return newRV_noinc((SV *)gv);
}

/*
 * A request without a body: one handle that is always at its end serves them
 * all, until an application closes it.
 */
static SV *empty;

SV *
perl_io_body(pTHX)
{
	if (perl_now.view->body_total != 0)
		return handle_new(aTHX);
	if (empty == NULL || IoIFP(GvIOn((GV *)SvRV(empty))) == NULL) {
		SvREFCNT_dec(empty);
		empty = handle_new(aTHX);
		body_of(PerlIONext(IoIFP(GvIOn((GV *)SvRV(empty)))))->serial = 0;
	}
	return newRV_inc(SvRV(empty));
}

void
perl_io_start(pTHX)
{
	PerlIO_define_layer(aTHX_ PERLIO_FUNCS_CAST(&errors_layer));
	PerlIO_define_layer(aTHX_ PERLIO_FUNCS_CAST(&body_layer));
	errors_open(aTHX);
}
