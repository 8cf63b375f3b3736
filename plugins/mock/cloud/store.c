/* Deployments, and the journal that brings them back.
 *
 * Owns all deployments, for the life of the process.
 * Easy to break: the journal's line is written before anybody is told, so what was answered is never forgotten. A line
 * that was cut by a crash is the last one and is dropped. */
#include "cloud.h"

#include "base/clock.h"
#include "base/json_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKETS     8192
#define JOURNAL_MAX (256u * 1024 * 1024)
#define LINE_BYTES  (512 * 1024)
#define COUNTS_MAX  10000 /* rows of a statistic */

struct attempt {
	struct str id;
	unsigned creates;
	struct attempt *next;
};

struct store {
	struct arena *arena;
	struct deployment *all[DEPLOYMENTS_MAX];
	size_t n;
	struct deployment *by_id[BUCKETS];
	struct attempt *attempts[BUCKETS];
	int fd; /* journal; -1 = none */
};

static size_t bucket(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h % BUCKETS;
}

static struct deployment *add(struct store *store, const struct deployment *wanted)
{
	struct deployment *d;
	size_t at = bucket(str_of(wanted->id));

	if (store->n == DEPLOYMENTS_MAX)
		return NULL;
	d = arena_alloc(store->arena, sizeof(*d));
	*d = *wanted;
	struct str *const texts[] = { &d->attempt_id, &d->project, &d->project_id, &d->repo, &d->branch,
				      &d->sha,        &d->title,   &d->fault,      &d->env };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_str(store->arena, *texts[i]);
	d->same_id = store->by_id[at];
	store->by_id[at] = d;
	store->all[store->n++] = d;
	return d;
}

static void write_line(struct store *store, struct buf *line)
{
	buf_add_char(line, '\n');
	if (store->fd >= 0 && write(store->fd, line->p, line->n) != (ssize_t)line->n) {
		perror("opshub-mock-cloud: the journal cannot be written");
		exit(1);
	}
	buf_done(line);
}

static void write_event(struct store *store, const char *event, const struct deployment *d, int64_t at_ms)
{
	struct buf line;
	struct json_out out = JSON_OUT(&line);

	buf_init(&line, LINE_BYTES);
	json_open(&out, '{');
	json_put_text(&out, "event", str_of(event));
	json_put_text(&out, "id", str_of(d->id));
	json_put_int(&out, "at", at_ms);
	json_close(&out, '}');
	write_line(store, &line);
}

static void write_create(struct store *store, const struct deployment *d)
{
	struct buf line;
	struct json_out out = JSON_OUT(&line);

	buf_init(&line, LINE_BYTES);
	json_open(&out, '{');
	json_put_text(&out, "event", STR("create"));
	json_put_text(&out, "id", str_of(d->id));
	json_put_text(&out, "attemptId", d->attempt_id);
	json_put_text(&out, "project", d->project);
	json_put_text(&out, "projectId", d->project_id);
	json_put_text(&out, "repo", d->repo);
	json_put_text(&out, "branch", d->branch);
	json_put_text(&out, "sha", d->sha);
	json_put_text(&out, "title", d->title);
	json_put_text(&out, "fault", d->fault);
	json_put_text(&out, "env", d->env);
	json_put_int(&out, "prNumber", d->pr_number);
	json_put_int(&out, "createdMs", d->created_ms);
	json_put_int(&out, "buildMs", d->build_ms);
	json_put_bool(&out, "fails", d->fails);
	json_close(&out, '}');
	write_line(store, &line);
}

static struct str text_of(const struct json *event, const char *key)
{
	return json_text(json_get(event, key), STR(""));
}

static void replay_create(struct store *store, const struct json *event)
{
	struct deployment d = {
		.attempt_id = text_of(event, "attemptId"),
		.project = text_of(event, "project"),
		.project_id = text_of(event, "projectId"),
		.repo = text_of(event, "repo"),
		.branch = text_of(event, "branch"),
		.sha = text_of(event, "sha"),
		.title = text_of(event, "title"),
		.fault = text_of(event, "fault"),
		.env = text_of(event, "env"),
		.pr_number = json_int(json_get(event, "prNumber"), 0),
		.created_ms = json_int(json_get(event, "createdMs"), 0),
		.build_ms = json_int(json_get(event, "buildMs"), 0),
		.fails = json_bool(json_get(event, "fails"), false),
	};

	snprintf(d.id, sizeof(d.id), "%.*s", STR_FMT(text_of(event, "id")));
	add(store, &d);
	store_count_create(store, d.attempt_id);
}

static void replay(struct store *store, struct str line)
{
	struct arena *arena = arena_new();
	const char *why;
	const struct json *event = json_parse(arena, line, NULL, &why);
	struct str word = text_of(event, "event");
	struct deployment *d = store_find(store, text_of(event, "id"));
	int64_t at = json_int(json_get(event, "at"), 0);

	if (str_eq(word, STR("create")))
		replay_create(store, event);
	else if (d && str_eq(word, STR("cancel")))
		d->cancelled_ms = at;
	else if (d && str_eq(word, STR("destroy")))
		d->destroyed_ms = at;
	arena_free(arena);
}

static bool read_journal(struct store *store, const char *path)
{
	struct buf all;
	struct str rest;
	static char chunk[8192]; /* read once, at start */
	ssize_t n;

	store->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->fd < 0)
		return false;
	buf_init(&all, JOURNAL_MAX);
	while ((n = read(store->fd, chunk, sizeof(chunk))) > 0)
		buf_add(&all, chunk, (size_t)n);
	rest = buf_str(&all);
	while (rest.n && memchr(rest.p, '\n', rest.n))
		replay(store, str_split(&rest, '\n'));
	/* A cut line would swallow the next one. */
	if (rest.n && ftruncate(store->fd, (off_t)(all.n - rest.n)) < 0)
		n = -1;
	n = n < 0 || all.overflow ? -1 : 0;
	buf_done(&all);
	return n == 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	if (store->fd >= 0)
		close(store->fd);
	arena_free(store->arena);
	free(store);
	return NULL;
}

struct store *store_open(const char *journal)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		abort();
	store->arena = arena_new();
	store->fd = -1;
	if (!journal || read_journal(store, journal))
		return store;
	perror("opshub-mock-cloud: the journal cannot be read");
	return store_close(store);
}

struct deployment *store_create(struct store *store, const struct deployment *wanted)
{
	struct deployment *d = add(store, wanted);

	if (d)
		write_create(store, d);
	return d;
}

void store_cancel(struct store *store, struct deployment *d)
{
	d->cancelled_ms = clock_wall_ms();
	write_event(store, "cancel", d, d->cancelled_ms);
}

void store_destroy(struct store *store, struct deployment *d)
{
	d->destroyed_ms = clock_wall_ms();
	write_event(store, "destroy", d, d->destroyed_ms);
}

struct deployment *store_find(struct store *store, struct str id)
{
	for (struct deployment *d = store->by_id[bucket(id)]; d; d = d->same_id)
		if (str_eq(str_of(d->id), id))
			return d;
	return NULL;
}

size_t store_size(const struct store *store)
{
	return store->n;
}

struct deployment *store_at(struct store *store, size_t index)
{
	return index < store->n ? store->all[index] : NULL;
}

unsigned store_count_create(struct store *store, struct str attempt_id)
{
	struct attempt **at = &store->attempts[bucket(attempt_id)];

	while (*at && !str_eq((*at)->id, attempt_id))
		at = &(*at)->next;
	if (!*at) {
		*at = arena_alloc(store->arena, sizeof(**at));
		(*at)->id = arena_str(store->arena, attempt_id);
	}
	return ++(*at)->creates;
}

bool deployment_is_visible(const struct deployment *d, int64_t now_ms)
{
	return d && d->created_ms <= now_ms;
}

enum stage deployment_stage(const struct deployment *d, int64_t now_ms)
{
	int64_t age = (d->cancelled_ms ? d->cancelled_ms : now_ms) - d->created_ms;
	bool is_over = d->build_ms >= 0 && age >= d->build_ms;

	if (d->destroyed_ms)
		return STAGE_GONE;
	if (is_over)
		return d->fails ? STAGE_FAILED : STAGE_READY;
	if (d->cancelled_ms)
		return STAGE_CANCELLED;
	return age < (d->build_ms < 0 ? 200 : d->build_ms / 5) ? STAGE_QUEUED : STAGE_BUILDING;
}

static void add_slug(struct buf *ret, struct str text)
{
	for (size_t i = 0; i < text.n && i < 60; i++) {
		char c = text.p[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (c >= 'A' && c <= 'Z')
			buf_add_char(ret, (char)(c - 'A' + 'a'));
		else
			buf_add_char(ret, is_plain ? c : '-');
	}
}

void deployment_alias(const struct deployment *d, struct buf *ret)
{
	add_slug(ret, d->project);
	if (d->pr_number > 0) {
		buf_printf(ret, "-pr-%lld", (long long)d->pr_number);
		return;
	}
	buf_add_char(ret, '-');
	add_slug(ret, d->branch);
}

/* ---- counts ---- */

static int compare_prs(const void *a, const void *b)
{
	const struct deployment *x = *(const struct deployment *const *)a, *y = *(const struct deployment *const *)b;
	int order = strcmp(x->project.p, y->project.p);

	return order ? order : (x->pr_number > y->pr_number) - (x->pr_number < y->pr_number);
}

static void put_prs(struct store *store, int64_t now_ms, struct json_out *out)
{
	static struct deployment *sorted[DEPLOYMENTS_MAX];
	unsigned groups = 0;

	memcpy(sorted, store->all, store->n * sizeof(sorted[0]));
	qsort(sorted, store->n, sizeof(sorted[0]), compare_prs);
	for (size_t i = 0, end; i < store->n && groups++ < COUNTS_MAX; i = end) {
		struct str project = sorted[i]->project;
		struct buf key;
		int64_t live = 0;

		for (end = i; end < store->n && compare_prs(&sorted[end], &sorted[i]) == 0; end++)
			live += deployment_stage(sorted[end], now_ms) <= STAGE_READY;
		buf_init(&key, 512);
		buf_printf(&key, "%.*s#%lld", project.n > 200 ? 200 : (int)project.n, project.p,
			   (long long)sorted[i]->pr_number);
		json_open(out, '{');
		json_put_text(out, "pr", buf_str(&key));
		json_put_int(out, "created", (int64_t)(end - i));
		json_put_int(out, "live", live);
		json_close(out, '}');
		buf_done(&key);
	}
}

void store_stats(struct store *store, int64_t now_ms, struct json_out *out)
{
	unsigned n = 0;

	json_key(out, "byPr");
	json_open(out, '[');
	put_prs(store, now_ms, out);
	json_close(out, ']');
	json_key(out, "createsByAttempt");
	json_open(out, '{');
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct attempt *a = store->attempts[i]; a && n < COUNTS_MAX; a = a->next, n++) {
			json_add_text(out, a->id);
			buf_add_char(out->buf, ':');
			out->comma = false;
			json_add_int(out, a->creates);
		}
	}
	json_close(out, '}');
}
