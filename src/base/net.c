#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/net.h"
#include "base/str.h"

static unsigned
width(sa_family_t family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

/* "::ffff:10.0.0.1" is 10.0.0.1, a network of such ones too. */
static void
unmap(struct net *net)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };

	if (net->family != AF_INET6 || net->bits < 96 || memcmp(net->bytes, mapped, 12) != 0)
		return;
	net->family = AF_INET;
	net->bits -= 96;
	memmove(net->bytes, net->bytes + 12, 4);
	memset(net->bytes + 4, 0, 12);
}

static bool
rest_is_zero(const struct net *net)
{
	unsigned i;

	for (i = net->bits; i < width(net->family); i++)
		if (net->bytes[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

bool
net_parse(const char *text, size_t len, struct net *net)
{
	const char *slash = memchr(text, '/', len);
	size_t host = slash != NULL ? (size_t)(slash - text) : len;
	char copy[NET_TEXT];
	uint64_t bits;

	memset(net, 0, sizeof *net);
	net->family = AF_UNIX;
	if (str_is(text, len, "unix:"))
		return true;
	if (host >= sizeof copy || memchr(text, '\0', host) != NULL)
		return false;
	memcpy(copy, text, host);
	copy[host] = '\0';
	net->family = memchr(text, ':', host) != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(net->family, copy, net->bytes) != 1)
		return false;
	net->bits = width(net->family);
	if (slash != NULL) {
		if (!str_decimal(slash + 1, len - host - 1, &bits) || bits > net->bits)
			return false;
		net->bits = (unsigned)bits;
	}
	if (!rest_is_zero(net))
		return false;
	unmap(net);
	return true;
}

void
net_from(sa_family_t family, const unsigned char *bytes, struct net *net)
{
	memset(net, 0, sizeof *net);
	net->family = family;
	net->bits = width(family);
	memcpy(net->bytes, bytes, net->bits / 8);
	unmap(net);
}

void
net_of(const struct sockaddr_storage *address, struct net *net)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (address->ss_family == AF_INET) {
		memcpy(&in, address, sizeof in);
		net_from(AF_INET, (const unsigned char *)&in.sin_addr, net);
	} else if (address->ss_family == AF_INET6) {
		memcpy(&in6, address, sizeof in6);
		net_from(AF_INET6, in6.sin6_addr.s6_addr, net);
	} else {
		net_from(AF_UNIX, (const unsigned char *)"", net);
	}
}

void
net_text(const struct net *net, char text[NET_TEXT])
{
	if (net->family == AF_UNIX ||
	    inet_ntop(net->family, net->bytes, text, NET_TEXT) == NULL)
		snprintf(text, NET_TEXT, "unix:");
}

static bool
net_has(const struct net *all, const struct net *net)
{
	unsigned whole = all->bits / 8, rest = all->bits % 8;

	if (all->family != net->family || all->bits > net->bits ||
	    memcmp(all->bytes, net->bytes, whole) != 0)
		return false;
	return rest == 0 || ((all->bytes[whole] ^ net->bytes[whole]) & 0xff00 >> rest & 0xff) == 0;
}

bool
net_in(const struct net *net, const struct net *nets, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (net_has(&nets[i], net))
			return true;
	return false;
}
