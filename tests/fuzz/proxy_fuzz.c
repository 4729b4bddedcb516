/*
 * What a proxy says, in whatever bytes: a PROXY header is whole, or more is needed,
 * or it is none, and more bytes never change what was told; any field's value gives
 * an address or none.  The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/forwarded.h"
#include "http/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
try_header(const char *bytes, size_t size)
{
	struct proxy proxy, again;
	enum proxy_result result = PROXY_MORE;
	size_t len, used = 0, used_again;

	for (len = 1; len <= size && result == PROXY_MORE; len++)
		result = proxy_parse(bytes, len, &proxy, &used);
	must(result != PROXY_MORE || size < PROXY_MAX + 16);
	if (result != PROXY_DONE)
		return;
	must(used <= size && used <= PROXY_MAX);
	must(proxy_parse(bytes, size, &again, &used_again) == PROXY_DONE);
	must(used == used_again && memcmp(&proxy, &again, sizeof proxy) == 0);
	must(!proxy.known || (proxy.client_port <= 65535 && proxy.client.family != AF_UNIX));
}

static void
try_field(const char *name, const char *bytes, size_t size)
{
	static struct head head;
	struct forwarded forwarded;
	struct net trusted[2];

	must(net_parse("10.0.0.0/8", 10, &trusted[0]) && net_parse("::1", 3, &trusted[1]));
	head.field_count = 1;
	head.fields[0].name = (struct slice){ name, strlen(name) };
	head.fields[0].value = (struct slice){ bytes, size };
	forwarded_read(&head, trusted, 2, &forwarded);
	must(forwarded.port <= 65535 && (!forwarded.known || forwarded.client.family != AF_UNIX));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "forwarded", "x-forwarded-for", "x-forwarded-proto" };
	char *copy;

	if (size == 0)
		return 0;
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	if (data[0] % 4 == 3)
		try_header(copy, size - 1);
	else
		try_field(names[data[0] % 4], copy, size - 1);
	free(copy);
	return 0;
}
