/* Time: reading, writing and parsing it. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t which, int64_t per_second)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (int64_t)ts.tv_sec * per_second + ts.tv_nsec / (1000000000 / per_second);
}

int64_t clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME, 1000);
}
int64_t clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000);
}
int64_t clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

static void two(char *p, int value)
{
	p[0] = (char)('0' + value / 10 % 10);
	p[1] = (char)('0' + value % 10);
}

size_t time_format(int64_t wall_ms, char ret[TIME_TEXT_MAX])
{
	int64_t seconds = wall_ms / 1000, ms = wall_ms % 1000;
	struct tm tm;
	time_t t;

	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	t = (time_t)seconds;
	gmtime_r(&t, &tm);
	memcpy(ret, "0000-00-00T00:00:00.000Z", 25);
	two(ret, (tm.tm_year + 1900) / 100);
	two(ret + 2, (tm.tm_year + 1900) % 100);
	two(ret + 5, tm.tm_mon + 1);
	two(ret + 8, tm.tm_mday);
	two(ret + 11, tm.tm_hour);
	two(ret + 14, tm.tm_min);
	two(ret + 17, tm.tm_sec);
	ret[20] = (char)('0' + ms / 100);
	two(ret + 21, (int)(ms % 100));
	return 24;
}

/* `n` digits at *p; moves behind them. -1 when they are not digits. */
static int digits(const char **p, const char *end, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (*p >= end || **p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static bool expect(const char **p, const char *end, char c)
{
	if (*p >= end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm", and nothing behind. */
static bool parse_zone(const char *p, const char *end, int64_t *ret_seconds)
{
	int sign, h, m;

	if (p < end && (*p == 'Z' || *p == 'z')) {
		*ret_seconds = 0;
		return p + 1 == end;
	}
	if (p >= end || (*p != '+' && *p != '-'))
		return false;
	sign = *p++ == '-' ? -1 : 1;
	h = digits(&p, end, 2);
	if (h < 0 || h > 23 || !expect(&p, end, ':'))
		return false;
	m = digits(&p, end, 2);
	if (m < 0 || m > 59)
		return false;
	*ret_seconds = sign * (h * 3600 + m * 60);
	return p == end;
}

bool time_parse(struct str text, int64_t *ret_wall_ms)
{
	const char *p = text.p, *end = text.n ? text.p + text.n : text.p;
	struct tm tm = { 0 }, check;
	int64_t zone, ms = 0;
	int year;
	time_t t;

	year = digits(&p, end, 4);
	if (year < 0 || !expect(&p, end, '-'))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = digits(&p, end, 2) - 1;
	if (!expect(&p, end, '-'))
		return false;
	tm.tm_mday = digits(&p, end, 2);
	if (!expect(&p, end, 'T') && !expect(&p, end, 't') && !expect(&p, end, ' '))
		return false;
	tm.tm_hour = digits(&p, end, 2);
	if (!expect(&p, end, ':'))
		return false;
	tm.tm_min = digits(&p, end, 2);
	if (!expect(&p, end, ':'))
		return false;
	tm.tm_sec = digits(&p, end, 2);
	if (expect(&p, end, '.')) {
		int scale = 100, n = 0;

		for (; p < end && *p >= '0' && *p <= '9' && n < 9; p++, n++, scale /= 10)
			ms += scale * (*p - '0');
		if (n == 0)
			return false;
	}
	if (tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	if (!parse_zone(p, end, &zone))
		return false;
	/* timegm carries over days that do not exist; compare what came out with what went in */
	check = tm;
	if (check.tm_sec == 60)
		check.tm_sec = 59;
	t = timegm(&check);
	if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon || check.tm_year != tm.tm_year)
		return false;
	*ret_wall_ms = ((int64_t)t - zone) * 1000 + ms;
	return true;
}
