#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "processor/trace.h"

#define STACK (64u * 1024)

static struct channel *traced;
static const struct handler *volatile serving;

void
trace_handler(const struct handler *handler)
{
	serving = handler;
}

/*
 * From a signal handler, or from beside: no lock, no memory, no stdio.  The
 * nonce is read first: where the request ends meanwhile, what was seen is
 * another one's, and the multiplexer drops what does not fit.
 */
static void
take(void)
{
	const struct handler *handler = serving;
	struct completion completion = { .magic = COMPLETION_MAGIC, .kind = COMPLETION_TRACE };
	char text[COMPLETION_MAX_TRACE];
	struct iovec pieces[2] = { { &completion, sizeof completion }, { text, 0 } };
	struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = 2 };

	completion.nonce = traced->nonce;
	completion.connection = traced->connection;
	if (handler != NULL && handler->trace != NULL)
		pieces[1].iov_len = handler->trace(text, sizeof text);
	completion.data_len = (uint32_t)pieces[1].iov_len;
	if (!traced->serving || traced->nonce != completion.nonce)
		return;
	/* Full: then there is none.  It is only told. */
	while (sendmsg(traced->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR)
		continue;
}

static void
on_signal(int number)
{
	int saved = errno;

	(void)number;
	take();
	errno = saved;
}

static void *
watch(void *nothing)
{
	sigset_t ours;

	(void)nothing;
	sigemptyset(&ours);
	sigaddset(&ours, TRACE_SIGNAL);
	for (;;)
		if (sigwaitinfo(&ours, NULL) == TRACE_SIGNAL)
			take();
	return NULL;
}

/* A thread that takes no signal but through sigwaitinfo. */
static bool
begin_watch(void)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	bool begun;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, STACK > PTHREAD_STACK_MIN ? STACK :
	    (size_t)PTHREAD_STACK_MIN);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	begun = pthread_create(&thread, &attributes, watch, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return begun;
}

void
trace_begin(struct channel *channel, bool watched)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t ours;

	traced = channel;
	sigemptyset(&action.sa_mask);
	sigaction(TRACE_SIGNAL, &action, NULL);
	/* Where no thread can be had (nproc), the signal interrupts after all. */
	if (!watched || !begin_watch())
		return;
	sigemptyset(&ours);
	sigaddset(&ours, TRACE_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
}
