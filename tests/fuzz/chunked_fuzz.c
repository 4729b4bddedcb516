/*
 * A chunked body: the same bytes out of it, the same verdict and the same end,
 * however it is cut.  The first byte says how.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum chunked_result result;
	size_t used;
	size_t len;
	char *body;
};

static struct outcome
decode(const char *bytes, size_t len, size_t step)
{
	struct outcome outcome = { CHUNKED_MORE, 0, 0, malloc(len + 1) };
	struct chunked chunked;
	size_t end, used, data_len;
	const char *data;

	chunked_begin(&chunked);
	while (outcome.used < len && outcome.result == CHUNKED_MORE) {
		end = len - outcome.used < step ? len : outcome.used + step;
		do {
			outcome.result = chunked_decode(&chunked, bytes + outcome.used,
			    end - outcome.used, &used, &data, &data_len);
			if (used > end - outcome.used)
				abort();
			if (outcome.result == CHUNKED_DATA) {
				if (data < bytes + outcome.used || data_len == 0 ||
				    data + data_len != bytes + outcome.used + used)
					abort();
				memcpy(outcome.body + outcome.len, data, data_len);
				outcome.len += data_len;
			}
			outcome.used += used;
		} while (outcome.result == CHUNKED_DATA);
		if (outcome.result == CHUNKED_MORE && outcome.used != end)
			abort();
	}
	return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;
	char *bytes;

	if (size < 1)
		return 0;
	bytes = malloc(size);
	memcpy(bytes, data + 1, size - 1);
	whole = decode(bytes, size - 1, size);
	pieces = decode(bytes, size - 1, data[0] % 32 + 1);
	if (whole.result != pieces.result || whole.used != pieces.used ||
	    whole.len != pieces.len || memcmp(whole.body, pieces.body, whole.len) != 0)
		abort();
	free(whole.body);
	free(pieces.body);
	free(bytes);
	return 0;
}
