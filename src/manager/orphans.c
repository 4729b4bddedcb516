#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/orphans.h"

#define FIRST_PROCESS 1
#define AT_ONCE       1024

static struct {
	pid_t *pids;            /* owned */
	size_t count, room;
	bool lost;              /* one could not be noted: then nobody is buried here */
} ours;

static pid_t *
find(pid_t pid)
{
	size_t i;

	for (i = 0; i < ours.count; i++)
		if (ours.pids[i] == pid)
			return &ours.pids[i];
	return NULL;
}

void
orphans_spare(pid_t pid)
{
	pid_t *grown;

	if (getpid() != FIRST_PROCESS || find(pid) != NULL)
		return;
	if (ours.count == ours.room) {
		grown = realloc(ours.pids, (ours.room * 2 + 16) * sizeof *grown);
		if (grown == NULL) {
			ours.lost = true;
			return;
		}
		ours.pids = grown;
		ours.room = ours.room * 2 + 16;
	}
	ours.pids[ours.count++] = pid;
}

void
orphans_spared(pid_t pid)
{
	pid_t *it = find(pid);

	if (it != NULL)
		*it = ours.pids[--ours.count];
}

void
orphans_bury(void)
{
	siginfo_t info;
	int i;

	if (getpid() != FIRST_PROCESS || ours.lost)
		return;
	for (i = 0; i < AT_ONCE; i++) {
		memset(&info, 0, sizeof info);
		/* Looked at first: where it is one of ours, its owner wants to know how it ended. */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
		    find(info.si_pid) != NULL)
			return;
		log_debug("process %d, whose parent had ended, has ended", (int)info.si_pid);
		waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
	}
}
