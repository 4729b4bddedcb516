#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "handlers/conditions.h"
#include "http/date.h"

static const struct {
	const char *name;
	size_t at;
} fields[] = {
	{ "HTTP_IF_MATCH",            offsetof(struct conditions, if_match) },
	{ "HTTP_IF_NONE_MATCH",       offsetof(struct conditions, if_none_match) },
	{ "HTTP_IF_MODIFIED_SINCE",   offsetof(struct conditions, if_modified_since) },
	{ "HTTP_IF_UNMODIFIED_SINCE", offsetof(struct conditions, if_unmodified_since) },
	{ "HTTP_IF_RANGE",            offsetof(struct conditions, if_range) },
	{ "HTTP_RANGE",               offsetof(struct conditions, range) },
};

#define FIELDS (sizeof fields / sizeof fields[0])

/* One walk over the variables, not one for each field. */
void
conditions_find(const struct nv *vars, struct conditions *conditions)
{
	struct nv_pair pair;
	struct slice *slice;
	size_t at = 0, i;

	memset(conditions, 0, sizeof *conditions);
	while (nv_next(vars, &at, &pair) == NV_PAIR) {
		if (pair.name_len < sizeof "HTTP_R" ||
		    (pair.name[5] != 'I' && pair.name[5] != 'R'))
			continue;
		for (i = 0; i < FIELDS; i++) {
			if (!str_is(pair.name, pair.name_len, fields[i].name))
				continue;
			slice = (struct slice *)(void *)((char *)conditions + fields[i].at);
			slice->at = pair.value;
			slice->len = pair.value_len;
		}
	}
}

bool
conditions_any(const struct conditions *is)
{
	return is->if_match.at != NULL || is->if_none_match.at != NULL ||
	    is->if_modified_since.at != NULL || is->if_unmodified_since.at != NULL ||
	    is->if_range.at != NULL || is->range.at != NULL;
}

static bool
slices_equal(const char *a, size_t a_len, struct slice b)
{
	return a_len == b.len && memcmp(a, b.at, a_len) == 0;
}

/*
 * Is our tag in that list, or the list "*"?  Ours is strong: with `strong` a
 * weak one ("W/") never matches, else by its opaque part (RFC 9110, 8.8.3.2).
 */
static bool
list_has(struct slice list, struct slice etag, bool strong)
{
	const char *at = list.at, *end = list.at + list.len, *close;
	bool weak;

	if (list.len == 1 && at[0] == '*')
		return true;
	while (at < end) {
		if (*at == ' ' || *at == '\t' || *at == ',') {
			at++;
			continue;
		}
		weak = end - at > 2 && at[0] == 'W' && at[1] == '/';
		if (weak)
			at += 2;
		close = *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
		if (close == NULL)
			return false;
		if (!(strong && weak) && slices_equal(at, (size_t)(close + 1 - at), etag))
			return true;
		at = close + 1;
	}
	return false;
}

/* Not modified since that date?  `unknown` where it is no date: the field is ignored then. */
static bool
unmodified_since(struct slice field, time_t modified, bool unknown)
{
	time_t when;

	if (!date_read(field.at, field.len, &when))
		return unknown;
	return modified <= when;
}

int
conditions_status(const struct conditions *conditions, const struct validators *is)
{
	if (conditions->if_match.at != NULL) {
		if (!list_has(conditions->if_match, is->etag, true))
			return 412;
	} else if (conditions->if_unmodified_since.at != NULL) {
		if (!unmodified_since(conditions->if_unmodified_since, is->modified, true))
			return 412;
	}
	if (conditions->if_none_match.at != NULL)
		return list_has(conditions->if_none_match, is->etag, false) ? 304 : 0;
	if (conditions->if_modified_since.at != NULL &&
	    unmodified_since(conditions->if_modified_since, is->modified, false))
		return 304;
	return 0;
}

bool
conditions_allow_range(const struct conditions *conditions, const struct validators *is)
{
	struct slice field = conditions->if_range;
	time_t when;

	if (field.at == NULL)
		return true;
	if (field.len > 0 && field.at[0] == '"')
		return slices_equal(field.at, field.len, is->etag);
	return date_read(field.at, field.len, &when) && when == is->modified;
}
