/*
 * One line to descriptor 2: time, level, role and pid, text.  For the three
 * programs; libraries report through struct fault and never log.
 *
 *   2026-01-31T12:00:00.123Z error manager[12]: text
 */
#ifndef PERUSERD_BASE_LOG_H
#define PERUSERD_BASE_LOG_H

#include <stdarg.h>
#include <stddef.h>

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_NOTICE, LEVEL_WARNING, LEVEL_ERROR };

#define LOG_LINE_MAX 4096       /* bytes of a line; a longer one is cut */

/* Name the role ("manager") and the least level that is written. */
void log_open(const char *role, enum log_level least);

/* Write one line.  Control characters in it are escaped.  errno is kept. */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_debug(...)   log_line(LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)    log_line(LEVEL_INFO, __VA_ARGS__)
#define log_notice(...)  log_line(LEVEL_NOTICE, __VA_ARGS__)
#define log_warning(...) log_line(LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_line(LEVEL_ERROR, __VA_ARGS__)

/* "error" for LEVEL_ERROR, and back; -1 for a word that is none. */
const char *log_level_name(enum log_level level);
int log_level_find(const char *name);

/*
 * Format a line as log_line does into out (LOG_LINE_MAX bytes), newline
 * included, and return its length.  `who` stands where role and pid stand.
 */
size_t log_format(char out[LOG_LINE_MAX], enum log_level level, const char *who,
    const char *text, size_t text_len);

/*
 * Copy text so that it can stand in a log: control characters, quotes where
 * `quote` is true, backslashes and bytes above 0x7e as \xHH.  Cut to fit, always
 * terminated.  Returns the length written.
 */
size_t log_escape(char *out, size_t size, const char *text, size_t len, int quote);

#endif
