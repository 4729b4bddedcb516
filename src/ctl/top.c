#include <string.h>

#include "base/clock.h"
#include "ctl/look.h"
#include "ctl/screen.h"
#include "ctl/top.h"

#define EVERY_MS 1000
#define OUT_MOST (1u << 20)

struct seen {
	struct view view;
	uint64_t at_ms;         /* 0: nothing */
};

static bool
draw(const struct seen *now, const struct seen *before, char order)
{
	struct top_frame frame = { .now = &now->view, .order = order };
	struct buf out = BUF(OUT_MOST);
	bool shown;

	if (before->at_ms != 0) {
		frame.before = &before->view;
		frame.seconds = (double)(now->at_ms - before->at_ms) / 1000;
	}
	screen_size(&frame.columns, &frame.rows);
	shown = top_draw(&frame, &out) && screen_show(&out);
	buf_free(&out);
	return shown;
}

static bool
look_again(const char *socket_path, struct seen *now, struct seen *before, struct fault *fault)
{
	struct seen next = { .at_ms = 0 };
	bool counted;

	if (!look(socket_path, &next.view, &counted, fault))
		return false;
	next.at_ms = clock_ms();
	view_end(&before->view);
	*before = *now;
	*now = next;
	return true;
}

/* What the keys ask for until the second is over.  False: to end. */
static bool
take_keys(const struct seen *now, const struct seen *before, char *order)
{
	uint64_t until = now->at_ms + EVERY_MS, at;
	int key;
	size_t i;

	while ((at = clock_ms()) < until) {
		key = screen_key((int)(until - at));
		if (key == 'q' || key == SCREEN_CLOSED)
			return false;
		if (key == ' ')
			return true;
		for (i = 0; i < top_order_count; i++)
			if (key == top_orders[i].key)
				*order = (char)key;
		if (!draw(now, before, *order))
			return false;
	}
	return true;
}

bool
top(const char *socket_path, struct fault *fault)
{
	struct seen now = { .at_ms = 0 }, before = { .at_ms = 0 };
	char order = top_orders[0].key;
	bool good;

	/* Once before the screen changes: an error is better read on the old one. */
	good = look_again(socket_path, &now, &before, fault) && screen_open(fault);
	while (good && draw(&now, &before, order) && take_keys(&now, &before, &order))
		good = look_again(socket_path, &now, &before, fault);
	screen_close();
	view_end(&now.view);
	view_end(&before.view);
	return good;
}
