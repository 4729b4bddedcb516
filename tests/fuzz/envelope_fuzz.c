/*
 * What passes the envelope's and the completion's checks points inside the
 * bytes that were checked.  The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <peruserd/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
touch(const unsigned char *at, size_t len)
{
	volatile unsigned char sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum = (unsigned char)(sum + at[i]);
}

static void
try_envelope(const unsigned char *bytes, size_t size)
{
	struct envelope_parts parts;
	struct envelope e;

	if (size >= sizeof e)
		memcpy(&e, bytes, sizeof e);
	if (size < sizeof e || !envelope_check(bytes, size, envelope_fds(e.flags), &parts))
		return;
	touch(parts.vars.data, parts.vars.len);
	touch(parts.body, e.body_len);
	touch(parts.rest, e.rest_len);
}

static void
try_completion(const unsigned char *bytes, size_t size)
{
	const unsigned char *data;
	struct completion c;

	if (!completion_check(bytes, size, 1 << 20, &data))
		return;
	memcpy(&c, bytes, sizeof c);
	touch(data, c.data_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *copy;

	if (size < 1)
		return 0;
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		try_envelope(copy, size - 1);
	else
		try_completion(copy, size - 1);
	free(copy);
	return 0;
}
