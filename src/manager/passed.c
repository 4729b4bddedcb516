#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "manager/manager.h"
#include "manager/notify.h"
#include "manager/passed.h"

#define FIRST_FD    3           /* SD_LISTEN_FDS_START */
#define PASSED_MAX  1024        /* listeners that one may pass */
#define NAMES_MAX   4096

static struct {
	int count;
	char names[NAMES_MAX];          /* "one:two" */
} passed;

void
passed_begin(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t count = notify_number("LISTEN_FDS");

	if (notify_number("LISTEN_PID") == (uint64_t)getpid() && count <= PASSED_MAX) {
		/* Nobody else may find descriptors open that were not passed. */
		while (passed.count < (int)count &&
		    fcntl(FIRST_FD + passed.count, F_SETFD, FD_CLOEXEC) == 0)
			passed.count++;
		if (names != NULL && strlen(names) < sizeof passed.names)
			strcpy(passed.names, names);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static void
adopt(struct manager *manager, int fd, const char *name)
{
	struct address address;
	char text[ADDRESS_TEXT];

	if (!address_of_socket(fd, &address, text))
		log_warning("descriptor %d, passed by the service manager as %s, is %s: it is closed; "
		    "peruserd takes listening stream sockets of IPv4, IPv6 or a path", fd, name, text);
	else if (!listening_adopt(manager, text, fd, true))
		log_warning("%s was passed by the service manager twice: descriptor %d, %s, is closed",
		    text, fd, name);
	else {
		fd_set_nonblocking(fd, true);
		log_notice("%s was passed by the service manager as %s", text, name);
		return;
	}
	fd_close(&fd);
}

void
passed_adopt(struct manager *manager)
{
	char *rest = passed.names, *name;
	int i;

	for (i = 0; i < passed.count; i++) {
		name = strsep(&rest, ":");
		adopt(manager, FIRST_FD + i, name != NULL && *name != '\0' ? name : "(no name)");
	}
	passed.count = 0;
}
