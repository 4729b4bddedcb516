/*
 * A path: decoded and normalised it begins with '/', has no empty, "." or ".."
 * segment and no control character, and encoding it leads back to it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 256

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
check_path(const char *path, size_t len)
{
	char encoded[ROOM * 3], again[ROOM];
	size_t i, again_len;

	must(len >= 1 && path[0] == '/' && strlen(path) == len);
	must(strstr(path, "//") == NULL && strstr(path, "/./") == NULL);
	must(strstr(path, "/../") == NULL);
	must(len < 2 || strcmp(path + len - 2, "/.") != 0);
	must(len < 3 || strcmp(path + len - 3, "/..") != 0);
	for (i = 0; i < len; i++)
		must((unsigned char)path[i] >= 0x20 && path[i] != 0x7f);
	must(uri_encode_path(path, len, encoded, sizeof encoded));
	must(strpbrk(encoded, " ?#\"<>'\\") == NULL);
	must(uri_path(encoded, strlen(encoded), again, sizeof again, &again_len) == 0);
	must(again_len == len && memcmp(again, path, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = malloc(size + 1), out[ROOM];
	size_t len, small, small_len;
	int status;

	memcpy(path, data, size);
	status = uri_path(path, size, out, sizeof out, &len);
	must(status == 0 || status == 400 || status == 414);
	if (status == 0) {
		check_path(out, len);
		/* Whatever the room, it is all there or refused. */
		for (small = 0; small <= len; small++) {
			char *tight = malloc(small + 1);

			must(uri_path(path, size, tight, small, &small_len) == 414);
			free(tight);
		}
	}
	free(path);
	return 0;
}
