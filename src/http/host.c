#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/head.h"

#define HOST_MAX 255            /* bytes of a host name */

static bool
read_port(const char *at, const char *end, unsigned *port)
{
	uint64_t value;

	*port = 0;
	if (at == end)
		return true;
	if (*at++ != ':')
		return false;
	if (at == end)
		return true;
	if (end - at > 5 || !str_decimal(at, (size_t)(end - at), &value) ||
	    value == 0 || value > 65535)
		return false;
	*port = (unsigned)value;
	return true;
}

static bool
is_v6(const char *at, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len == 0 || len >= sizeof text)
		return false;
	memcpy(text, at, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

bool
head_split_host(struct slice host, struct slice *name, unsigned *port)
{
	const char *end = host.at + host.len, *at;

	if (host.len == 0)
		return false;
	name->at = host.at;
	if (host.at[0] == '[') {
		at = memchr(host.at, ']', host.len);
		if (at == NULL || !is_v6(host.at + 1, (size_t)(at - host.at - 1)))
			return false;
		at++;
	} else {
		at = host.at;
		/* No label is empty, but for the root's behind a last dot. */
		while (at < end && chars_is(*at, CHAR_NAME)) {
			if (*at == '.' && (at == host.at || at[-1] == '.'))
				return false;
			at++;
		}
		if (at == host.at || at - host.at > HOST_MAX)
			return false;
	}
	name->len = (size_t)(at - host.at);
	return read_port(at, end, port);
}
