#include "handlers/perl_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <perliol.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "handlers/cgi_head.h"

/* ---- standard output: the head is taken from it, the rest is the answer's body */

enum output {
	OUTPUT_HEAD,            /* the head isn't whole yet */
	OUTPUT_BODY,
	OUTPUT_REDIRECT,        /* a local redirect: what follows is dropped */
	OUTPUT_BAD
};

static struct {
	enum output state;
	struct buf head;
	struct buf redirect;
	PerlIO *handle;         /* of the last run */
	U32 flags;              /* of it, when it was made */
	bool making;            /* it is no terminal: nobody need ask */
	const char *why;
	bool closing;           /* the last flush is nobody's wish */
	bool short_write;       /* less than Perl's buffer: somebody asked for it */
} out = { .head = BUF(ANSWER_HEAD_MAX + 2 * PERLIOBUF_DEFAULT_BUFSIZ),
	.redirect = BUF(ANSWER_HEAD_MAX) };

static bool
take_head(const void *bytes, size_t len)
{
	struct cgi_head head;

	if (!buf_add(&out.head, bytes, len)) {
		out.why = "its head is too long";
		out.state = OUTPUT_BAD;
		return true;
	}
	switch (cgi_head_read(&out.head, &head, &out.why)) {
	case ANSWER_MORE:
		return true;
	case ANSWER_BAD:
		out.state = OUTPUT_BAD;
		return true;
	case ANSWER_HEAD:
		break;
	}
	if (head.redirect.len > 0) {
		out.state = OUTPUT_REDIRECT;
		return buf_add(&out.redirect, head.redirect.at, head.redirect.len);
	}
	out.state = OUTPUT_BODY;
	return perl_now.host->head(perl_now.request, out.head.data, head.len) &&
	    (out.head.len == head.len || perl_now.host->write(perl_now.request,
	    out.head.data + head.len, out.head.len - head.len));
}

static SSize_t
out_write(pTHX_ PerlIO *f, const void *bytes, Size_t count)
{
	bool taken = true;

	PERL_UNUSED_CONTEXT;
	(void)f;
	if (perl_now.request == NULL || perl_now.forked)
		return (SSize_t)count;
	out.short_write = count != PERLIOBUF_DEFAULT_BUFSIZ;
	if (out.state == OUTPUT_BODY)
		taken = perl_now.host->write(perl_now.request, bytes, count);
	else if (out.state == OUTPUT_HEAD)
		taken = take_head(bytes, count);
	if (taken)
		return (SSize_t)count;
	errno = EPIPE;
	return -1;
}

/* $|, or flush(): on its way at once.  A full buffer is no such wish. */
static IV
out_flush(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	(void)f;
	if (!out.closing && out.short_write && out.state == OUTPUT_BODY &&
	    perl_now.request != NULL && !perl_now.forked)
		perl_now.host->flush(perl_now.request);
	out.short_write = false;
	return 0;
}

static IV
out_fileno(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	(void)f;
	return out.making ? -1 : STDOUT_FILENO;
}

static IV
out_close(pTHX_ PerlIO *f)
{
	PERL_UNUSED_CONTEXT;
	(void)f;
	return 0;
}

static PERLIO_FUNCS_DECL(out_layer) = {
	.fsize = sizeof(PerlIO_funcs),
	.name = "peruserd_answer",
	.size = sizeof(struct _PerlIO),
	.kind = PERLIO_K_RAW,
	.Pushed = PerlIOBase_pushed,
	.Popped = PerlIOBase_popped,
	.Binmode = PerlIOBase_binmode,
	.Fileno = out_fileno,
	.Write = out_write,
	.Close = out_close,
	.Flush = out_flush,
	.Eof = PerlIOBase_eof,
	.Error = PerlIOBase_error,
	.Clearerr = PerlIOBase_clearerr,
	.Setlinebuf = PerlIOBase_setlinebuf,
};

static GV *standard_output, *standard_input;

static void
handle_reset(IO *io)
{
	IoFLAGS(io) = 0;
	IoLINES(io) = 0;
}

/* What a script did to a handle (binmode, close, open, tie) is gone with the handle. */
static IO *
handle_anew(pTHX_ GV *gv)
{
	IO *io = GvIOn(gv);

	if (IoOFP(io) != NULL && IoOFP(io) != IoIFP(io))
		PerlIO_close(IoOFP(io));
	if (IoIFP(io) != NULL)
		PerlIO_close(IoIFP(io));
	if (SvRMAGICAL((SV *)io))
		sv_unmagic((SV *)io, PERL_MAGIC_tiedscalar);
	IoIFP(io) = IoOFP(io) = NULL;
	handle_reset(io);
	return io;
}

/* Two layers, and nothing of the last run in or on them. */
static bool
is_as_made(const IO *io)
{
	PerlIO *f = IoOFP(io);

	return f != NULL && f == out.handle && IoIFP(io) == f && PerlIOValid(f) &&
	    PerlIOBase(f)->tab == &PerlIO_perlio && PerlIOBase(f)->flags == out.flags &&
	    PerlIOValid(PerlIONext(f)) && PerlIOBase(PerlIONext(f))->tab == &out_layer &&
	    !PerlIOValid(PerlIONext(PerlIONext(f))) && !SvRMAGICAL((const SV *)io);
}

static bool
make_output(pTHX_ IO *io)
{
	PerlIO *f = PerlIO_allocate(aTHX);

	out.making = true;
	if (f == NULL || PerlIO_push(aTHX_ f, PERLIO_FUNCS_CAST(&out_layer), "w", NULL) == NULL ||
	    PerlIO_push(aTHX_ f, PERLIO_FUNCS_CAST(&PerlIO_perlio), "w", NULL) == NULL)
		f = NULL;
	out.making = false;
	out.handle = IoIFP(io) = IoOFP(io) = f;
	if (f == NULL)
		return false;
	out.flags = PerlIOBase(f)->flags;
	IoTYPE(io) = IoTYPE_WRONLY;
	return true;
}

static void
begin_output(pTHX)
{
	IO *io = GvIOn(standard_output);

	out.state = OUTPUT_HEAD;
	out.why = NULL;
	out.closing = out.short_write = false;
	out.head.len = out.redirect.len = 0;
	if (is_as_made(io))
		handle_reset(io);
	else if (!make_output(aTHX_ handle_anew(aTHX_ standard_output)))
		return;
	setdefout(standard_output);
}

const char *
perl_cgi_io_end(pTHX_ bool drop)
{
	PerlIO *f = IoOFP(GvIOn(standard_output));
	const char *why = NULL;

	out.closing = true;
	if (f != NULL && !drop)
		PerlIO_flush(f);
	if (drop)
		out.state = out.state == OUTPUT_HEAD ? OUTPUT_BAD : out.state;
	if (out.state == OUTPUT_HEAD)
		why = out.head.len > 0 ? "its head has no end" : "it printed nothing";
	else if (out.state == OUTPUT_BAD)
		why = out.why != NULL ? out.why : "";
	else if (out.state == OUTPUT_REDIRECT && !perl_now.host->redirect(perl_now.request,
	    out.redirect.data, out.redirect.len))
		why = "its local redirect was refused";
	/* what is left in Perl's buffer is nobody's, least of all the next request's */
	out.state = OUTPUT_BAD;
	if (!is_as_made(GvIOn(standard_output)))
		handle_anew(aTHX_ standard_output);
	return why;
}

/* ---- standard input: the body on descriptor 0, so that programs inherit it */

static int null_fd = -1;        /* what descriptor 0 was at the start */
static bool input_is_null;

/* A descriptor on the body, ours to close; -1 where it is still arriving. */
static int
body_descriptor(void)
{
	const unsigned char *bytes;
	size_t len;
	int fd = perl_now.host->body_file(perl_now.request);

	if (fd >= 0)
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!perl_now.host->body_bytes(perl_now.request, &bytes, &len))
		return -1;
	fd = memfd_create("body", MFD_CLOEXEC);
	if (fd >= 0 && (!fd_write_all(fd, bytes, len) || lseek(fd, 0, SEEK_SET) != 0))
		fd_close(&fd);
	return fd;
}

static void
input_use(pTHX_ PerlIO *f)
{
	IO *io = GvIOn(standard_input);

	IoIFP(io) = f;
	IoOFP(io) = NULL;
	IoTYPE(io) = IoTYPE_RDONLY;
}

static void
begin_input(pTHX)
{
	int fd = -1;

	if (perl_now.view->body_total == 0) {
		PerlIO *f = IoIFP(GvIOn(standard_input));

		if (input_is_null && f != NULL && PerlIOValid(f) && !PerlIO_isutf8(f) &&
		    PerlIO_fileno(f) == STDIN_FILENO) {
			PerlIO_clearerr(f);
			return;
		}
	} else {
		fd = body_descriptor();
	}
	handle_anew(aTHX_ standard_input);
	input_is_null = perl_now.view->body_total == 0;
	if (!input_is_null && fd < 0) {
		SV *body = perl_io_body(aTHX);

		/* taken out of the handle that was made for it */
		input_use(aTHX_ IoIFP(GvIOn((GV *)SvRV(body))));
		IoIFP(GvIOn((GV *)SvRV(body))) = NULL;
		SvREFCNT_dec(body);
		return;
	}
	dup2(input_is_null ? null_fd : fd, STDIN_FILENO);
	fd_close(&fd);
	input_use(aTHX_ PerlIO_fdopen(STDIN_FILENO, "r"));
}

void
perl_cgi_io_begin(pTHX)
{
	begin_output(aTHX);
	begin_input(aTHX);
}

void
perl_cgi_io_start(pTHX)
{
	PerlIO_define_layer(aTHX_ PERLIO_FUNCS_CAST(&out_layer));
	null_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	standard_output = gv_fetchpvs("STDOUT", GV_ADD | GV_NOTQUAL, SVt_PVIO);
	standard_input = gv_fetchpvs("STDIN", GV_ADD | GV_NOTQUAL, SVt_PVIO);
}
