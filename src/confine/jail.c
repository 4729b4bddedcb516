#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <peruserd/inherit.h>

#include "base/fd.h"
#include "confine/steps.h"

#define PROC_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define FDS_LOOKED_AT 4096      /* a directory above would need that many open files */

static int
open_beneath(int at, const char *path, uint64_t resolve)
{
	struct open_how how = { 0 };

	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.resolve = resolve;
	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/*
 * The manager opened the chroot in its own mount namespace.  Entered by that
 * descriptor, our root would be a mount of that one, where ours change nothing.
 * So the same directory is opened by name here, and compared.
 */
static bool
reopen_root(int root_fd, struct fault *fault)
{
	char link[64], path[4096];
	struct stat was, is;
	ssize_t len;
	int fd;

	snprintf(link, sizeof link, "/proc/self/fd/%d", root_fd);
	len = readlink(link, path, sizeof path - 1);
	if (len <= 0)
		return fault_set(fault, errno, "cannot read where the chroot is");
	path[len] = '\0';
	fd = open_beneath(AT_FDCWD, path, RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fault_set(fault, errno, "cannot open the chroot %s", path);
	if (fstat(root_fd, &was) != 0 || fstat(fd, &is) != 0 || was.st_dev != is.st_dev ||
	    was.st_ino != is.st_ino) {
		fd_close(&fd);
		return fault_set(fault, 0, "%s is not the directory that was opened as the chroot",
		    path);
	}
	if (dup3(fd, root_fd, O_CLOEXEC) < 0) {
		fault_set(fault, errno, "cannot take the chroot's descriptor");
		fd_close(&fd);
		return false;
	}
	fd_close(&fd);
	return true;
}

/* A chroot that has a /proc gets one of its own namespace in its place. */
static bool
replace_inner_proc(int root_fd, struct fault *fault)
{
	char target[64];
	struct statfs fs;
	bool done = true;
	int fd = open_beneath(root_fd, "proc", RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);

	if (fd < 0)
		return true;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
		snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
		done = mount("proc", target, "proc", PROC_FLAGS, NULL) == 0;
		if (!done)
			fault_set(fault, errno, "cannot replace the chroot's /proc");
	}
	fd_close(&fd);
	return done;
}

bool
jail_mounts(int root_fd, struct fault *fault)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return fault_set(fault, errno, "cannot make the mounts private");
	if (root_fd >= 0)
		return reopen_root(root_fd, fault) && replace_inner_proc(root_fd, fault);
	if (mount("proc", "/proc", "proc", PROC_FLAGS, NULL) != 0)
		return fault_set(fault, errno, "cannot mount /proc");
	return true;
}

/* An open directory outside is the known way out of a chroot. */
static bool
no_directory_open(struct fault *fault)
{
	struct stat st;
	int fd;

	for (fd = 0; fd < FDS_LOOKED_AT; fd++)
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return fault_set(fault, 0,
			    "descriptor %d is a directory outside of the chroot", fd);
	return true;
}

static bool
prove_inside(struct fault *fault)
{
	struct stat root, above;

	if (stat("/", &root) != 0 || stat("/..", &above) != 0 || root.st_dev != above.st_dev ||
	    root.st_ino != above.st_ino)
		return fault_set(fault, 0, "the chroot has something above it");
	if (chroot("/") == 0)
		return fault_set(fault, 0, "the chroot could be changed again");
	return no_directory_open(fault);
}

bool
confine_enter(int root_fd, enum confine_step *step, struct fault *fault)
{
	int fd = root_fd;

	*step = CONFINE_STEP_CHROOT;
	if (fchdir(fd) != 0 || chroot(".") != 0 || chdir("/") != 0) {
		fault_set(fault, errno, "cannot enter the chroot");
		fd_close(&fd);
		return false;
	}
	fd_close(&fd);
	*step = CONFINE_STEP_CAPABILITIES;
	if (!caps_cut(CAPS_NONE, fault))
		return false;
	*step = CONFINE_STEP_PROOF;
	if (!prove_inside(fault))
		return false;
	*step = CONFINE_STEP_NONE;
	return true;
}
