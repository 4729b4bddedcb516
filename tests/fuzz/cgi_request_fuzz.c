/*
 * Any params are a request or a status; what is built from one holds whole
 * pairs, none of those that the site decides, and no name that is no variable's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/cgi_request.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
inside(const struct slice *slice, const uint8_t *bytes, size_t size)
{
	uintptr_t from = (uintptr_t)bytes, at = (uintptr_t)slice->at;

	must(slice->at == NULL || (at >= from && at + slice->len <= from + size) ||
	    (slice->len == 1 && slice->at[0] == '/'));
}

static void
check_vars(const struct nv *vars)
{
	struct nv_pair pair;
	size_t at = 0, i;

	must(nv_valid(vars));
	must(!nv_find(vars, "HTTP_PROXY", &pair));
	must(!nv_find(vars, "SCRIPT_FILENAME", &pair) && !nv_find(vars, "DOCUMENT_ROOT", &pair));
	must(nv_find(vars, "REQUEST_METHOD", &pair) && pair.value_len > 0);
	while (nv_next(vars, &at, &pair) == NV_PAIR) {
		must(pair.name_len > 0 && memchr(pair.value, '\0', pair.value_len) == NULL);
		for (i = 0; i < pair.name_len; i++)
			must(pair.name[i] != '=' && pair.name[i] != '-' && pair.name[i] != '\0');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char room[128 * 1024];
	uint8_t *copy = malloc(size + 1);
	struct nv params = { copy, size, size }, vars = { room, 0, sizeof room };
	char path[512] = "";
	struct vars_about about = { "a", "b", "c", "d", "e", false, path, 5 };
	struct cgi_request request;
	size_t len, i;

	for (i = 0; i < size; i++)
		copy[i] = data[i];
	if (size < 64 * 1024 && cgi_request_read(&params, &request, &vars) == 0) {
		for (i = 0; i < CGI_KNOWN; i++)
			inside(&request.known[i], copy, size);
		inside(&request.path, copy, size);
		inside(&request.query, copy, size);
		if (request.path.at != NULL &&
		    uri_path(request.path.at, request.path.len, path, sizeof path, &len) != 0)
			path[0] = '\0';
		if (cgi_request_vars(&vars, &request, &about))
			check_vars(&vars);
	}
	free(copy);
	return 0;
}
