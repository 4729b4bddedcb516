/* HTTP dates (RFC 9110, 5.6.7). */
#ifndef PERUSERD_HTTP_DATE_H
#define PERUSERD_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define DATE_LEN 29     /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Write the preferred form, terminated. */
void date_write(char out[DATE_LEN + 1], time_t when);

/* Read any of the three forms.  False: not a date. */
bool date_read(const char *text, size_t len, time_t *when);

#endif
