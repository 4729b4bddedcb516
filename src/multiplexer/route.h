/*
 * Which pool gets a path, and for a FastCGI program or server what script that
 * is: by the vhost's handlers alone, for no file of a user is looked at here.
 * Pure: settings and text in, a decision out.
 *
 * Where the vhost's own pool has processors of ours, those get everything but
 * what a handler "fastcgi" covers:
 *   1. the longest prefix among all handlers decides first.  SCRIPT_NAME is the
 *      prefix, PATH_INFO the rest;
 *   2. then the first name in the path that ends in a handler's suffix.
 *      SCRIPT_NAME ends there, the rest is PATH_INFO.
 * What is only found by looking (index files, the fallback) a processor of ours
 * hands back, and it is routed again.  A name with a leading dot is its to judge too.
 *
 * Where the vhost's own pool is a program or servers, there is nobody to look:
 *   3. without handlers the whole path is PATH_INFO of an application at "";
 *   4. with handlers, 1 and 2; for a path that ends in "/" the first of `index`
 *      that they cover; then the fallback, if they cover that; else 404.
 */
#ifndef PERUSERD_MULTIPLEXER_ROUTE_H
#define PERUSERD_MULTIPLEXER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

#define ROUTE_SCRIPT 4096

struct route {
	uint32_t pool;                  /* index into settings.pools */
	int status;                     /* 0, or what to answer; then nothing else counts */
	bool script;                    /* a FastCGI program's: what follows */
	char script_name[ROUTE_SCRIPT];
	const char *path_info;          /* terminated; into the path, or "" */
};

/* The path is decoded, normalised, terminated, and lives as long as *to is used. */
void route_find(const struct settings *settings, const struct vhost_settings *vhost,
    const char *path, struct route *to);

/* True if processors of ours may hand requests of that vhost back for another pool. */
bool route_passes(const struct vhost_settings *vhost);

#endif
