#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "multiplexer/front_status.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "status/metrics.h"
#include "status/page.h"
#include "status/show.h"

#define ANSWER_MOST  (64u << 20)
#define FRESH_MS     250                /* the manager is asked no oftener */
#define PATIENCE_MS  2000               /* for its answer */
#define INLINE_MOST  (32u * 1024)       /* a longer body goes out of a memfd */
#define ALLOW        "Allow: GET, HEAD\r\n"

#define SAFETY "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" \
	"Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"

/* ---- answers */

/* A CGI head and a body.  out is emptied. */
static void
give(struct conn *conn, const char *type, const char *fields, struct buf *body)
{
	struct buf out = BUF(ANSWER_MOST);
	bool made = buf_printf(&out, "Content-Type: %s\r\n" SAFETY "%s\r\n", type, fields);
	int file = -1;

	if (made && body->len > INLINE_MOST)
		file = fd_sealed("status", body->data, body->len);
	else
		made = made && buf_add(&out, body->data, body->len);
	if (!made || (body->len > INLINE_MOST && file < 0))
		respond_own(conn, 503, NULL);
	else if (file >= 0)
		respond_file(conn, out.data, out.len, file, body->len);
	else
		respond_inline(conn, out.data, out.len, false);
	buf_free(&out);
	buf_free(body);
}

static void
give_page(struct conn *conn)
{
	struct buf page = BUF(ANSWER_MOST), policy = BUF(4096);
	char nonce[PAGE_NONCE];

	snprintf(nonce, sizeof nonce, "%016llx%016llx",
	    (unsigned long long)multiplexer_nonce(conn->mux),
	    (unsigned long long)multiplexer_nonce(conn->mux));
	if (page_write(nonce, &page) && page_policy(nonce, &policy) && buf_add(&policy, "", 1))
		give(conn, "text/html; charset=utf-8", policy.data, &page);
	else
		respond_own(conn, 503, NULL);
	buf_free(&page);
	buf_free(&policy);
}

/* Of the board alone: it is asked often. */
static void
give_health(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;
	struct buf text = BUF(256);
	uint32_t i, failed = 0;

	for (i = 0; i < mux->board->pool_count; i++)
		failed += atomic_load_explicit(&board_pool(mux->board, i)->state,
		    memory_order_relaxed) == POOL_FAILED;
	if (buf_printf(&text, "%s\npools failed: %u of %u\n",
	    mux->stopping ? "stopping" : "ok", failed,
	    mux->tables->settings->pool_count))
		give(conn, "text/plain", mux->stopping ? "Status: 503\r\n" : "", &text);
	else
		respond_own(conn, 503, NULL);
}

static bool
make_view(struct multiplexer *mux, struct view *view, bool active)
{
	struct status_desk *desk = &mux->desk;
	uint64_t now = multiplexer_ms(mux);
	struct buf copy = BUF(ANSWER_MOST);
	struct fault fault;
	bool made;

	memset(view, 0, sizeof *view);
	if (desk->said_ms == 0 || !buf_add(&copy, desk->said.data, desk->said.len))
		return false;
	made = view_parse(view, copy.data, copy.len, &fault);
	buf_free(&copy);
	if (!made) {
		logs_complain(mux, "the manager's status can't be read: %s", fault.text);
		return false;
	}
	view_add_board(view, mux->board, now);
	view->active_only = active;
	view->server.said_ms = now - desk->said_ms;
	return true;
}

static const struct {
	const char *type;
	bool (*write)(const struct view *view, struct buf *out);
	bool active;
} forms[] = {
	[STATUS_JSON] = { "application/json", show_json, false },
	[STATUS_JSON_ACTIVE] = { "application/json", show_json, true },
	[STATUS_METRICS] = { METRICS_TYPE, metrics_write, false },
};

static void
give_view(struct conn *conn)
{
	enum status_form form = conn->status_form;
	struct buf body = BUF(ANSWER_MOST);
	struct view view;

	if (make_view(conn->mux, &view, forms[form].active) && forms[form].write(&view, &body))
		give(conn, forms[form].type, "", &body);
	else
		respond_own(conn, 503, "Retry-After: 1\r\n");
	view_end(&view);
	buf_free(&body);
}

/* ---- the manager's word */

static void
ask(struct multiplexer *mux)
{
	struct message message = { 0 };
	uint64_t now = multiplexer_ms(mux);

	/* A question that was lost must not be the last one. */
	if (mux->desk.asked_ms != 0 && now - mux->desk.asked_ms < PATIENCE_MS)
		return;
	mux->desk.asked_ms = now;
	multiplexer_tell(mux, &message, MESSAGE_WANT_STATUS);
}

static void
wait_for_manager(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;

	conn->state = CONN_ASKING;
	TAILQ_INSERT_TAIL(&mux->desk.waiting, conn, link);
	conn_timeout(conn, PATIENCE_MS);
	ask(mux);
}

void
front_status_forget(struct conn *conn)
{
	TAILQ_REMOVE(&conn->mux->desk.waiting, conn, link);
	conn->state = CONN_SENDING;
}

void
front_status_late(struct conn *conn)
{
	front_status_forget(conn);
	give_view(conn);
}

static bool
read_said(struct multiplexer *mux, int fd)
{
	struct buf *said = &mux->desk.said;
	struct stat st;
	ssize_t got;

	buf_free(said);
	if (fstat(fd, &st) != 0 || st.st_size <= 0 || !buf_reserve(said, (size_t)st.st_size))
		return false;
	got = pread(fd, said->data, (size_t)st.st_size, 0);
	said->len = got > 0 ? (size_t)got : 0;
	return got == (ssize_t)st.st_size;
}

void
front_status_said(struct multiplexer *mux, int fd)
{
	struct status_desk *desk = &mux->desk;
	struct conn *conn, *last = TAILQ_LAST(&desk->waiting, conn_list);

	desk->said_ms = read_said(mux, fd) ? multiplexer_ms(mux) : 0;
	desk->asked_ms = 0;
	fd_close(&fd);
	while (last != NULL && (conn = TAILQ_FIRST(&desk->waiting)) != NULL) {
		if (conn == last)
			last = NULL;
		front_status_forget(conn);
		give_view(conn);
	}
}

void
front_status_begin(struct multiplexer *mux)
{
	TAILQ_INIT(&mux->desk.waiting);
	mux->desk.said.max = ANSWER_MOST;
}

void
front_status_end(struct multiplexer *mux)
{
	buf_free(&mux->desk.said);
}

/* ---- requests */

/*
 * A page of a stranger that has his name point here could read everything, with
 * the operator's browser for a bridge: it can't say an address, or our name.
 */
static bool
may_ask_by(const struct conn *conn, struct slice host)
{
	const struct string_list *hosts = &conn->listener->settings->hosts;
	unsigned char address[sizeof(struct in6_addr)];
	struct slice name;
	char text[128];
	unsigned port;
	size_t i;

	if (host.at == NULL || host.len == 0 || !conn->listener->tcp)
		return true;
	if (!head_split_host(host, &name, &port) || name.len >= sizeof text)
		return false;
	memcpy(text, name.at, name.len);
	text[name.len] = '\0';
	if (text[0] == '[' || inet_pton(AF_INET, text, address) == 1 ||
	    inet_pton(AF_INET6, text, address) == 1)
		return true;
	for (i = 0; i < hosts->count; i++)
		if (str_is_nocase(name.at, name.len, hosts->at[i]))
			return true;
	return str_is_nocase(name.at, name.len, "localhost");
}

static const struct {
	const char *path;
	enum status_form form;
} paths[] = {
	{ "/", STATUS_PAGE },
	{ "/status", STATUS_PAGE },
	{ "/status.json", STATUS_JSON },
	{ "/metrics", STATUS_METRICS },
	{ "/health", STATUS_HEALTH },
};

int
front_status_judge(struct conn *conn, const struct head *head)
{
	size_t i;

	conn->keep_alive = head->keep_alive;
	if (head->chunked || head->content_length > 0)
		return 413;
	if (!may_ask_by(conn, head->host))
		return 421;
	if (!str_is(head->method.at, head->method.len, "GET") && !conn->head_only)
		return 405;
	for (i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (str_is(head->path.at, head->path.len, paths[i].path)) {
			conn->status_form = paths[i].form;
			if (paths[i].form == STATUS_JSON &&
			    str_is(head->query.at, head->query.len, "active"))
				conn->status_form = STATUS_JSON_ACTIVE;
			return 0;
		}
	return 404;
}

void
front_status_answer(struct conn *conn, int status)
{
	const struct status_desk *desk = &conn->mux->desk;
	uint64_t now = multiplexer_ms(conn->mux);

	timeouts_clear(&conn->timeout);
	if (status == 413)
		request_refuse(conn, status);
	else if (status != 0)
		respond_own(conn, status, status == 405 ? ALLOW : NULL);
	else if (conn->status_form == STATUS_PAGE)
		give_page(conn);
	else if (conn->status_form == STATUS_HEALTH)
		give_health(conn);
	else if (desk->said_ms != 0 && now - desk->said_ms < FRESH_MS)
		give_view(conn);
	else
		wait_for_manager(conn);
}
