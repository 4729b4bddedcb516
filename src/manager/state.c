#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <peruserd/board.h>
#include <peruserd/envelope.h>
#include <peruserd/message.h>

#include "base/str.h"
#include "manager/state.h"
#include "wire/record.h"

/*
 * What a successor relies on beside the tables.  When one of these changes, so
 * must the version below that it is about.
 */
static_assert(MESSAGE_MAGIC == 0x50524d31u && BOARD_MAGIC == 0x50524233u,
    "state_version: the former multiplexers and zygotes are spoken with");
static_assert(ENVELOPE_MAGIC == 0x50524531u && COMPLETION_MAGIC == 0x50524331u,
    "state_processors: the former zygotes' processors are used");

const char state_version[] = "PERUSERD-STATE-1";
const char state_processors[] = "PERUSERD-PROCESSORS-1";

enum field_kind { FIELD_NUMBER, FIELD_TEXT, FIELD_FD };

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
};

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* The tables of state.h, once more as tables. */
#define N(name) { #name, FIELD_NUMBER, offsetof(THE_STRUCT, name) },
#define T(name) { #name, FIELD_TEXT, offsetof(THE_STRUCT, name) },
#define F(name) { #name, FIELD_FD, offsetof(THE_STRUCT, name) },
#define THE_STRUCT struct state_head
static const struct field head_fields[] = { STATE_HEAD(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_settings
static const struct field settings_fields[] = { STATE_SETTINGS(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_listener
static const struct field listener_fields[] = { STATE_LISTENER(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_log
static const struct field log_fields[] = { STATE_LOG(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_multiplexer
static const struct field multiplexer_fields[] = { STATE_MULTIPLEXER(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_pool
static const struct field pool_fields[] = { STATE_POOL(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_zygote
static const struct field zygote_fields[] = { STATE_ZYGOTE(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_slot
static const struct field slot_fields[] = { STATE_SLOT(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_queued
static const struct field queued_fields[] = { STATE_QUEUED(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_asker
static const struct field asker_fields[] = { STATE_ASKER(N, T, F) };
#undef THE_STRUCT
#define THE_STRUCT struct state_stray
static const struct field stray_fields[] = { STATE_STRAY(N, T, F) };
#undef THE_STRUCT

static const struct kind {
	const char *name;
	size_t size;
	const struct field *fields;
	size_t count;
} kinds[STATE_KIND_COUNT] = {
#define K(upper, lower)                                                         \
	[STATE_OF_##upper] = { #lower, sizeof(struct state_##lower),            \
	    lower##_fields, COUNT(lower##_fields) },
	STATE_KINDS(K)
#undef K
};

/* ---- things */

size_t
state_count(const struct state *state, enum state_kind kind)
{
	return state->lists[kind].count;
}

void *
state_at(const struct state *state, enum state_kind kind, size_t at)
{
	return (char *)state->lists[kind].at + at * kinds[kind].size;
}

void *
state_add(struct state *state, enum state_kind kind)
{
	struct state_list *list = &state->lists[kind];
	size_t i, size = kinds[kind].size;
	char *thing;

	/* Room doubles: it is full where the count is a power of two. */
	if ((list->count & (list->count - 1)) == 0) {
		void *grown = realloc(list->at, (list->count == 0 ? 1 : list->count * 2) * size);

		if (grown == NULL)
			return NULL;
		list->at = grown;
	}
	thing = (char *)list->at + list->count++ * size;
	memset(thing, 0, size);
	for (i = 0; i < kinds[kind].count; i++)
		if (kinds[kind].fields[i].kind == FIELD_FD)
			*(int *)(void *)(thing + kinds[kind].fields[i].offset) = -1;
	return thing;
}

static void
each_field(const struct state *state, enum field_kind which,
    void (*each)(void *context, void *field), void *context)
{
	const struct kind *kind;
	size_t i, j;

	for (kind = kinds; kind < kinds + STATE_KIND_COUNT; kind++)
		for (i = 0; i < state->lists[kind - kinds].count; i++)
			for (j = 0; j < kind->count; j++)
				if (kind->fields[j].kind == which)
					each(context, (char *)state->lists[kind - kinds].at +
					    i * kind->size + kind->fields[j].offset);
}

struct fd_call {
	void (*each)(void *context, int fd);
	void *context;
};

static void
call_with_fd(void *context, void *field)
{
	const struct fd_call *call = context;
	int fd = *(int *)field;

	if (fd >= 0)
		call->each(call->context, fd);
}

void
state_each_fd(const struct state *state, void (*each)(void *context, int fd), void *context)
{
	struct fd_call call = { each, context };

	each_field(state, FIELD_FD, call_with_fd, &call);
}

static void
free_text(void *context, void *field)
{
	(void)context;
	free(*(char **)field);
}

void
state_end(struct state *state)
{
	size_t i;

	each_field(state, FIELD_TEXT, free_text, NULL);
	for (i = 0; i < STATE_KIND_COUNT; i++)
		free(state->lists[i].at);
	memset(state, 0, sizeof *state);
}

/* ---- written */

static void
write_field(struct record_writer *writer, const struct field *field, const char *thing)
{
	const void *at = thing + field->offset;

	switch (field->kind) {
	case FIELD_NUMBER:
		if (*(const uint64_t *)at != 0)
			record_number(writer, field->key, *(const uint64_t *)at);
		break;
	case FIELD_TEXT:
		if (*(char *const *)at != NULL)
			record_text(writer, field->key, *(char *const *)at);
		break;
	case FIELD_FD:
		if (*(const int *)at >= 0)
			record_number(writer, field->key, (uint64_t)*(const int *)at);
		break;
	}
}

static bool
write_thing(struct buf *to, const struct kind *kind, const char *thing)
{
	struct record_writer writer = { to, true };
	size_t before = to->len, i;

	record_begin(&writer, kind->name);
	for (i = 0; i < kind->count; i++)
		write_field(&writer, &kind->fields[i], thing);
	return record_end(&writer) && to->len - before <= RECORD_LINE;
}

bool
state_write(const struct state *state, struct buf *to)
{
	size_t kind, i;

	for (kind = 0; kind < STATE_KIND_COUNT; kind++)
		for (i = 0; i < state->lists[kind].count; i++)
			if (!write_thing(to, &kinds[kind], state_at(state, (enum state_kind)kind, i)))
				return false;
	/* So that one that was cut can be told from one that is whole. */
	return buf_add_str(to, "end\n");
}

/* ---- read */

static bool
read_field(const struct field *field, char *thing, const char *text)
{
	void *at = thing + field->offset;
	uint64_t value;

	if (field->kind == FIELD_TEXT) {
		if (*(char **)at != NULL)
			return false;
		*(char **)at = strdup(text);
		return *(char **)at != NULL;
	}
	if (!str_decimal(text, strlen(text), &value))
		return false;
	if (field->kind == FIELD_NUMBER)
		*(uint64_t *)at = value;
	else if (value > INT_MAX)
		return false;
	else
		*(int *)at = (int)value;
	return true;
}

static const struct field *
find_field(const struct kind *kind, const char *key)
{
	size_t i;

	for (i = 0; i < kind->count; i++)
		if (strcmp(kind->fields[i].key, key) == 0)
			return &kind->fields[i];
	return NULL;
}

/* Another version may have other words: it is told before any of them is wrong. */
static bool
check_version(const struct record *record, struct fault *fault)
{
	const char *version = record_get(record, "version");

	if (strcmp(record->kind, kinds[STATE_OF_HEAD].name) == 0 &&
	    strcmp(version, state_version) == 0)
		return true;
	return fault_set(fault, 0, "the state is of version \"%.40s\", this binary takes over "
	    "\"%s\": restart peruserd", version, state_version);
}

static bool
read_line(struct state *state, char *line, size_t number, struct fault *fault)
{
	const struct field *field;
	struct record record;
	char *thing = NULL;
	size_t kind;
	unsigned i;

	if (!record_parse(line, &record))
		return fault_set(fault, 0, "line %zu of the state makes no sense", number);
	if (number == 1 && !check_version(&record, fault))
		return false;
	for (kind = 0; kind < STATE_KIND_COUNT; kind++)
		if (strcmp(kinds[kind].name, record.kind) == 0)
			break;
	if (kind < STATE_KIND_COUNT && (kind == STATE_OF_HEAD) == (number == 1))
		thing = state_add(state, (enum state_kind)kind);
	for (i = 0; thing != NULL && i < record.count; i++) {
		field = find_field(&kinds[kind], record.fields[i].key);
		if (field == NULL || !read_field(field, thing, record.fields[i].value))
			thing = NULL;
	}
	return thing != NULL ||
	    fault_set(fault, 0, "line %zu of the state (%.40s) makes no sense", number,
	    record.kind);
}

bool
state_read(struct state *state, char *bytes, size_t len, struct fault *fault)
{
	char *line = bytes, *end;
	size_t number = 0;

	memset(state, 0, sizeof *state);
	while ((end = memchr(line, '\n', len)) != NULL) {
		*end = '\0';
		len -= (size_t)(end + 1 - line);
		if (strlen(line) != (size_t)(end - line) || end - line >= RECORD_LINE)
			return fault_set(fault, 0, "line %zu of the state makes no sense", number + 1);
		if (number > 0 && strcmp(line, "end") == 0)
			return len == 0 || fault_set(fault, 0, "the state goes on after its end");
		if (!read_line(state, line, ++number, fault))
			return false;
		line = end + 1;
	}
	return fault_set(fault, 0, "the state is not whole");
}
