#include <string.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/forwarded.h"

#define HOPS 16                         /* proxies in a row; what is before them is not looked at */

static struct slice
trimmed(const char *at, const char *end)
{
	struct slice slice;

	while (at < end && chars_blank(*at))
		at++;
	while (end > at && chars_blank(end[-1]))
		end--;
	slice.at = at;
	slice.len = (size_t)(end - at);
	return slice;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80".  False: no address. */
static bool
read_address(struct slice text, struct net *net, unsigned *port)
{
	const char *end = text.at + text.len, *host_end = end, *colon;
	uint64_t number;

	*port = 0;
	if (text.len > 0 && text.at[0] == '[') {
		host_end = memchr(text.at, ']', text.len);
		if (host_end == NULL || (host_end + 1 < end && host_end[1] != ':'))
			return false;
		text.at++;
		colon = host_end + 1 < end ? host_end + 1 : NULL;
	} else {
		colon = memchr(text.at, ':', text.len);
		/* More than one colon: an IPv6 address without brackets. */
		if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
			colon = NULL;
		host_end = colon != NULL ? colon : end;
	}
	if (colon != NULL && str_decimal(colon + 1, (size_t)(end - colon - 1), &number) &&
	    number <= 65535)
		*port = (unsigned)number;
	return memchr(text.at, '/', (size_t)(host_end - text.at)) == NULL &&
	    net_parse(text.at, (size_t)(host_end - text.at), net) && net->family != AF_UNIX;
}

/* Where the last element of a list begins; quoted strings are skipped where they matter. */
static const char *
last_element(const char *at, const char *end, bool quotes)
{
	const char *begin = at;
	bool quoted = false;

	for (; at < end; at++) {
		if (quotes && *at == '\\' && quoted && at + 1 < end)
			at++;
		else if (quotes && *at == '"')
			quoted = !quoted;
		else if (*at == ',' && !quoted)
			begin = at + 1;
	}
	return begin;
}

/* The value of that parameter in "for=a;proto=b", without its quotes.  at NULL: none. */
static struct slice
parameter(struct slice element, const char *name)
{
	const char *at = element.at, *end = at + element.len, *next, *equals;
	struct slice key, value = { NULL, 0 };

	for (; at < end; at = next + 1) {
		next = at;
		for (bool quoted = false; next < end && (*next != ';' || quoted); next++)
			if (*next == '"')
				quoted = !quoted;
		equals = memchr(at, '=', (size_t)(next - at));
		if (equals == NULL)
			continue;
		key = trimmed(at, equals);
		if (!str_is_nocase(key.at, key.len, name))
			continue;
		value = trimmed(equals + 1, next);
		if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"') {
			value.at++;
			value.len -= 2;
		}
		return value;
	}
	return value;
}

static enum forwarded_scheme
scheme_of(struct slice text)
{
	if (text.at == NULL)
		return FORWARDED_UNSAID;
	if (str_is_nocase(text.at, text.len, "https"))
		return FORWARDED_HTTPS;
	return str_is_nocase(text.at, text.len, "http") ? FORWARDED_HTTP : FORWARDED_UNSAID;
}

/*
 * One element, by a trusted proxy.  True: the one before it was written by a
 * trusted one too.
 */
static bool
take_element(struct slice element, bool rfc, const struct net *trusted, size_t count,
    struct forwarded *forwarded)
{
	struct slice address = rfc ? parameter(element, "for") : element;
	enum forwarded_scheme scheme;
	unsigned port;
	struct net net;

	if (rfc && (scheme = scheme_of(parameter(element, "proto"))) != FORWARDED_UNSAID)
		forwarded->scheme = scheme;
	if (address.at == NULL || !read_address(address, &net, &port))
		return false;
	forwarded->known = true;
	forwarded->client = net;
	forwarded->port = port;
	return net_in(&net, trusted, count);
}

static bool
is_named(const struct head_field *field, const char *name)
{
	return str_is_nocase(field->name.at, field->name.len, name);
}

/* All fields of that name, the last first, each from its end. */
static void
take_list(const struct head *head, const char *name, bool rfc, const struct net *trusted,
    size_t count, struct forwarded *forwarded)
{
	unsigned hops = HOPS, i;

	for (i = head->field_count; i-- > 0;) {
		const struct head_field *field = &head->fields[i];
		const char *end = field->value.at + field->value.len, *begin;

		if (!is_named(field, name))
			continue;
		for (;; end = begin - 1) {
			begin = last_element(field->value.at, end, rfc);
			if (!take_element(trimmed(begin, end), rfc, trusted, count, forwarded) ||
			    --hops == 0)
				return;
			if (begin == field->value.at)
				break;
		}
	}
}

void
forwarded_read(const struct head *head, const struct net *trusted, size_t count,
    struct forwarded *forwarded)
{
	const struct head_field *proto;
	const char *begin, *end;

	memset(forwarded, 0, sizeof *forwarded);
	if (head_find(head, "forwarded") != NULL) {
		take_list(head, "forwarded", true, trusted, count, forwarded);
		return;
	}
	take_list(head, "x-forwarded-for", false, trusted, count, forwarded);
	proto = head_find(head, "x-forwarded-proto");
	if (proto == NULL)
		return;
	end = proto->value.at + proto->value.len;
	begin = last_element(proto->value.at, end, false);
	forwarded->scheme = scheme_of(trimmed(begin, end));
}
