#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"

int
fault_set(struct fault *fault, int error, const char *format, ...)
{
	va_list args;
	size_t len;

	fault->error = error;
	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	if (error != 0) {
		len = strlen(fault->text);
		snprintf(fault->text + len, sizeof fault->text - len, ": %s", strerror(error));
	}
	return 0;
}
