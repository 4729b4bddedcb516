#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_host.h"
#include "handlers/handlers.h"

#define LARGE (300u * 1024)
#define SHELL "#!/bin/sh\n"
#define TEXT SHELL "echo Content-Type: text/plain; "

static struct request request;
static char file[256];

static int
prepare(void **state)
{
	(void)state;
	assert_true(cgi_handler.load(&fake_host, NULL, NULL));
	assert_true(cgi_handler.begin());
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	fake_remove();
	return 0;
}

static void
script(const char *text)
{
	snprintf(file, sizeof file, "%s", fake_write("x.cgi", text, 0755));
	fake_begin(&request, fake_directory(), "/x.cgi", file);
}

static enum handler_result
serve(void)
{
	enum handler_result result = cgi_handler.serve(&request, &request.view);

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);       /* no zombie, no child */
	assert_int_equal(errno, ECHILD);
	return result;
}

static void
logged(const char *text)
{
	if (strstr(request.log, text) == NULL)
		fail_msg("not logged: %s; but: %s", text, request.log);
}

static void
a_program_answers(void **state)
{
	(void)state;
	script(SHELL "printf 'Content-Type: text/x\\nStatus: 201 Made\\n\\nhello'; echo oops >&2");
	assert_int_equal(serve(), HANDLER_DONE);
	assert_string_equal(request.head, "Content-Type: text/x\nStatus: 201 Made\n\n");
	assert_string_equal(request.body, "hello");
	assert_string_equal(request.log, "/x.cgi: oops\n");
}

static void
its_environment_is_the_requests(void **state)
{
	char env_a[] = "APP=prod", env_b[] = "REMOTE_ADDR=9.9.9.9", env_c[] = "PATH=/bin:/usr/bin";
	char *env[] = { env_a, env_b, env_c };

	(void)state;
	setenv("LEAK", "secret", 1);
	script(TEXT "echo; env; echo pwd=$(pwd); echo args=$#:$1:$2; ls /proc/self/fd | tr '\\n' ' '");
	request.pool.env.at = env;
	request.pool.env.count = 3;
	request.view.path_info = "/a b";
	request.view.query_string = "one%20two+three";
	fake_var(&request, "REMOTE_ADDR", "127.0.0.1");
	fake_var(&request, "HTTP_PROXY", "evil");
	fake_var(&request, "HTTP_X", "1\n2");
	serve();
	assert_non_null(strstr(request.body, "\nAPP=prod\n"));
	assert_non_null(strstr(request.body, "REMOTE_ADDR=127.0.0.1\n"));
	assert_null(strstr(request.body, "9.9.9.9"));
	assert_null(strstr(request.body, "LEAK"));
	assert_null(strstr(request.body, "HTTP_PROXY"));
	assert_non_null(strstr(request.body, "PATH_INFO=/a b\n"));
	assert_non_null(strstr(request.body, "PATH=/bin:/usr/bin\n"));
	assert_non_null(strstr(request.body, "REDIRECT_STATUS=200\n"));
	assert_non_null(strstr(request.body, "PATH_TRANSLATED=/tmp/peruserd-test-"));
	assert_non_null(strstr(request.body, "args=2:one two:three\n"));
	assert_non_null(strstr(request.body, "pwd=/tmp/peruserd-test-"));
	assert_non_null(strstr(request.body, "\n0 1 2 3 "));    /* 3: ls reads the folder */
	assert_null(strstr(request.body, " 4 "));
}

static void
its_arguments_are_an_indexed_querys(void **state)
{
	static const struct { const char *query, *method, *args; } rows[] = {
		{ "", "GET", "0:" },
		{ "a", "GET", "1:a" },
		{ "a+b", "HEAD", "2:a b" },
		{ "a+b", "POST", "0:" },
		{ "a=b", "GET", "0:" },
		{ "a%3Db", "GET", "1:a=b" },
		{ "a%00b", "GET", "0:" },
		{ "a%zz", "GET", "0:" },
		{ "a%2", "GET", "0:" },
	};
	char expected[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		script(TEXT "echo; echo $#:\"$@\" >&2");
		request.view.query_string = rows[i].query;
		request.view.method = rows[i].method;
		serve();
		snprintf(expected, sizeof expected, "/x.cgi: %s\n", rows[i].args);
		if (strcmp(request.log, expected) != 0)
			fail_msg("%s: %s", rows[i].query, request.log);
	}
}

/* Body and answer are both larger than any pipe: neither may wait for the other. */
static void
a_large_body_comes_back(void **state)
{
	static char text[LARGE + 1];
	unsigned way;

	(void)state;
	memset(text, 'b', LARGE);
	for (way = 0; way < 3; way++) {
		script(TEXT "echo; exec cat");
		request.send = text;
		request.send_len = LARGE;
		request.view.body_total = LARGE;
		request.view.method = "POST";
		request.send_streams = way == 1;
		if (way == 2)
			request.send_file = open(fake_write("body", text, 0600), O_RDONLY | O_CLOEXEC);
		serve();
		assert_int_equal(request.body_len, LARGE);
		assert_int_equal(request.body[LARGE - 1], 'b');
		if (way == 2)
			close(request.send_file);
	}
}

static void
a_body_may_be_ignored(void **state)
{
	static char text[LARGE + 1];

	(void)state;
	memset(text, 'b', LARGE);
	script(TEXT "echo; echo ok");
	request.send = text;
	request.send_len = request.view.body_total = LARGE;
	serve();
	assert_string_equal(request.body, "ok\n");
	script(TEXT "echo; cat; echo ok");     /* no body: standard input has ended */
	serve();
	assert_string_equal(request.body, "ok\n");
}

static void
a_head_request_gets_no_body(void **state)
{
	(void)state;
	script(TEXT "echo Content-Length: 3; echo; echo ok");
	request.view.method = "HEAD";
	serve();
	assert_true(fake_has_field(&request, "Content-Length: 3"));
	assert_int_equal(request.body_len, 0);
}

static void
output_streams(void **state)
{
	(void)state;
	script(TEXT "echo; echo one; sleep 0.1; echo two");
	serve();
	assert_string_equal(request.body, "one\ntwo\n");
	assert_true(request.flushes >= 1);
	assert_int_equal(request.finishes, 0);
}

static void
a_closed_output_frees_the_client(void **state)
{
	(void)state;
	script(TEXT "echo; echo ok; exec >&-; sleep 0.1; echo late >&2");
	serve();
	assert_string_equal(request.body, "ok\n");
	assert_int_equal(request.finishes, 1);
	logged("late");
}

static void
redirects_are_told_apart(void **state)
{
	static const struct { const char *head, *local; unsigned heads; } rows[] = {
		{ "Location: /y?a=b", "/y?a=b", 0 },
		{ "Location: http://example.com/", "", 1 },
		{ "Location: //example.com/", "", 1 },
		{ "Location: /y\nStatus: 302 Found", "", 1 },
		{ "status: 303\nLocation: /y", "", 1 },
	};
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(text, sizeof text, SHELL "cat <<E\n%s\n\nE\n", rows[i].head);
		script(text);
		serve();
		if (strcmp(request.redirect, rows[i].local) != 0 || request.heads != rows[i].heads)
			fail_msg("%s: %s", rows[i].head, request.redirect);
	}
}

static void
a_status_line_becomes_a_field(void **state)
{
	(void)state;
	script(SHELL "printf 'HTTP/1.1 202 Fine\\r\\nX: y\\r\\n\\r\\nok'");
	serve();
	assert_string_equal(request.head, "Status: 202 Fine\r\nX: y\r\n\r\n");
	assert_string_equal(request.body, "ok");
}

static const struct refusal {
	const char *name, *text, *status, *log;
	mode_t mode;
} refusals[] = {
	{ "nothing printed", SHELL "exit 3", "500", "it printed nothing, exit status 3", 0755 },
	{ "a head without end", SHELL "echo X: y", "500", "its head has no end", 0755 },
	{ "a bad head", SHELL "echo 'no colon'; echo", "500", "/x.cgi: ", 0755 },
	{ "killed", SHELL "kill -9 $$", "500", "killed by signal 9", 0755 },
	{ "no interpreter", "#! /nonexistent/perl -w\n", "500",
	    "/x.cgi: its interpreter /nonexistent/perl is not there", 0755 },
	{ "Windows' line ends", "#!/bin/sh\r\n", "500", "CR LF", 0755 },
	{ "neither program nor script", "echo hello\n", "500", "neither a program", 0755 },
	{ "not executable", SHELL, "403", "may not execute it", 0644 },
	{ "others may write", SHELL, "403", "written by group or others", 0757 },
	{ "the group may write", SHELL, "403", "written by group or others", 0775 },
	{ "set-user-id", SHELL, "403", "set-user-id", 04755 },
};

static void
what_fails_is_explained(void **state)
{
	char status[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		script(refusals[i].text);
		assert_int_equal(chmod(file, refusals[i].mode), 0);
		serve();
		snprintf(status, sizeof status, "Status: %s ", refusals[i].status);
		if (strncmp(request.head, status, strlen(status)) != 0)
			fail_msg("%s: %s", refusals[i].name, request.head);
		if (strstr(request.log, refusals[i].log) == NULL)
			fail_msg("%s: %s", refusals[i].name, request.log);
	}
}

static void
the_chroot_is_named(void **state)
{
	char chroot[] = "/srv/alice";

	(void)state;
	script("#!/usr/bin/nonexistent\n");
	request.pool.chroot = chroot;
	serve();
	assert_string_equal(request.log,
	    "/x.cgi: its interpreter /usr/bin/nonexistent is not there inside the chroot\n");
}

static void
places_are_checked(void **state)
{
	char link[300], folder[256];

	(void)state;
	script(TEXT "echo");
	snprintf(folder, sizeof folder, "%s/sub", fake_directory());
	assert_int_equal(mkdir(folder, 0755), 0);
	snprintf(link, sizeof link, "%s/link.cgi", folder);
	assert_int_equal(symlink(file, link), 0);
	fake_begin(&request, folder, "/link.cgi", link);
	serve();
	logged("outside of the document root");
	fake_begin(&request, fake_directory(), "/sub/link.cgi", link);
	serve();
	assert_int_equal(request.heads, 1);
	assert_string_equal(request.log, "");
	assert_int_equal(chmod(fake_directory(), 0777), 0);
	script(TEXT "echo");
	serve();
	assert_int_equal(chmod(fake_directory(), 0700), 0);
	logged("its directory may be written");
	fake_begin(&request, "/bin", "/sh", "/bin/sh");
	serve();
	if (geteuid() != 0)
		logged("belongs to another user");
	fake_begin(&request, fake_directory(), "/none", "/tmp/peruserd-none");
	serve();
	assert_true(fake_has_field(&request, "Status: 404 Not Found"));
}

static void
its_time_is_bounded(void **state)
{
	uint64_t began = clock_ms();

	(void)state;
	script(SHELL "sleep 30 & sleep 30");
	request.view.timeout_ms = 200;
	assert_int_equal(serve(), HANDLER_DONE);
	assert_true(fake_has_field(&request, "Status: 504 Gateway Timeout"));
	logged("ran longer than its time");
	script(SHELL "trap '' TERM; echo Status: 200; echo; echo begun; sleep 30; sleep 30");
	request.view.timeout_ms = 200;
	assert_int_equal(serve(), HANDLER_CUT);
	assert_string_equal(request.body, "begun\n");
	assert_true(clock_ms() - began < 10000);
}

static void
it_ends_when_the_client_leaves(void **state)
{
	uint64_t began = clock_ms();

	(void)state;
	script(SHELL "sleep 30");
	request.gone = true;
	serve();
	assert_true(clock_ms() - began < 5000);
}

static void
who_keeps_the_output_open_is_killed(void **state)
{
	unsigned tries;
	char mark[256];

	(void)state;
	script(TEXT "echo; echo ok; (sleep 0.3; echo >mark; echo late) &");
	serve();
	assert_string_equal(request.body, "ok\n");
	usleep(500000);
	snprintf(mark, sizeof mark, "%s/mark", fake_directory());
	assert_int_equal(access(mark, F_OK), -1);
	script(TEXT "echo; echo ok; (exec >&- 2>&-; echo >free; sleep 0.1; echo >mark) &\n"
	    "until [ -e free ]; do sleep 0.01; done");
	serve();
	for (tries = 0; tries < 100 && access(mark, F_OK) != 0; tries++)
		usleep(50000);
	assert_int_equal(access(mark, F_OK), 0);        /* who lets go of it lives on */
}

static void
error_lines_are_bounded(void **state)
{
	(void)state;
	script(TEXT "echo; { printf 'a\\000b\\r\\n\\n'; printf '%01500d\\nlast' 7; } >&2");
	serve();
	assert_int_equal(strncmp(request.log, "/x.cgi: a?b\n/x.cgi: 000", 23), 0);
	logged("07\n/x.cgi: last\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_answers),
		cmocka_unit_test(its_environment_is_the_requests),
		cmocka_unit_test(its_arguments_are_an_indexed_querys),
		cmocka_unit_test(a_large_body_comes_back),
		cmocka_unit_test(a_body_may_be_ignored),
		cmocka_unit_test(a_head_request_gets_no_body),
		cmocka_unit_test(output_streams),
		cmocka_unit_test(a_closed_output_frees_the_client),
		cmocka_unit_test(redirects_are_told_apart),
		cmocka_unit_test(a_status_line_becomes_a_field),
		cmocka_unit_test(what_fails_is_explained),
		cmocka_unit_test(the_chroot_is_named),
		cmocka_unit_test(places_are_checked),
		cmocka_unit_test(its_time_is_bounded),
		cmocka_unit_test(it_ends_when_the_client_leaves),
		cmocka_unit_test(who_keeps_the_output_open_is_killed),
		cmocka_unit_test(error_lines_are_bounded),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
