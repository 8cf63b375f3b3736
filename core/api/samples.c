/* Results of a health check over a range of time, and its uptime. */
#include "store/samples.h"

#include "api/table.h"
#include "base/clock.h"

#define HOUR_MS    (60ll * 60 * 1000)
#define DAY_MS     (24 * HOUR_MS)
#define DEFAULT_MS DAY_MS
#define YEAR_9999  253402300800000ll
#define CURSOR     "at_"

/* How long a range may be, and from what length on `auto` does not choose it: 200 rows, the longest page, show it all
 * for a check that is probed each minute. */
static const struct resolution {
	const char *word;
	int64_t minutes; /* 0 = each result */
	int64_t auto_ms, most_ms;
	const char *too_long;
} resolutions[] = {
	{ "raw", 0, 3 * HOUR_MS, 31 * DAY_MS, "must be at most 31 days before to with the resolution raw: ask for 5m" },
	{ "5m", 5, 16 * HOUR_MS, 92 * DAY_MS, "must be at most 92 days before to with the resolution 5m: ask for 1h" },
	{ "1h", 60, 8 * DAY_MS, 732 * DAY_MS, "must be at most 732 days before to with the resolution 1h: ask for 1d" },
	{ "1d", 1440, INT64_MAX, 3660 * DAY_MS, "must be at most 3660 days before to: ask for one part after another" },
};
#define N_RESOLUTIONS (sizeof(resolutions) / sizeof(resolutions[0]))

static const struct resolution *find_resolution(struct str word, int64_t length_ms)
{
	bool any = str_eq(word, STR("auto"));

	if (!word.p)
		return &resolutions[0];
	for (size_t i = 0; i < N_RESOLUTIONS; i++)
		if (any ? length_ms <= resolutions[i].auto_ms : str_eq(word, str_of(resolutions[i].word)))
			return &resolutions[i];
	return NULL;
}

/* What `from` and `to` say; what is not said makes it 24 hours, until now. */
static int read_times(struct exchange *x, struct sample_range *ret)
{
	bool from = http_query(x, "from").p, to = http_query(x, "to").p;
	int r = table_time(x, "from", &ret->from_ms);

	if (r == OK)
		r = table_time(x, "to", &ret->to_ms);
	if (r != OK)
		return r;
	if (!to)
		ret->to_ms = from && ret->from_ms > clock_wall_ms() ? ret->from_ms + 1 : clock_wall_ms() + 1;
	if (!from)
		ret->from_ms = ret->to_ms - DEFAULT_MS;
	if (ret->from_ms >= ret->to_ms)
		return answer_field(x, 422, "from", "must be before to");
	if (ret->to_ms > YEAR_9999 || ret->from_ms < -YEAR_9999)
		return answer_field(x, 422, "to", "must be before the year 10000");
	return OK;
}

static int bad_cursor(struct exchange *x)
{
	return answer_field(x, 422, "cursor", "is not one of this list's");
}

/* "at_<microseconds>.<id>" */
static int read_cursor(struct exchange *x, struct str cursor, struct sample_range *ret)
{
	struct str rest = { cursor.p + sizeof(CURSOR) - 1, cursor.n - (sizeof(CURSOR) - 1) };

	if (!cursor.n)
		return OK;
	if (!str_to_int(str_split(&rest, '.'), 1, YEAR_9999 * 1000, &ret->before_us) || !str_is_text(rest))
		return bad_cursor(x);
	ret->before_id = rest;
	return OK;
}

int samples_index(struct exchange *x)
{
	struct sample_range range = { .before_id = STR("") };
	const struct resolution *resolution;
	struct db_rows rows;
	struct str cursor;
	int r = page_read(x, &range.limit, &cursor, CURSOR);

	if (r == OK)
		r = read_times(x, &range);
	if (r == OK)
		r = read_cursor(x, cursor, &range);
	if (r != OK)
		return r;
	resolution = find_resolution(http_query(x, "resolution"), range.to_ms - range.from_ms);
	if (!resolution)
		return answer_field(x, 422, "resolution", "must be one of raw, 5m, 1h, 1d, auto");
	if (range.to_ms - range.from_ms > resolution->most_ms)
		return answer_field(x, 422, "from", resolution->too_long);
	if (resolution->minutes)
		r = samples_rolled(x->call, api_of(x)->db, check_id_of(x), resolution->minutes, &range, &rows);
	else
		r = samples_raw(x->call, api_of(x)->db, check_id_of(x), &range, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, range.limit, "_cursor");
	return answer_rows(x, &rows);
}

static void put_number_or_null(struct json_out *out, const char *key, const struct db_rows *rows, int row,
			       const char *col)
{
	json_key(out, key);
	if (db_is_null(rows, row, col))
		json_add_null(out);
	else
		json_add_raw(out, db_text(rows, row, col));
}

int check_uptime_show(struct exchange *x)
{
	struct json_out out;
	struct db_rows rows;
	int r = check_uptime(x->call, api_of(x)->db, check_id_of(x), &rows);

	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	for (int i = 0; i < rows.n_rows; i++) {
		json_key(&out, db_text(&rows, i, "name").p);
		json_open(&out, '{');
		put_number_or_null(&out, "uptime", &rows, i, "uptime");
		json_put_int(&out, "ok", db_int(&rows, i, "ok"));
		json_put_int(&out, "failed", db_int(&rows, i, "failed"));
		json_put_int(&out, "inconclusive", db_int(&rows, i, "inconclusive"));
		json_close(&out, '}');
	}
	put_number_or_null(&out, "errorRate", &rows, 0, "rate"); /* of the last hour */
	json_close(&out, '}');
	return OK;
}
