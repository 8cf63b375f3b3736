/* A status page as JSON. */
#include "api/status_view.h"

#include "base/clock.h"
#include "base/json_write.h"

#include <stdio.h>

#define DAY_MS (24ll * 60 * 60 * 1000)

static void put_time(struct json_out *out, const char *key, int64_t ms)
{
	char text[TIME_TEXT_MAX];

	json_key(out, key);
	if (ms)
		json_add_text(out, (struct str){ text, time_format(ms, text) });
	else
		json_add_null(out);
}

static void put_number(struct json_out *out, const char *key, struct str number)
{
	json_key(out, key);
	if (number.n)
		json_add_raw(out, number);
	else
		json_add_null(out);
}

/* Oldest first. */
static void put_days(struct json_out *out, const struct status_check *check, int64_t now_ms)
{
	json_key(out, "days");
	json_open(out, '[');
	for (int i = 0; i < STATUS_DAYS; i++) {
		char text[TIME_TEXT_MAX];

		time_format(now_ms - (STATUS_DAYS - 1 - i) * DAY_MS, text);
		json_open(out, '{');
		json_put_text(out, "day", (struct str){ text, 10 });
		json_put_int(out, "ok", check->days[i].ok);
		json_put_int(out, "failed", check->days[i].failed);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void put_check(struct json_out *out, const struct status_check *check, int64_t now_ms)
{
	static const char *const keys[UPTIMES] = { "24h", "7d", "30d", "90d" };

	json_open(out, '{');
	json_put_text(out, "id", check->id);
	json_put_text(out, "name", check->name);
	json_put_text(out, "state", str_of(status_state_word(check->state)));
	json_key(out, "uptime");
	json_open(out, '{');
	for (int i = 0; i < UPTIMES; i++)
		put_number(out, keys[i], check->uptime[i]);
	json_close(out, '}');
	put_days(out, check, now_ms);
	json_close(out, '}');
}

static void put_incident(struct json_out *out, const struct status_incident *incident)
{
	json_open(out, '{');
	json_put_text(out, "check", incident->check);
	put_time(out, "beganAt", incident->began_ms);
	put_time(out, "endedAt", incident->ended_ms);
	json_put_bool(out, "flapping", incident->flapping);
	json_close(out, '}');
}

void status_json(const struct status_facts *facts, struct buf *ret)
{
	struct json_out out = JSON_OUT(ret);

	json_open(&out, '{');
	json_put_text(&out, "title", facts->title);
	json_put_text(&out, "state", str_of(status_state_word(facts->state)));
	put_time(&out, "asOf", facts->as_of_ms);
	json_key(&out, "checks");
	json_open(&out, '[');
	for (size_t i = 0; i < facts->n_checks; i++)
		put_check(&out, &facts->checks[i], facts->as_of_ms);
	json_close(&out, ']');
	json_put_int(&out, "notShown", (int64_t)facts->n_hidden);
	json_key(&out, "incidents");
	json_open(&out, '[');
	for (size_t i = 0; i < facts->n_incidents; i++)
		put_incident(&out, &facts->incidents[i]);
	json_close(&out, ']');
	json_close(&out, '}');
}
