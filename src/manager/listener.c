#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "manager/folder.h"
#include "manager/listener.h"

#define UNIX_PREFIX "unix:"

static bool
unix_address(const char *path, struct address *address)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->bytes;
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof un->sun_path)
		return false;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	address->len = (socklen_t)sizeof *un;
	return true;
}

static bool
inet_address(const char *host, uint16_t port, struct address *address)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->bytes;
	struct sockaddr_in *four = (struct sockaddr_in *)&address->bytes;
	size_t len = strlen(host);
	char inside[INET6_ADDRSTRLEN];

	address->dual = strcmp(host, "*") == 0;
	if (address->dual || host[0] == '[') {
		if (!address->dual && (len < 3 || host[len - 1] != ']' || len - 2 >= sizeof inside))
			return false;
		snprintf(inside, sizeof inside, "%.*s", address->dual ? 2 : (int)len - 2,
		    address->dual ? "::" : host + 1);
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		address->len = (socklen_t)sizeof *six;
		return inet_pton(AF_INET6, inside, &six->sin6_addr) == 1;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	address->len = (socklen_t)sizeof *four;
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

bool
address_parse(const char *text, struct address *address)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 3];
	uint64_t port;
	size_t len;

	memset(address, 0, sizeof *address);
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return unix_address(text + strlen(UNIX_PREFIX), address);
	if (colon == NULL || !str_decimal(colon + 1, strlen(colon + 1), &port) || port == 0 ||
	    port > 65535)
		return false;
	len = (size_t)(colon - text);
	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return inet_address(host, (uint16_t)port, address);
}

/* An address as the kernel tells it, in the form that address_parse() gives. */
static bool
address_from(const struct sockaddr_storage *told, bool both, struct address *address, char *text)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)told;
	const struct sockaddr_in *four = (const struct sockaddr_in *)told;
	const struct sockaddr_un *un = (const struct sockaddr_un *)told;
	char host[INET6_ADDRSTRLEN];

	switch (told->ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
		snprintf(text, ADDRESS_TEXT, "%s:%u", host, ntohs(four->sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
		if (both && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr))
			snprintf(text, ADDRESS_TEXT, "*:%u", ntohs(six->sin6_port));
		else
			snprintf(text, ADDRESS_TEXT, "[%s%s]:%u", host,
			    six->sin6_scope_id != 0 ? "%" : "", ntohs(six->sin6_port));
		break;
	case AF_UNIX:
		snprintf(text, ADDRESS_TEXT, UNIX_PREFIX "%s%.*s", un->sun_path[0] == '\0' ?
		    "@" : "", (int)sizeof un->sun_path - 1,
		    un->sun_path + (un->sun_path[0] == '\0'));
		break;
	default:
		snprintf(text, ADDRESS_TEXT, "a socket of family %d", told->ss_family);
	}
	return address_parse(text, address);
}

bool
address_of_socket(int fd, struct address *address, char text[ADDRESS_TEXT])
{
	struct sockaddr_storage told;
	socklen_t len = sizeof told, size = sizeof(int);
	int type = 0, listens = 0, only = 0;

	memset(&told, 0, sizeof told);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
		snprintf(text, ADDRESS_TEXT, "no socket");
		return false;
	}
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
	if (type != SOCK_STREAM || listens == 0) {
		snprintf(text, ADDRESS_TEXT, type != SOCK_STREAM ? "no stream socket" :
		    "a connection, no listening socket (Accept=yes)");
		return false;
	}
	if (getsockname(fd, (struct sockaddr *)&told, &len) != 0)
		return false;
	if (told.ss_family == AF_INET6)
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size);
	return address_from(&told, only == 0, address, text);
}

static int
bind_and_listen(const struct address *address, int backlog, struct fault *fault)
{
	int family = address->bytes.ss_family, on = 1, only = !address->dual;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		fault_set(fault, errno, "make a socket");
		return -1;
	}
	if (family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if ((family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) ||
	    bind(fd, (const struct sockaddr *)&address->bytes, address->len) != 0 ||
	    listen(fd, backlog) != 0) {
		fault_set(fault, errno, "bind and listen");
		fd_close(&fd);
	}
	return fd;
}

static bool
somebody_answers(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answered;

	if (fd < 0)
		return true;
	answered = connect(fd, (const struct sockaddr *)&address->bytes, address->len) == 0 ||
	    errno == EAGAIN;
	fd_close(&fd);
	return answered;
}

/* A socket of that name that nobody serves is taken away. */
static bool
make_way(int folder, const char *name, const struct address *address, struct fault *fault)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode))
		return fault_set(fault, 0, "there is a file of that name");
	if (somebody_answers(address))
		return fault_set(fault, 0, "somebody serves that socket already");
	unlinkat(folder, name, 0);
	return true;
}

int
listener_open_unix(const char *path, uid_t owner, gid_t group, mode_t mode, int backlog,
    struct fault *fault)
{
	struct address address;
	int folder, fd = -1;
	const char *name;
	mode_t before;

	memset(&address, 0, sizeof address);
	if (!unix_address(path, &address)) {
		fault_set(fault, 0, "%s is not an absolute path of at most 107 bytes", path);
		return -1;
	}
	folder = folder_open(path, "socket", &name, fault);
	if (folder < 0)
		return -1;
	if (make_way(folder, name, &address, fault)) {
		before = umask(0177);
		fd = bind_and_listen(&address, backlog, fault);
		umask(before);
	}
	if (fd >= 0 && (fchownat(folder, name, owner, group, AT_SYMLINK_NOFOLLOW) != 0 ||
	    fchmodat(folder, name, mode, 0) != 0)) {
		fault_set(fault, errno, "give %s its owner and mode", path);
		fd_close(&fd);
	}
	fd_close(&folder);
	return fd;
}

static int
open_unix(const struct listen_settings *settings, struct fault *fault)
{
	const struct passwd *user = settings->owner != NULL ? getpwnam(settings->owner) : NULL;
	const struct group *group = settings->group != NULL ? getgrnam(settings->group) : NULL;

	if ((settings->owner != NULL && user == NULL) ||
	    (settings->group != NULL && group == NULL)) {
		fault_set(fault, 0, "there is no %s %s", user == NULL && settings->owner != NULL ?
		    "user" : "group", user == NULL && settings->owner != NULL ?
		    settings->owner : settings->group);
		return -1;
	}
	return listener_open_unix(settings->address + strlen(UNIX_PREFIX),
	    user != NULL ? user->pw_uid : 0, group != NULL ? group->gr_gid : 0,
	    settings->mode, (int)settings->backlog, fault);
}

int
listener_open(const struct listen_settings *settings, struct fault *fault)
{
	struct address address;
	char four[64];
	int fd;

	if (strncmp(settings->address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return open_unix(settings, fault);
	if (!address_parse(settings->address, &address)) {
		fault_set(fault, 0, "this is no address: write \"0.0.0.0:80\", \"[::]:80\", "
		    "\"*:80\" or \"unix:/path\"");
		return -1;
	}
	fd = bind_and_listen(&address, (int)settings->backlog, fault);
	if (fd < 0 && address.dual &&
	    (fault->error == EAFNOSUPPORT || fault->error == EADDRNOTAVAIL)) {
		snprintf(four, sizeof four, "0.0.0.0%.16s", settings->address + 1);
		if (address_parse(four, &address))
			fd = bind_and_listen(&address, (int)settings->backlog, fault);
	}
	return fd;
}
