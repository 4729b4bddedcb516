/*
 * A request head: every slice lies in the bytes that were given; a head that
 * comes in pieces gets the answer of one that comes whole; what it becomes as a
 * path and as meta-variables keeps their promises.  The first byte says how it
 * is cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "http/head.h"
#include "http/uri.h"
#include "http/vars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct head_limits limits = { 256, 4096 };

struct outcome {
	enum head_result result;
	size_t used;
	int status;
};

static struct head whole, pieces;

static void
must(bool what)
{
	if (!what)
		abort();
}

static struct outcome
parse(const char *bytes, size_t len, size_t step, struct head *head)
{
	struct outcome outcome = { HEAD_MORE, 0, 0 };
	size_t scanned = 0, have = 0;

	while (have < len && outcome.result == HEAD_MORE) {
		have = len - have < step ? len : have + step;
		outcome.result = head_parse(bytes, have, &limits, &scanned, head,
		    &outcome.used, &outcome.status);
	}
	return outcome;
}

static void
inside(const struct slice *slice, const char *bytes, size_t used)
{
	if (slice->at == NULL) {
		must(slice->len == 0);
		return;
	}
	must(slice->at >= bytes && slice->at <= bytes + used);
	must(slice->len <= (size_t)(bytes + used - slice->at));
}

static void
check_head(const struct head *head, const char *bytes, size_t used)
{
	struct slice name;
	unsigned i, port;

	inside(&head->method, bytes, used);
	inside(&head->target, bytes, used);
	inside(&head->query, bytes, used);
	inside(&head->host, bytes, used);
	inside(&head->content_type, bytes, used);
	must(head->method.len > 0 && head->path.len > 0);
	must(head->minor == 0 || head->minor == 1);
	must(head->field_count <= HEAD_FIELDS);
	must(head->content_length >= HEAD_LENGTH_NONE);
	must(!head->chunked || (head->content_length == HEAD_LENGTH_NONE && head->minor == 1));
	must(head->form == HEAD_ASTERISK || head->path.at[0] == '/');
	must(head->host.at == NULL || head_split_host(head->host, &name, &port));
	for (i = 0; i < head->field_count; i++) {
		inside(&head->fields[i].name, bytes, used);
		inside(&head->fields[i].value, bytes, used);
		must(head->fields[i].name.len > 0);
		must(memchr(head->fields[i].value.at, '\n', head->fields[i].value.len) == NULL);
		must(memchr(head->fields[i].value.at, '\r', head->fields[i].value.len) == NULL);
		must(memchr(head->fields[i].value.at, '\0', head->fields[i].value.len) == NULL);
	}
}

static void
check_vars(const struct head *head)
{
	static unsigned char room[32768];
	struct nv vars = { room, 0, sizeof room };
	char path[512] = "";
	struct vars_about about = { "a", "b", "c", "d", "e", false, path, 5 };
	struct nv_pair pair;
	size_t len, at = 0;

	if (uri_path(head->path.at, head->path.len, path, sizeof path, &len) != 0)
		path[0] = '\0';
	must(vars_build(&vars, head, &about));
	must(nv_valid(&vars));
	must(!nv_find(&vars, "HTTP_PROXY", &pair));
	must(nv_find(&vars, "REQUEST_URI", &pair));
	while (nv_next(&vars, &at, &pair) == NV_PAIR)
		must(memchr(pair.value, '\0', pair.value_len) == NULL &&
		    memchr(pair.name, '-', pair.name_len) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome once, stepwise;
	char *bytes;
	size_t step;

	if (size < 1)
		return 0;
	step = data[0] % 64 + 1;
	/* Two bare LFs: whatever waited for more must be judged by then. */
	bytes = malloc(size + 1);
	memcpy(bytes, data + 1, size - 1);
	memcpy(bytes + size - 1, "\n\n", 2);
	once = parse(bytes, size + 1, size + 1, &whole);
	stepwise = parse(bytes, size + 1, step, &pieces);
	must(once.result == stepwise.result);
	if (once.result == HEAD_BAD)
		must(once.status == stepwise.status && once.status >= 400 && once.status < 600);
	if (once.result == HEAD_DONE) {
		must(once.used == stepwise.used && once.used <= limits.head_max);
		must(whole.field_count == pieces.field_count && whole.chunked == pieces.chunked &&
		    whole.content_length == pieces.content_length &&
		    whole.host.at == pieces.host.at && whole.path.at == pieces.path.at);
		check_head(&whole, bytes, once.used);
		check_vars(&whole);
	}
	free(bytes);
	return 0;
}
