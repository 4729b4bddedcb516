#include "handlers/php_parts.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * The functions that run now, seen from a thread beside them or from a signal
 * handler, while PHP may be changing any of it.  So nothing of PHP's is
 * followed by a plain pointer: each piece is copied by process_vm_readv of our
 * own memory, which fails where there is none, and is used as a copy.  Frames,
 * names and lengths are bounded; a torn chain gives a short or a wrong trace,
 * never a crash.
 */
#define FRAMES    24
#define NAME_MOST 160

struct text {
	char *at;
	size_t left;
};

static bool
peek(void *to, const void *from, size_t len)
{
	struct iovec here = { to, len };
	struct iovec there;

	memcpy(&there.iov_base, &from, sizeof from);
	there.iov_len = len;
	return from != NULL && process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len;
}

static void
put(struct text *text, const char *bytes, size_t len)
{
	if (len > text->left)
		len = text->left;
	memcpy(text->at, bytes, len);
	text->at += len;
	text->left -= len;
}

static void
put_str(struct text *text, const char *bytes)
{
	put(text, bytes, strlen(bytes));
}

static void
put_number(struct text *text, unsigned long number)
{
	char digits[24];
	size_t first = sizeof digits;

	do
		digits[--first] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put(text, digits + first, sizeof digits - first);
}

/* A zend_string, cut; a line of ours stays one line. */
static bool
put_name(struct text *text, const zend_string *name)
{
	char bytes[NAME_MOST];
	zend_string head;
	size_t len, i;

	if (!peek(&head, name, offsetof(zend_string, val)))
		return false;
	len = ZSTR_LEN(&head) < sizeof bytes ? ZSTR_LEN(&head) : sizeof bytes;
	if (len == 0 || !peek(bytes, ZSTR_VAL(name), len))
		return false;
	for (i = 0; i < len; i++)
		if ((unsigned char)bytes[i] < 0x20)
			bytes[i] = '?';
	put(text, bytes, len);
	return true;
}

/* "Class::method()", "function()"; a file's own code has no name. */
static void
put_function(struct text *text, const zend_function *function, bool outermost)
{
	zend_class_entry class;

	if (function->common.function_name == NULL) {
		put_str(text, outermost ? "{main}" : "{include}");
		return;
	}
	if (function->common.scope != NULL && peek(&class, function->common.scope,
	    offsetof(zend_class_entry, name) + sizeof class.name) &&
	    put_name(text, class.name))
		put_str(text, "::");
	if (put_name(text, function->common.function_name))
		put_str(text, "()");
	else
		put_str(text, "?()");
}

static void
put_place(struct text *text, const zend_execute_data *frame, const zend_function *function)
{
	zend_op opline;

	put_str(text, " ");
	if (!put_name(text, function->op_array.filename))
		put_str(text, "?");
	if (!peek(&opline, frame->opline, sizeof opline))
		return;
	put_str(text, ":");
	put_number(text, opline.lineno);
}

static void
put_frame(struct text *text, unsigned number, const zend_execute_data *frame)
{
	zend_function function;

	put_str(text, "#");
	put_number(text, number);
	put_str(text, " ");
	memset(&function, 0, sizeof function);
	if (!peek(&function, frame->func, sizeof function.common)) {
		put_str(text, "?\n");
		return;
	}
	put_function(text, &function, frame->prev_execute_data == NULL);
	if (ZEND_USER_CODE(function.type) &&
	    peek(&function.op_array, frame->func, sizeof function.op_array))
		put_place(text, frame, &function);
	put_str(text, "\n");
}

size_t
php_backtrace(char *out, size_t size)
{
	struct text text = { out, size };
	const zend_execute_data *at;
	zend_execute_data frame;
	unsigned number;

	if (!peek(&at, &EG(current_execute_data), sizeof at))
		return 0;
	for (number = 0; number < FRAMES && peek(&frame, at, sizeof frame); at = frame.prev_execute_data)
		/* A call that is being made has no function yet; dummies have none at all. */
		if (frame.func != NULL)
			put_frame(&text, number++, &frame);
	if (at != NULL && number == FRAMES)
		put_str(&text, "and more\n");
	return size - text.left;
}
