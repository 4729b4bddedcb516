#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "handlers/cgi_explain.h"

#define FIRST_LINE 256          /* the kernel looks at no more */

bool
cgi_interpreter(const char *bytes, size_t len, char *out, size_t size)
{
	size_t at = 2, used = 0;

	if (len < 2 || bytes[0] != '#' || bytes[1] != '!')
		return false;
	while (at < len && (bytes[at] == ' ' || bytes[at] == '\t'))
		at++;
	for (; at < len && used + 1 < size; at++) {
		if (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == '\n' || bytes[at] == '\0')
			break;
		out[used++] = bytes[at];
	}
	out[used] = '\0';
	return true;
}

static size_t
first_bytes(const char *file, char *bytes, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, size);

	fd_close(&fd);
	return got < 0 ? 0 : (size_t)got;
}

static void
explain_missing(char *out, size_t size, const char *file, bool in_chroot)
{
	char bytes[FIRST_LINE], interpreter[FIRST_LINE];
	size_t len = first_bytes(file, bytes, sizeof bytes), end;
	const char *where = in_chroot ? " inside the chroot" : "";

	if (!cgi_interpreter(bytes, len, interpreter, sizeof interpreter)) {
		snprintf(out, size, "the loader (ld.so) that it was linked for is not there%s", where);
		return;
	}
	end = strlen(interpreter);
	if (end > 0 && interpreter[end - 1] == '\r') {
		interpreter[end - 1] = '\0';
		snprintf(out, size, "its first line ends in CR LF, as Windows writes it, so the "
		    "interpreter %s with a CR after it was looked for", interpreter);
		return;
	}
	snprintf(out, size, "its interpreter %s is not there%s", interpreter, where);
}

void
cgi_explain(char *out, size_t size, const char *file, int error, bool in_chroot)
{
	char bytes[FIRST_LINE], interpreter[FIRST_LINE];
	size_t len;

	switch (error) {
	case ENOENT:
		explain_missing(out, size, file, in_chroot);
		break;
	case ENOEXEC:
		snprintf(out, size, "it is neither a program nor does it begin with #! and an "
		    "interpreter");
		break;
	case EACCES:
		len = first_bytes(file, bytes, sizeof bytes);
		if (cgi_interpreter(bytes, len, interpreter, sizeof interpreter))
			snprintf(out, size, "it or its interpreter %s may not be executed",
			    interpreter);
		else
			snprintf(out, size, "it may not be executed (a file system mounted noexec?)");
		break;
	default:
		snprintf(out, size, "it can't be run: %s", strerror(error));
		break;
	}
}
