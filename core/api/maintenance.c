/* Windows of maintenance: once, or every week on the clock of a zone. */
#include "store/maintenance.h"

#include "api/input.h"
#include "base/clock.h"
#include "base/id.h"

#include <string.h>

#define NAME_MAX_BYTES 80
#define ZONE_MAX_BYTES 64
#define LONGEST_MIN    10079 /* a minute less than a week */
#define LONGEST_MS     (366 * 24 * 3600 * 1000LL)

static const char *const days[] = { "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN" };

int windows_index(struct exchange *x)
{
	struct db_rows rows;
	int r = windows_of(x->call, api_of(x)->db, x->params[0], (struct str){ 0 }, &rows);

	return r == OK ? answer_rows(x, &rows) : r;
}

static int answer_window(struct exchange *x, struct str id, bool is_new)
{
	struct db_rows rows;
	int r = windows_of(x->call, api_of(x)->db, x->params[0], id, &rows);
	struct str folder = arena_printf(x->call->arena, "/projects/%.*s/maintenance-windows", STR_FMT(x->params[0]));

	if (r != OK)
		return r;
	return is_new ? answer_created(x, folder.p, &rows) : answer_row(x, &rows);
}

int window_show(struct exchange *x)
{
	return answer_window(x, x->params[1], false);
}

/* ---- fields ---- */

static void read_checks(struct input *in, struct window_change *c)
{
	const struct json *all = input_value(in, "checkIds", INPUT_NULLABLE);

	if (input_is_null(in, "checkIds"))
		c->has_checks = c->is_for_all = true;
	if (!all)
		return;
	if (all->kind != JSON_ARRAY || all->n == 0 || all->n > WINDOW_CHECKS) {
		input_fault(in, "checkIds", "must be a list of 1 to 100 ids of health checks; null means all");
		return;
	}
	c->is_for_all = false;
	c->has_checks = true;
	c->n_check_ids = 0;
	for (const struct json *one = all->child; one; one = one->next) {
		if (!id_valid(json_text(one, STR("")), "check_")) {
			input_fault(in, "checkIds", "must hold ids of health checks, check_...");
			return;
		}
		c->check_ids[c->n_check_ids++] = one->text;
	}
}

static bool read_moment(struct input *in, const char *field, int64_t *ret)
{
	struct str text;

	if (!input_text(in, field, INPUT_REQUIRED, 1, TIME_TEXT_MAX, &text))
		return false;
	if (time_parse(text, ret))
		return true;
	input_fault(in, field, "must be a time that exists, like 2026-11-23T07:30:00Z or with an offset");
	return false;
}

static void read_once(struct input *in, struct window_change *c)
{
	bool has_start = read_moment(in, "startsAt", &c->starts_ms);
	bool has_end = read_moment(in, "endsAt", &c->ends_ms);

	if (!has_start || !has_end)
		return;
	if (c->ends_ms <= c->starts_ms)
		input_fault(in, "endsAt", "must be after startsAt");
	else if (c->ends_ms - c->starts_ms > LONGEST_MS)
		input_fault(in, "endsAt", "must be at most 366 days after startsAt");
	else if (c->ends_ms <= clock_wall_ms())
		input_fault(in, "endsAt", "is over already");
}

/* 0 = none. */
static int64_t weekday_of(const struct json *value)
{
	for (int i = 0; i < WINDOW_WEEKDAYS; i++)
		if (value->kind == JSON_TEXT && str_eq_nocase(value->text, str_of(days[i])))
			return i + 1;
	return value->kind == JSON_INT && value->integer >= 1 && value->integer <= 7 ? value->integer : 0;
}

static void read_weekdays(struct input *in, struct window_change *c)
{
	const struct json *all = input_value(in, "weekdays", INPUT_REQUIRED);
	bool on[WINDOW_WEEKDAYS + 1] = { false };
	const struct json *one = all && all->kind == JSON_ARRAY && all->n <= WINDOW_WEEKDAYS ? all->child : NULL;

	for (; one && weekday_of(one); one = one->next)
		on[weekday_of(one)] = true;
	for (int64_t day = 1; day <= WINDOW_WEEKDAYS; day++)
		if (on[day])
			c->weekdays[c->n_weekdays++] = day;
	if (all && (one || c->n_weekdays == 0))
		input_fault(in, "weekdays",
			    "must be a list of 1 to 7 days: MON, TUE, WED, THU, FRI, SAT, SUN or 1 to 7");
}

static bool is_time(struct str t)
{
	int64_t hour, minute;

	return t.n == WINDOW_TIME_SIZE - 1 && t.p[2] == ':' && str_to_int((struct str){ t.p, 2 }, 0, 23, &hour) &&
	       str_to_int((struct str){ t.p + 3, 2 }, 0, 59, &minute);
}

/* "Europe/Berlin"; whether there is one of that name the database knows. PostgreSQL takes "FOO3" as well, which says
 * nothing to people. */
static bool is_zone(struct str zone)
{
	return str_eq(zone, STR("UTC")) ||
	       (memchr(zone.p, '/', zone.n) && !str_starts(zone, STR("posix/")) && !str_starts(zone, STR("right/")));
}

static void read_weekly(struct input *in, struct window_change *c)
{
	c->zone = STR("UTC");
	read_weekdays(in, c);
	if (input_text(in, "startTime", INPUT_REQUIRED, 1, 20, &c->start_time) && !is_time(c->start_time))
		input_fault(in, "startTime", "must be a time of day, HH:MM");
	input_int(in, "durationMin", INPUT_REQUIRED, 1, LONGEST_MIN, &c->duration_min);
	if (input_text(in, "timeZone", 0, 1, ZONE_MAX_BYTES, &c->zone) && !is_zone(c->zone))
		input_fault(in, "timeZone", "must be UTC or a zone like Europe/Berlin");
}

/* The fields of an object inside; its faults are told with those of the whole. */
static void read_nested(struct input *in, const char *field, const struct json *value, struct window_change *c,
			void (*read)(struct input *in, struct window_change *c))
{
	struct input *inner = arena_alloc(in->x->call->arena, sizeof(*inner));

	if (value->kind != JSON_OBJECT) {
		input_fault(in, field, "must be an object");
		return;
	}
	*inner = (struct input){ .x = in->x,
				 .prefix = arena_printf(in->x->call->arena, "%s.", field).p,
				 .body = value,
				 .n_faults = in->n_faults };
	c->has_times = true;
	read(inner, c);
	input_close(inner);
	in->n_faults = inner->n_faults;
}

static int read_body(struct exchange *x, unsigned needs, struct window_change *c)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	const struct json *once, *weekly;
	struct str missing = { 0 };
	bool zone_known = true;
	int r = input_open(x, in);

	if (r != OK)
		return r;
	input_name(in, "name", needs, NAME_MAX_BYTES, &c->name);
	read_checks(in, c);
	once = input_value(in, "once", INPUT_NULLABLE);
	weekly = input_value(in, "weekly", INPUT_NULLABLE);
	if (once && weekly) {
		input_fault(in, "once", "cannot be beside weekly: a window is one of the two");
		input_fault(in, "weekly", "cannot be beside once: a window is one of the two");
	} else if (!once && !weekly && (needs || input_is_null(in, "once") || input_is_null(in, "weekly")))
		input_fault(in, "once", "or weekly is required: when the window is open");
	else if (once)
		read_nested(in, "once", once, c, read_once);
	else if (weekly)
		read_nested(in, "weekly", weekly, c, read_weekly);
	if (in->n_faults == 0)
		r = window_judge(x->call, api_of(x)->db, x->params[0], c, &missing, &zone_known);
	if (r != OK)
		return r;
	if (missing.n)
		input_fault(in, "checkIds",
			    arena_printf(x->call->arena, "names %.*s, which is no health check of this project",
					 STR_FMT(missing))
				    .p);
	if (!zone_known)
		input_fault(in, "weekly.timeZone",
			    "is no time zone that the database knows: use one like Europe/Berlin");
	return input_close(in);
}

/* ---- changes ---- */

int window_create(struct exchange *x)
{
	struct window_change *fields = arena_alloc(x->call->arena, sizeof(*fields));
	struct audit audit = audit_of(x);
	struct str id;
	int r;

	*fields = (struct window_change){ .is_for_all = true };
	r = read_body(x, INPUT_REQUIRED, fields);
	if (r == OK)
		r = window_add(x->call, api_of(x)->db, x->params[0], fields, &audit, &id);
	return r == OK ? answer_window(x, id, true) : r;
}

int window_patch(struct exchange *x)
{
	struct window_change *change = arena_alloc(x->call->arena, sizeof(*change));
	struct audit audit = audit_of(x);
	int r;

	*change = (struct window_change){ 0 };
	r = read_body(x, 0, change);
	if (r == OK)
		r = window_change(x->call, api_of(x)->db, x->params[0], x->params[1], change, &audit);
	return r == OK ? answer_window(x, x->params[1], false) : r;
}

int window_delete(struct exchange *x)
{
	struct audit audit = audit_of(x);
	int r = window_remove(x->call, api_of(x)->db, x->params[0], x->params[1], &audit);

	return r == OK ? answer_deleted(x) : r;
}
