/*
 * A FastCGI program in C with libfcgi, as somebody would write it who knows
 * nothing of peruserd: for tests/integration/46-fastcgi-libfcgi.t, which compiles it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcgiapp.h>

#define PIECE 65536

/* The file that the query names: whether, and how often, it was run. */
static void
mark(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(3);
	close(fd);
}

static void
give_long(FCGX_Request *request, long kib, const char *path)
{
	char piece[1024];
	long i;

	FCGX_PutS("Content-Type: application/octet-stream\r\n\r\n", request->out);
	for (i = 0; i < kib; i++) {
		memset(piece, 'a' + (int)(i % 23), sizeof piece);
		if (FCGX_PutStr(piece, sizeof piece, request->out) < 0)
			return;
	}
	mark(path, "written\n");
}

static void
count_body(FCGX_Request *request)
{
	static char piece[PIECE];
	unsigned long sum = 0;
	long len = 0;
	int got, i;

	while ((got = FCGX_GetStr(piece, PIECE, request->in)) > 0) {
		for (i = 0; i < got; i++)
			sum += (unsigned char)piece[i];
		len += got;
	}
	FCGX_FPrintF(request->out, "Content-Type: text/plain\r\n\r\n%d %d", (int)len, (int)(sum % 65535));
}

static void
serve(FCGX_Request *request, int served)
{
	const char *what = FCGX_GetParam("PATH_INFO", request->envp);
	const char *query = FCGX_GetParam("QUERY_STRING", request->envp);

	if (what == NULL)
		what = "";
	if (strncmp(what, "/long/", 6) == 0)
		give_long(request, atol(what + 6), query);
	else if (strcmp(what, "/body") == 0)
		count_body(request);
	else if (strcmp(what, "/dies") == 0) {
		mark(query, "run\n");
		raise(SIGKILL);
	} else if (strcmp(what, "/dies-later") == 0) {
		mark(query, "run\n");
		FCGX_PutS("Content-Type: text/plain\r\nContent-Length: 100\r\n\r\nsome", request->out);
		FCGX_FFlush(request->out);
		raise(SIGKILL);
	} else if (strcmp(what, "/ends") == 0) {
		mark(query, "run\n");
		exit(4);
	} else if (strcmp(what, "/finish") == 0) {
		FCGX_PutS("Content-Type: text/plain\r\n\r\nfinished", request->out);
		FCGX_FClose(request->out);
		while (access(query, F_OK) != 0)
			usleep(20000);
	} else
		FCGX_FPrintF(request->out, "Content-Type: text/plain\r\n\r\n%d %d %d", (int)getuid(),
		    (int)getpid(), served);
}

int
main(void)
{
	FCGX_Request request;
	int served = 0;

	FCGX_Init();
	FCGX_InitRequest(&request, 0, 0);
	while (FCGX_Accept_r(&request) == 0)
		serve(&request, ++served);
	return 0;
}
