#include <string.h>

#include "base/str.h"
#include "handlers/cgi_head.h"

#define STATUS "Status: "
#define VERSION_LEN (sizeof "HTTP/1.1 " - 1)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" becomes "Status: 200 OK". */
static void
convert_status_line(struct buf *out)
{
	const char *at = out->data;

	if (out->len <= VERSION_LEN || memcmp(at, "HTTP/", 5) != 0 || !is_digit(at[5]) ||
	    at[6] != '.' || !is_digit(at[7]) || at[8] != ' ')
		return;
	buf_drop(out, VERSION_LEN - (sizeof STATUS - 1));
	memcpy(out->data, STATUS, sizeof STATUS - 1);
}

/* Did the script name a status itself?  struct answer doesn't tell 302 from a bare Location. */
static bool
has_status(const char *head, size_t len)
{
	const char *end = head + len, *line = head, *next;

	for (; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (next == NULL)
			break;
		if ((size_t)(next - line) >= 7 && str_is_nocase(line, 7, "Status:"))
			return true;
	}
	return false;
}

/* RFC 3875, 6.2.2.  "//host/path" is another site's: the client's to follow. */
static bool
is_local(const struct answer *answer)
{
	const struct slice *to = &answer->location;

	return to->at != NULL && to->len > 0 && to->at[0] == '/' &&
	    (to->len == 1 || to->at[1] != '/');
}

enum answer_result
cgi_head_read(struct buf *out, struct cgi_head *head, const char **why)
{
	enum answer_result result;
	struct answer answer;

	if (out->len == 0)
		return ANSWER_MORE;
	convert_status_line(out);
	result = answer_parse(out->data, out->len, &answer, &head->len, why);
	if (result != ANSWER_HEAD)
		return result;
	head->redirect.at = NULL;
	head->redirect.len = 0;
	if (is_local(&answer) && !has_status(out->data, head->len))
		head->redirect = answer.location;
	return ANSWER_HEAD;
}
