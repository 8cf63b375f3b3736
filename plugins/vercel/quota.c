/* When to come back: what Vercel's answers say about limits, in each of the ways it says that.
 *
 * Pure but for the clock. Easy to break: a time of day in an answer is by Vercel's clock, ours may be wrong by hours,
 * so it is held against the Date of the same answer. */
#include "vercel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_WAIT_MS (24ll * 60 * 60 * 1000)
#define MOST_NUMBER  100000000000000ll
#define SECOND_MS    1000ll
#define MINUTE_MS    60000ll
#define HOUR_MS      3600000ll

int64_t http_date_ms(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { 0 };
	char month[4] = "";
	const char *at;

	if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec) != 6)
		return 0;
	at = strstr(months, month);
	if (!at || (at - months) % 3 != 0 || tm.tm_year < 1970)
		return 0;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	return (int64_t)timegm(&tm) * SECOND_MS;
}

/* A time of Vercel's clock, as a wait. Seconds or milliseconds since 1970: no limit ends in the year 33658. */
static int64_t until(int64_t at, int64_t their_now)
{
	if (at < 1000000000000ll)
		at *= SECOND_MS;
	return at - their_now;
}

/* A whole number; 0 when it is a date or nothing. */
static int64_t whole_number(const char *header)
{
	char *end = NULL;
	long long n = *header ? strtoll(header, &end, 10) : 0;

	return end && *end == 0 && n > 0 && n < MOST_NUMBER ? n : 0;
}

int64_t quota_wait_ms(const struct ask *a, const struct opshub_http_response *response, const opshub_json *error)
{
	const struct opshub_host *host = a->host;
	int64_t now = http_date_ms(host->http_header(a->call, response, "date")), wait;
	int64_t header = whole_number(host->http_header(a->call, response, "x-ratelimit-reset"));
	int64_t reset = number_of(a, host->json_get(a->call, error, "limit"), "reset");

	if (now == 0)
		now = host->now_ms(a->call);
	wait = whole_number(host->http_header(a->call, response, "retry-after"));
	wait = wait < MOST_WAIT_MS ? wait * SECOND_MS : MOST_WAIT_MS;
	if (wait == 0)
		wait = response->retry_after_ms;
	if (wait == 0 && header > 0)
		wait = until(header, now);
	if (wait <= 0 && reset > 0)
		wait = until(reset, now);
	if (wait <= 0)
		return 0;
	return wait < SECOND_MS ? SECOND_MS : wait > MOST_WAIT_MS ? MOST_WAIT_MS : wait;
}

const char *quota_words(const struct ask *a, int64_t wait_ms)
{
	const struct opshub_host *host = a->host;
	time_t at = (time_t)((host->now_ms(a->call) + wait_ms) / SECOND_MS);
	long long hours = wait_ms / HOUR_MS, minutes = wait_ms % HOUR_MS / MINUTE_MS;
	char clock[32] = "";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M UTC", &tm);
	if (hours > 0)
		return host->format(a->call, "in %lld h %lld min, at about %s", hours, minutes, clock);
	if (minutes > 0)
		return host->format(a->call, "in %lld min, at about %s", minutes, clock);
	return host->format(a->call, "in %lld s", (long long)(wait_ms / SECOND_MS));
}
