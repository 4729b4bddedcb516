#include <string.h>

#include "base/str.h"
#include "http/proxy.h"

#define V1_MAX 107u                     /* with its CRLF, by the specification */
#define V2_HEADER 16u

static const char v1[] = "PROXY ", v2[] = "\r\n\r\n\0\r\nQUIT\n";
#define V1_LEN (sizeof v1 - 1)
#define V2_LEN (sizeof v2 - 1)

/* Are the bytes there the word, or so far as they go? */
static bool
may_be(const char *bytes, size_t len, const char *word, size_t word_len)
{
	return memcmp(bytes, word, len < word_len ? len : word_len) == 0;
}

/* The next word of a line, up to a single blank or the end.  False: none, or empty. */
static bool
next_word(const char **at, const char *end, const char **word, size_t *len)
{
	const char *blank;

	if (*at >= end)
		return false;
	blank = memchr(*at, ' ', (size_t)(end - *at));
	*word = *at;
	*len = (size_t)((blank != NULL ? blank : end) - *at);
	*at = blank != NULL ? blank + 1 : end;
	return *len > 0;
}

static bool
next_address(const char **at, const char *end, sa_family_t family, struct net *net)
{
	const char *word;
	size_t len;

	/* IPv4 in IPv6 is IPv4 to us, whatever it is called there. */
	return next_word(at, end, &word, &len) && memchr(word, '/', len) == NULL &&
	    net_parse(word, len, net) && net->family != AF_UNIX &&
	    (net->family == family || family == AF_INET6);
}

static bool
next_port(const char **at, const char *end, unsigned *port)
{
	const char *word;
	uint64_t value;
	size_t len;

	if (!next_word(at, end, &word, &len) || !str_decimal(word, len, &value) || value > 65535)
		return false;
	*port = (unsigned)value;
	return true;
}

static enum proxy_result
parse_v1(const char *bytes, size_t len, struct proxy *proxy, size_t *used)
{
	const char *end = memchr(bytes, '\r', len < V1_MAX ? len : V1_MAX), *at, *word;
	sa_family_t family;
	size_t word_len;

	if (end == NULL || end + 1 == bytes + len)
		return len < V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (end[1] != '\n')
		return PROXY_BAD;
	*used = (size_t)(end + 2 - bytes);
	at = bytes + V1_LEN;
	if (!next_word(&at, end, &word, &word_len))
		return PROXY_BAD;
	if (str_is(word, word_len, "UNKNOWN"))
		return PROXY_DONE;
	family = str_is(word, word_len, "TCP4") ? AF_INET : AF_INET6;
	if (family == AF_INET6 && !str_is(word, word_len, "TCP6"))
		return PROXY_BAD;
	proxy->known = next_address(&at, end, family, &proxy->client) &&
	    next_address(&at, end, family, &proxy->server) &&
	    next_port(&at, end, &proxy->client_port) &&
	    next_port(&at, end, &proxy->server_port) && at == end;
	return proxy->known ? PROXY_DONE : PROXY_BAD;
}

static unsigned
get_two(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Two addresses of that family and their ports. */
static void
take_v2(const unsigned char *at, sa_family_t family, struct proxy *proxy)
{
	size_t size = family == AF_INET ? 4 : 16;

	net_from(family, at, &proxy->client);
	net_from(family, at + size, &proxy->server);
	proxy->client_port = get_two(at + 2 * size);
	proxy->server_port = get_two(at + 2 * size + 2);
	proxy->known = true;
}

static enum proxy_result
parse_v2(const char *bytes, size_t len, struct proxy *proxy, size_t *used)
{
	unsigned char header[V2_HEADER], addresses[36];
	size_t rest, needed;

	if (len < V2_HEADER)
		return PROXY_MORE;
	memcpy(header, bytes, sizeof header);
	rest = get_two(header + 14);
	if (header[12] >> 4 != 2 || (header[12] & 0xf) > 1 || V2_HEADER + rest > PROXY_MAX)
		return PROXY_BAD;
	if (len < V2_HEADER + rest)
		return PROXY_MORE;
	*used = V2_HEADER + rest;
	/* LOCAL: the proxy itself, for its health checks; or a family that has no address. */
	needed = header[13] == 0x11 ? 12 : header[13] == 0x21 ? 36 : 0;
	if ((header[12] & 0xf) == 0 || needed == 0)
		return PROXY_DONE;
	if (rest < needed)
		return PROXY_BAD;
	memcpy(addresses, bytes + V2_HEADER, needed);
	take_v2(addresses, needed == 12 ? AF_INET : AF_INET6, proxy);
	return PROXY_DONE;
}

enum proxy_result
proxy_parse(const char *bytes, size_t len, struct proxy *proxy, size_t *used)
{
	memset(proxy, 0, sizeof *proxy);
	*used = 0;
	if (may_be(bytes, len, v2, V2_LEN))
		return len < V2_LEN ? PROXY_MORE : parse_v2(bytes, len, proxy, used);
	if (may_be(bytes, len, v1, V1_LEN))
		return len < V1_LEN ? PROXY_MORE : parse_v1(bytes, len, proxy, used);
	return PROXY_BAD;
}
