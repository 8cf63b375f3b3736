/* Identical readings made once. */
#include "api/readings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS    256
#define BODY_MAX   ((size_t)32 * 1024 * 1024) /* the longest answer there is */
#define TRIES      2                          /* failed readings in a row until those who waited are told */
#define REASON_MAX 256

/* A reading and how it ended; as many references as people who look at it. */
struct result {
	struct reading reading;
	unsigned refs;
	int code;
	int64_t retry_after_ms;
	char why[REASON_MAX];
};

/* Those who ask for one key. It exists while somebody reads, or has been woken to read. */
struct line {
	struct readings *readings;
	struct line *next;
	uint64_t hash;
	struct member *asked, **asked_end;   /* for the next reading */
	struct member *served, **served_end; /* by the one under way: they asked before it began */
	unsigned failures;                   /* readings in a row */
	size_t key_n;
	char key[];
};

struct member {
	struct wait wait; /* first: a wait is its member */
	struct line *line;
	struct member *next, ***end, **at; /* in one of the line's two lists */
	struct result *result;
	bool leads; /* woken to make the next reading */
};

struct readings {
	struct line *buckets[BUCKETS];
};

/* ---- results ---- */

static struct result *result_new(void)
{
	struct result *result = calloc(1, sizeof(*result));

	if (!result)
		abort();
	buf_init(&result->reading.body, BODY_MAX);
	result->refs = 1;
	return result;
}

static void result_unref(void *arg)
{
	struct result *result = arg;

	if (!result || --result->refs)
		return;
	buf_done(&result->reading.body);
	free(result);
}

/* ---- members ---- */

static void list_add(struct member ***end, struct member *member)
{
	member->next = NULL;
	member->end = end;
	member->at = *end;
	**end = member;
	*end = &member->next;
}

static void list_remove(struct member *member)
{
	*member->at = member->next;
	if (member->next)
		member->next->at = member->at;
	else
		*member->end = member->at;
}

static void free_member(struct wait *wait)
{
	struct member *member = (struct member *)(void *)wait;

	result_unref(member->result);
	free(member);
}

static void pass_on(struct line *line);

/* He leaves without his answer: off the list; or he was to read, and another must. */
static void on_leave(struct wait *wait)
{
	struct member *member = (struct member *)(void *)wait;

	if (!wait->done) {
		list_remove(member);
		wait_complete(wait, E_CANCELLED);
	} else if (member->leads) {
		pass_on(member->line);
	}
}

_Static_assert(offsetof(struct member, wait) == 0, "a wait is its member");

static struct member *member_new(struct line *line)
{
	struct member *member = calloc(1, sizeof(*member));

	if (!member)
		abort();
	wait_init(&member->wait, free_member);
	member->wait.on_leave = on_leave;
	member->line = line;
	list_add(&line->asked_end, member);
	return member;
}

/* ---- lines ---- */

static struct line *find_line(const struct readings *readings, struct str key, uint64_t hash)
{
	struct line *line = readings->buckets[hash % BUCKETS];

	while (line && !(line->hash == hash && str_eq((struct str){ line->key, line->key_n }, key)))
		line = line->next;
	return line;
}

static struct line *add_line(struct readings *readings, struct str key, uint64_t hash)
{
	struct line *line = calloc(1, sizeof(*line) + key.n);

	if (!line)
		abort();
	line->readings = readings;
	line->hash = hash;
	line->asked_end = &line->asked;
	line->served_end = &line->served;
	line->key_n = key.n;
	memcpy(line->key, key.p, key.n);
	line->next = readings->buckets[hash % BUCKETS];
	readings->buckets[hash % BUCKETS] = line;
	return line;
}

static void remove_line(struct line *line)
{
	struct line **at = &line->readings->buckets[line->hash % BUCKETS];

	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
	free(line);
}

/* The one who asked first makes the next reading; with nobody there the line ends. */
static void pass_on(struct line *line)
{
	struct member *member = line->asked;

	if (!member) {
		remove_line(line);
		return;
	}
	list_remove(member);
	member->leads = true;
	wait_complete(&member->wait, OK);
}

/* ---- reading ---- */

static void serve(struct line *line, struct result *result)
{
	struct member *member;

	while ((member = line->served)) {
		list_remove(member);
		member->result = result;
		result->refs++;
		wait_complete(&member->wait, OK);
	}
}

/* Those who waited for a reading that came to nothing stand first in the line for the next. */
static void serve_later(struct line *line)
{
	struct member *later = line->asked, *member;

	line->asked = NULL;
	line->asked_end = &line->asked;
	while ((member = line->served)) {
		list_remove(member);
		list_add(&line->asked_end, member);
	}
	while ((member = later)) {
		later = member->next;
		list_add(&line->asked_end, member);
	}
}

static void begin(struct line *line)
{
	struct member *member;

	assert(!line->served);
	while ((member = line->asked)) {
		list_remove(member);
		list_add(&line->served_end, member);
	}
}

static void end(struct call *call, struct line *line, struct result *result, int code)
{
	bool gave_up = code != OK && (call_cancelled(call) || call_left_ms(call) == 0);

	if (code == OK)
		line->failures = 0;
	else if (!gave_up)
		line->failures++;
	if (code == OK || (!gave_up && line->failures >= TRIES)) {
		result->code = code;
		result->retry_after_ms = call->retry_after_ms;
		if (code != OK)
			snprintf(result->why, sizeof(result->why), "%s", call->why);
		serve(line, result);
	} else {
		serve_later(line);
	}
	pass_on(line);
}

static int lead(struct call *call, struct line *line, reading_fn *read, void *arg, const struct reading **ret)
{
	struct result *result = result_new();
	int r;

	arena_defer(call->arena, result_unref, result);
	(void)fiber_yield(call); /* who has asked in this turn of the loop too is served: all came in one go */
	begin(line);
	r = read(call, arg, &result->reading);
	end(call, line, result, r);
	if (r == OK)
		*ret = &result->reading;
	return r;
}

/* What another one's reading found. */
static int follow(struct call *call, struct member *member, const struct reading **ret)
{
	struct result *result = member->result;

	result->refs++;
	arena_defer(call->arena, result_unref, result);
	if (result->code != OK) {
		call->retry_after_ms = result->retry_after_ms;
		return call_fail(call, result->code, "%s", result->why);
	}
	*ret = &result->reading;
	return OK;
}

/* ---- public ---- */

struct readings *readings_new(void)
{
	struct readings *readings = calloc(1, sizeof(*readings));

	if (!readings)
		abort();
	return readings;
}

struct readings *readings_free(struct readings *readings)
{
	for (size_t i = 0; readings && i < BUCKETS; i++)
		assert(!readings->buckets[i]);
	free(readings);
	return NULL;
}

int readings_join(struct call *call, struct readings *readings, struct str key, reading_fn *read, void *arg,
		  const struct reading **ret)
{
	uint64_t hash = str_hash(key);
	struct line *line = find_line(readings, key, hash);
	struct member *member;
	int r;

	if (!line)
		return lead(call, add_line(readings, key, hash), read, arg, ret);
	member = member_new(line);
	r = await(call, &member->wait, -1);
	if (r == OK)
		r = member->leads ? lead(call, line, read, arg, ret) : follow(call, member, ret);
	wait_unref(&member->wait);
	return r;
}
