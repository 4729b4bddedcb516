/*
 * The status page: page.html, which asks for status.json each second and shows
 * it.  It loads nothing else; its script and its style run by a nonce alone.
 */
#ifndef PERUSERD_STATUS_PAGE_H
#define PERUSERD_STATUS_PAGE_H

#include <stdbool.h>

#include "base/buf.h"

#define PAGE_NONCE 33           /* bytes of a nonce, terminator included */

/* nonce: letters and digits, new for each answer; the field below names the same one. */
bool page_write(const char nonce[PAGE_NONCE], struct buf *out);
bool page_policy(const char nonce[PAGE_NONCE], struct buf *out);

#endif
