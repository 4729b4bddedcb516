#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctl/ask.h"
#include "ctl/look.h"

bool
look(const char *socket_path, struct view *view, bool *counted, struct fault *fault)
{
	struct buf answer = BUF(ASK_ANSWER_MAX);
	struct board *board = NULL;
	bool seen;
	int fd;

	memset(view, 0, sizeof *view);
	seen = ask(socket_path, "status\n", &answer, &fd, fault) &&
	    view_parse(view, answer.data, answer.len, fault);
	if (seen && fd >= 0)
		board = board_map(fd, false);
	if (seen)
		view_add_board(view, board, clock_ms());
	else
		view_end(view);
	*counted = board != NULL;
	board_unmap(&board);
	fd_close(&fd);
	buf_free(&answer);
	return seen;
}
