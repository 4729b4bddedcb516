/* A processor's FastCGI connections: what libfcgi does, and what is done beside it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "processor/fcgx.h"
#include "wire/fcgi.h"
#include "wire/fcgi_taken.h"

static struct fcgx fcgx;
static struct sockaddr_un address;

static int
set_up(void **state)
{
	static char folder[] = "/tmp/peruserd-fcgx-XXXXXX";
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	memset(&fcgx, 0, sizeof fcgx);
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
	if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 8) != 0 || !fcgx_begin(&fcgx, listener))
		return -1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fd_close(&fcgx.request.ipcFd);
	fd_close(&fcgx.listener);
	unlink(address.sun_path);
	*strrchr(address.sun_path, '/') = '\0';
	return rmdir(address.sun_path);
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void
ask(int fd, const char *body)
{
	unsigned char bytes[1024], room[256];
	struct nv vars = { room, 0, sizeof room };
	size_t len = fcgi_write_begin(bytes, FCGI_REQUEST_ID, FCGI_ROLE_RESPONDER, FCGI_FLAG_KEEP);

	nv_put_str(&vars, "REQUEST_METHOD", "POST");
	nv_put_str(&vars, "PERUSERD_VHOST", "3");
	nv_put_str(&vars, "X", "a=b");
	len += fcgi_write_header(bytes + len, FCGI_TYPE_PARAMS, FCGI_REQUEST_ID, vars.len, 0);
	memcpy(bytes + len, room, vars.len);
	len += vars.len;
	len += fcgi_write_header(bytes + len, FCGI_TYPE_PARAMS, FCGI_REQUEST_ID, 0, 0);
	len += fcgi_write_header(bytes + len, FCGI_TYPE_STDIN, FCGI_REQUEST_ID, strlen(body), 0);
	memcpy(bytes + len, body, strlen(body));
	len += strlen(body);
	len += fcgi_write_header(bytes + len, FCGI_TYPE_STDIN, FCGI_REQUEST_ID, 0, 0);
	assert_int_equal(write(fd, bytes, len), len);
}

static char err[256];
static size_t err_len;

static void
tell(void *context, const char *bytes, size_t len)
{
	(void)context;
	memcpy(err + err_len, bytes, len);
	err_len += len;
}

/* What has been answered so far, without waiting. */
static struct fcgi_taken
hear(int fd, char *text, size_t size)
{
	struct fcgi_reader reader = { .in_record = false };
	struct fcgi_taken taken;
	ssize_t got = recv(fd, text, size, MSG_DONTWAIT);

	err_len = 0;
	assert_true(got > 0);
	fcgi_take(&reader, false, text, (size_t)got, &taken, tell, NULL);
	assert_null(taken.wrong);
	return taken;
}

static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
requests_one_after_another(void **state)
{
	unsigned char room[512];
	char text[1024], body[16];
	struct nv_pair pair;
	struct fcgx_ours ours;
	struct fcgi_taken taken;
	int fd = dial(), i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct nv vars = { room, 0, sizeof room };

		ask(fd, "the body");
		assert_true(fcgx_wait(&fcgx));
		assert_true(fcgx_vars(&fcgx, &vars, &ours));
		assert_int_equal(ours.vhost, 3);
		assert_false(ours.named);
		assert_true(nv_find(&vars, "X", &pair) && pair.value_len == 3);
		assert_false(nv_find(&vars, "PERUSERD_VHOST", &pair));
		assert_false(nv_find(&vars, "FCGI_ROLE", &pair));
		/* The last time its body is left unread, and does not spoil what follows. */
		if (i < 2) {
			assert_int_equal(fcgx_read(&fcgx, body, 3), 3);
			assert_memory_equal(body, "the", 3);
		}
		fcgx_log(&fcgx, 4, "one\ntwo", 7);
		assert_true(fcgx_write(&fcgx, "answer", 6));
		fcgx_end(&fcgx, i == 2 ? FCGI_OUR_LEAVING : 0);
		taken = hear(fd, text, sizeof text);
		assert_true(taken.ended && taken.whole && taken.answered);
		assert_int_equal(taken.app_status, i == 2 ? FCGI_OUR_LEAVING : 0);
		assert_int_equal(taken.len, 6);
		assert_int_equal(err_len, 10);
		assert_memory_equal(err, "4one\n4two\n", 10);
	}
	assert_false(is_closed(fd));
	close(fd);
}

static void
an_answer_before_the_end_of_the_work(void **state)
{
	struct fcgi_taken taken;
	char text[1024];
	int fd = dial();

	(void)state;
	ask(fd, "");
	assert_true(fcgx_wait(&fcgx));
	assert_true(fcgx_write(&fcgx, "some", 4));
	assert_true(fcgx_finish(&fcgx));
	taken = hear(fd, text, sizeof text);
	assert_true(taken.answered && !taken.ended);
	fcgx_end(&fcgx, 0);
	assert_true(hear(fd, text, sizeof text).ended);
	close(fd);
}

/* Its END says so, STDOUT has no end before it, and the connection goes. */
static void
an_answer_that_is_cut(void **state)
{
	struct fcgi_taken taken;
	char text[1024];
	int fd = dial();

	(void)state;
	ask(fd, "");
	assert_true(fcgx_wait(&fcgx));
	assert_true(fcgx_write(&fcgx, "some", 4));
	fcgx_end(&fcgx, FCGI_OUR_CUT);
	taken = hear(fd, text, sizeof text);
	assert_true(taken.ended && !taken.answered);
	assert_int_equal(taken.app_status, FCGI_OUR_CUT);
	assert_true(is_closed(fd));
	close(fd);
}

static void
a_reader_that_left(void **state)
{
	static char much[64 * 1024];
	int fd = dial();

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	ask(fd, "");
	assert_true(fcgx_wait(&fcgx));
	assert_false(fcgx_left(&fcgx));
	shutdown(fd, SHUT_RD);
	assert_true(fcgx_left(&fcgx));
	assert_false(fcgx_write(&fcgx, much, sizeof much));
	fcgx_end(&fcgx, 0);
	/* At once: a close of libfcgi's would have waited for us. */
	assert_int_equal(fcgx.request.ipcFd, -1);
	close(fd);
}

static void
connections_that_bring_nothing(void **state)
{
	int silent = dial(), garbage = dial(), fd;

	(void)state;
	close(silent);
	assert_int_equal(write(garbage, "HTTP/1.1 200 OK\r\n", 17), 17);
	fd = dial();
	ask(fd, "");
	assert_true(fcgx_wait(&fcgx));
	fcgx_end(&fcgx, 0);
	close(garbage);
	close(fd);
}

/* What has come is still served, then there is an end to it. */
static void
told_to_leave(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "");
	fcgx_leave(&fcgx);
	assert_true(fcgx_wait(&fcgx));
	fcgx_end(&fcgx, FCGI_OUR_LEAVING);
	assert_false(fcgx_wait(&fcgx));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_one_after_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_before_the_end_of_the_work, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_that_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reader_that_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connections_that_bring_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(told_to_leave, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
