/* A date that is read can be written, and reads as the same moment. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), out[DATE_LEN + 1];
	time_t when, again;

	memcpy(text, data, size);
	if (date_read(text, size, &when) && when >= 0) {
		date_write(out, when);
		/* The leap second at the end of the year 9999 has no room. */
		if (strlen(out) != DATE_LEN || !date_read(out, DATE_LEN, &again) ||
		    (again != when && when != 253402300800))
			abort();
	}
	free(text);
	return 0;
}
