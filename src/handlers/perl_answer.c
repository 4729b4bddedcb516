#include "handlers/perl_parts.h"

#include <string.h>
#include <sys/stat.h>

#include <perliol.h>

#include "base/str.h"
#include "http/answer.h"
#include "http/chunked.h"

#define PIECE (64 * 1024)       /* of a handle, at once */

/* ---- texts */

/*
 * The text's bytes.  A character above 255 is the application's mistake: only
 * it knows which bytes it means.
 */
static const char *
bytes_of(pTHX_ SV *text, const char *what, STRLEN *len)
{
	const char *at;

	SvGETMAGIC(text);
	if (!SvOK(text))
		perl_psgi_fault(aTHX_ "%s is undefined", what);
	if (SvROK(text) && !SvAMAGIC(text))
		perl_psgi_fault(aTHX_ "%s is a reference (%s), not a text", what,
		    sv_reftype(SvRV(text), TRUE));
	at = SvPV_nomg(text, *len);
	if (!SvUTF8(text))
		return at;
	text = newSVpvn_flags(at, *len, SVf_UTF8 | SVs_TEMP);
	if (!sv_utf8_downgrade(text, TRUE))
		perl_psgi_fault(aTHX_ "%s has wide characters; encode it first", what);
	return SvPV(text, *len);
}

/* ---- the head; one at a time, so one place */

static struct {
	char text[ANSWER_HEAD_MAX];
	size_t len;
	IV status;
	bool chunked;           /* it says that its body is in chunks */
	struct chunked chunks;
} head;

static void
head_add(pTHX_ const char *name, size_t name_len, const char *value, size_t value_len)
{
	char *at = head.text + head.len;

	if (name_len + value_len + 6 > sizeof head.text - head.len)
		perl_psgi_fault(aTHX_ "its headers are longer than %u bytes", ANSWER_HEAD_MAX);
	memcpy(at, name, name_len);
	at += name_len;
	*at++ = ':';
	*at++ = ' ';
	memcpy(at, value, value_len);
	at += value_len;
	*at++ = '\r';
	*at++ = '\n';
	head.len = (size_t)(at - head.text);
}

static void
add_status(pTHX_ SV *status)
{
	char text[8];
	IV number;
	int len;

	SvGETMAGIC(status);
	if (!SvOK(status) || (SvROK(status) && !SvAMAGIC(status)) || !looks_like_number(status))
		perl_psgi_fault(aTHX_ "its status is no number");
	number = SvIV_nomg(status);
	if (number < 200 || number > 999 || SvNV_nomg(status) != (NV)number)
		perl_psgi_fault(aTHX_ "its status is %.40s, not a whole number from 200 to 999",
		    SvPV_nomg_nolen(status));
	head.status = number;
	len = snprintf(text, sizeof text, "%d", (int)number);
	head_add(aTHX_ "Status", 6, text, (size_t)len);
}

/* A name as PSGI allows it, which is less than HTTP does. */
static bool
is_name(const char *at, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = str_lower(at[i]);
		if (!(c >= 'a' && c <= 'z') &&
		    (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_')))
			return false;
	}
	return len > 0 && at[len - 1] != '-' && at[len - 1] != '_';
}

/* Nothing that would end a line, or hide what stands in it. */
static bool
is_value(const char *at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)at[i] < 32 || at[i] == 127)
			return false;
	return true;
}

static void
add_field(pTHX_ SV *name, SV *value)
{
	char what[128];
	STRLEN name_len, value_len;
	const char *name_at = bytes_of(aTHX_ name, "a header's name", &name_len), *value_at;

	if (!is_name(name_at, name_len) || str_is_nocase(name_at, name_len, "Status"))
		perl_psgi_fault(aTHX_ "\"%.*s\" can't name a header",
		    (int)(name_len < 60 ? name_len : 60), name_at);
	snprintf(what, sizeof what, "the value of header %.*s",
	    (int)(name_len < 60 ? name_len : 60), name_at);
	value_at = bytes_of(aTHX_ value, what, &value_len);
	if (!is_value(value_at, value_len))
		perl_psgi_fault(aTHX_ "%s has a control character or a line's end in it", what);
	if (str_is_nocase(name_at, name_len, "Transfer-Encoding"))
		head.chunked = str_is_nocase(value_at, value_len, "chunked");
	head_add(aTHX_ name_at, name_len, value_at, value_len);
}

static SV *
element(pTHX_ AV *list, SSize_t index)
{
	SV **slot = av_fetch(list, index, 0);

	return slot != NULL ? *slot : &PL_sv_undef;
}

static AV *
list_of(pTHX_ SV *list)
{
	SvGETMAGIC(list);
	return SvROK(list) && SvTYPE(SvRV(list)) == SVt_PVAV ? (AV *)SvRV(list) : NULL;
}

static void
head_make(pTHX_ AV *response)
{
	AV *headers = list_of(aTHX_ element(aTHX_ response, 1));
	SSize_t i, count;

	head.len = 0;
	head.chunked = false;
	chunked_begin(&head.chunks);
	add_status(aTHX_ element(aTHX_ response, 0));
	if (headers == NULL)
		perl_psgi_fault(aTHX_ "its headers are no reference to an array");
	count = (SSize_t)av_count(headers);
	if (count % 2 != 0)
		perl_psgi_fault(aTHX_ "its headers are %d values, not pairs", (int)count);
	for (i = 0; i < count; i += 2)
		add_field(aTHX_ element(aTHX_ headers, i), element(aTHX_ headers, i + 1));
	memcpy(head.text + head.len, "\r\n", 2);
	head.len += 2;
}

static bool
head_give(pTHX)
{
	bool given = perl_now.host->head(perl_now.request, head.text, head.len);

	if (!given && !perl_now.host->head_given(perl_now.request))
		perl_psgi_fault(aTHX_ "its headers can't be sent");
	return given;
}

bool
perl_answer_head(pTHX_ AV *response)
{
	head_make(aTHX_ response);
	return head_give(aTHX);
}

/* ---- bytes of the body */

/*
 * An application that says Transfer-Encoding: chunked has done what is ours to
 * do, and sends chunks (Mojolicious's write_chunk): they are taken apart here.
 */
static bool
put_chunks(pTHX_ const char *at, size_t len)
{
	const char *data;
	size_t used, data_len;

	while (len > 0) {
		switch (chunked_decode(&head.chunks, at, len, &used, &data, &data_len)) {
		case CHUNKED_DATA:
			if (!perl_now.host->write(perl_now.request, data, data_len))
				return false;
			break;
		case CHUNKED_MORE:
		case CHUNKED_END:
			return true;
		case CHUNKED_BAD:
			perl_psgi_fault(aTHX_ "it says Transfer-Encoding: chunked, but its body is "
			    "not in chunks");
		}
		at += used;
		len -= used;
	}
	return true;
}

static bool
put_bytes(pTHX_ const char *at, size_t len)
{
	return head.chunked ? put_chunks(aTHX_ at, len) :
	    perl_now.host->write(perl_now.request, at, len);
}

bool
perl_answer_bytes(pTHX_ SV *text, const char *what)
{
	STRLEN len;
	const char *at = bytes_of(aTHX_ text, what, &len);

	return put_bytes(aTHX_ at, len);
}

/* ---- a body that is an array */

static const char element_name[] = "a part of the body";

/* All of it is looked at before the head is out of our hands. */
static void
check_array(pTHX_ AV *body)
{
	SSize_t i, count = (SSize_t)av_count(body);
	STRLEN len;
	SV *part;

	for (i = 0; i < count; i++) {
		part = element(aTHX_ body, i);
		if (!SvPOK(part) || SvUTF8(part) || SvMAGICAL(part))
			bytes_of(aTHX_ part, element_name, &len);
	}
}

static void
give_array(pTHX_ AV *body)
{
	SSize_t i, count = (SSize_t)av_count(body);

	check_array(aTHX_ body);
	if (!head_give(aTHX))
		return;
	for (i = 0; i < count; i++)
		if (!perl_answer_bytes(aTHX_ element(aTHX_ body, i), element_name))
			return;
}

/* ---- a body that is a handle */

static SV *
call_on(pTHX_ SV *object, const char *method)
{
	SV *result;
	dSP;

	PUSHMARK(SP);
	XPUSHs(object);
	PUTBACK;
	call_method(method, G_SCALAR);
	SPAGAIN;
	result = POPs;
	PUTBACK;
	return result;
}

static IO *
io_of(pTHX_ SV *body)
{
	SV *it = SvRV(body);

	if (SvTYPE(it) == SVt_PVIO)
		return (IO *)it;
	return isGV_with_GP(it) ? GvIO((GV *)it) : NULL;
}

static bool
has_method(pTHX_ SV *body, const char *name)
{
	if (!SvOBJECT(SvRV(body)))
		return io_of(aTHX_ body) != NULL;
	return gv_fetchmethod_autoload(SvSTASH(SvRV(body)), name, TRUE) != NULL;
}

/* Perl's own handle, not tied, whose getline() nobody has replaced. */
static PerlIO *
plain_handle(pTHX_ SV *body)
{
	static CV *own;
	IO *io = io_of(aTHX_ body);
	GV *method;

	if (io == NULL || IoIFP(io) == NULL || SvRMAGICAL((SV *)io))
		return NULL;
	if (!SvOBJECT(SvRV(body)) || SvTYPE(SvRV(body)) == SVt_PVIO)
		return IoIFP(io);
	if (own == NULL)
		own = get_cv("IO::Handle::getline", 0);
	method = gv_fetchmethod_autoload(SvSTASH(SvRV(body)), "getline", FALSE);
	return method != NULL && own != NULL && GvCV(method) == own ? IoIFP(io) : NULL;
}

/* A regular file whose bytes nothing translates: sent from its descriptor. */
static bool
is_file(pTHX_ PerlIO *f, struct stat *about)
{
	PerlIOl *layer;
	int fd = PerlIO_fileno(f);

	for (layer = *f; layer != NULL; layer = layer->next)
		if ((layer->flags & (PERLIO_F_CRLF | PERLIO_F_UTF8)) != 0 ||
		    (strcmp(layer->tab->name, "unix") != 0 &&
		    strcmp(layer->tab->name, "perlio") != 0))
			return false;
	return fd >= 0 && fstat(fd, about) == 0 && S_ISREG(about->st_mode);
}

static void
give_file(pTHX_ PerlIO *f, const struct stat *about)
{
	Off_t at = PerlIO_tell(f);

	if (at >= 0 && at < about->st_size)
		perl_now.host->send_file(perl_now.request, PerlIO_fileno(f), at,
		    (uint64_t)(about->st_size - at));
}

static void
give_read(pTHX_ PerlIO *f)
{
	static char piece[PIECE];
	SSize_t got;

	while ((got = PerlIO_read(f, piece, sizeof piece)) > 0)
		if (!put_bytes(aTHX_ piece, (size_t)got))
			return;
	if (got < 0)
		perl_psgi_fault(aTHX_ "its body's handle can't be read: %s", strerror(errno));
}

/* getline() until it gives nothing; $/ says how much at once. */
static void
give_lines(pTHX_ SV *body)
{
	SV *size = save_scalar(gv_fetchpvs("/", GV_ADD | GV_NOTQUAL, SVt_PV)), *line;
	bool more = true;

	sv_setsv_mg(size, sv_2mortal(newRV_noinc(newSViv(PIECE))));
	while (more) {
		ENTER;
		SAVETMPS;
		line = call_on(aTHX_ body, "getline");
		more = SvOK(line) && perl_answer_bytes(aTHX_ line, "what its body's getline() gave");
		FREETMPS;
		LEAVE;
	}
}

static void
give_handle(pTHX_ SV *body)
{
	PerlIO *f = plain_handle(aTHX_ body);
	struct stat about;

	if (!head_give(aTHX) || head.status == 204 || head.status == 304 ||
	    strcmp(perl_now.view->method, "HEAD") == 0)
		;
	else if (f != NULL && !head.chunked && is_file(aTHX_ f, &about))
		give_file(aTHX_ f, &about);
	else if (f != NULL && !PerlIO_isutf8(f))
		give_read(aTHX_ f);
	else
		give_lines(aTHX_ body);
	if (has_method(aTHX_ body, "close"))
		call_on(aTHX_ body, "close");
}

/* ---- all of it */

static void
check_handle(pTHX_ SV *body)
{
	IO *io;

	if (!SvOK(body))
		perl_psgi_fault(aTHX_ "its body is undefined");
	if (!SvROK(body))
		perl_psgi_fault(aTHX_ "its body is a text, not an array or a handle");
	io = io_of(aTHX_ body);
	if (io != NULL && !SvOBJECT(SvRV(body)) && IoIFP(io) == NULL && !SvRMAGICAL((SV *)io))
		perl_psgi_fault(aTHX_ "its body is a handle that is not open");
	if (!has_method(aTHX_ body, "getline"))
		perl_psgi_fault(aTHX_ "its body (%s) is neither an array nor has it a getline()",
		    sv_reftype(SvRV(body), TRUE));
}

void
perl_answer_give(pTHX_ SV *response)
{
	AV *parts = list_of(aTHX_ response), *list;
	SV *body;

	if (parts == NULL)
		perl_psgi_fault(aTHX_ "it returned %s, not a reference to an array or to code",
		    SvROK(response) ? sv_reftype(SvRV(response), TRUE) :
		    SvOK(response) ? "a text" : "nothing");
	if (av_count(parts) != 3)
		perl_psgi_fault(aTHX_ "it returned an array of %d, not of status, headers and body",
		    (int)av_count(parts));
	head_make(aTHX_ parts);
	body = element(aTHX_ parts, 2);
	SvGETMAGIC(body);
	list = list_of(aTHX_ body);
	if (list != NULL && !(SvOBJECT((SV *)list) && has_method(aTHX_ body, "getline"))) {
		give_array(aTHX_ list);
		return;
	}
	check_handle(aTHX_ body);
	give_handle(aTHX_ body);
}
