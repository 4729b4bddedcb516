/*
 * Paths: decoded once, normalised, refused where they would leave the root
 * (RFC 3986, 5.2.4).
 */
#ifndef PERUSERD_HTTP_URI_H
#define PERUSERD_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decode and normalise an absolute path into out (size bytes, terminated):
 * percent-decoding ("%2F" is a '/'), "//" to "/", "." and ".." removed.  Returns
 * 0, or the status to answer: 400 for a bad escape, an encoded NUL or other
 * control character, or a way above the root; 414 where it does not fit.
 * path and out don't overlap.
 */
int uri_path(const char *path, size_t len, char *out, size_t size, size_t *out_len);

/*
 * Percent-encode a decoded path for a Location field.  False where it does
 * not fit; out is terminated.
 */
bool uri_encode_path(const char *path, size_t len, char *out, size_t size);

#endif
