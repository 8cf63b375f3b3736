/* A status page as HTML. */
#include "api/status_view.h"

#include "base/clock.h"
#include "base/markup.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <stdio.h>

#define MANY_BAD  20 /* of so many looks of a day one was bad: the day is a bad one */
#define BAR_STEP  4
#define BAR_WIDTH 3
#define BARS_HIGH 24

static const char style[] =
	":root{color-scheme:light dark;--ok:#1a7f37;--some:#9a6700;--bad:#cf222e;--none:#6e7781;--line:#d0d7de}"
	"@media(prefers-color-scheme:dark){:root{--ok:#3fb950;--some:#d29922;--bad:#f85149;--none:#8b949e;--line:#"
	"30363d}}"
	"body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem}"
	"h1{font-size:1.6rem}h2{font-size:1.1rem;margin:0}section{border-top:1px solid var(--line);padding:1rem 0}"
	".all{font-size:1.2rem;font-weight:600}.state{font-weight:600;margin:0}"
	".OPERATIONAL{color:var(--ok)}.DEGRADED,.FLAPPING{color:var(--bad)}.UNKNOWN,.PAUSED,.MAINTENANCE{color:var(--"
	"none)}"
	"dl{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;margin:.3rem "
	"0}dt,dd{display:inline;margin:0}dt::after{content:\":\"}"
	"svg{display:block;width:100%;height:2rem}.g{fill:var(--ok)}.s{fill:var(--some)}.b{fill:var(--bad)}.n{fill:var("
	"--none)}"
	"bdi{overflow-wrap:anywhere}footer{font-size:.9rem}";

static const char *const page_words[] = {
	[STATUS_OPERATIONAL] = "Everything works.",
	[STATUS_DEGRADED] = "Something does not work as it should.",
	[STATUS_MAINTENANCE] = "Maintenance is under way.",
	[STATUS_PAUSED] = "Nothing is looked at: it is switched off.",
	[STATUS_UNKNOWN] = "It is not known at the moment whether everything works.",
};
static const char *const check_words[] = {
	[STATUS_OPERATIONAL] = "Works",
	[STATUS_DEGRADED] = "Does not work",
	[STATUS_FLAPPING] = "Comes and goes",
	[STATUS_MAINTENANCE] = "Maintenance",
	[STATUS_PAUSED] = "Not looked at: switched off",
	[STATUS_UNKNOWN] = "Not known: no recent result",
};
static const char *const uptime_words[UPTIMES] = { "24 hours", "7 days", "30 days", "90 days" };

/* ---- small parts ---- */

static void add(struct buf *buf, const char *text)
{
	buf_add_str(buf, str_of(text));
}

static void add_name(struct buf *buf, struct str name)
{
	add(buf, "<bdi>");
	markup_add(buf, name);
	add(buf, "</bdi>");
}

/* 2026-11-23 10:00 UTC */
static void add_time(struct buf *buf, int64_t ms)
{
	char text[TIME_TEXT_MAX];

	time_format(ms, text);
	buf_printf(buf, "<time datetime=\"%s\">%.10s %.5s UTC</time>", text, text, text + 11);
}

static void add_duration(struct buf *buf, int64_t ms)
{
	int64_t minutes = ms / 60000;

	if (minutes < 1)
		add(buf, "less than a minute");
	else if (minutes < 60)
		buf_printf(buf, "%lld min", (long long)minutes);
	else if (minutes < 48 * 60)
		buf_printf(buf, "%lld h %lld min", (long long)minutes / 60, (long long)minutes % 60);
	else
		buf_printf(buf, "%lld days", (long long)minutes / (24 * 60));
}

/* ---- bars ---- */

enum bar { BAR_GOOD, BAR_SOME, BAR_BAD, BAR_NONE, BARS };

static enum bar bar_of(const struct status_day *day)
{
	if (day->ok + day->failed == 0)
		return BAR_NONE;
	if (day->failed == 0)
		return BAR_GOOD;
	return day->failed * MANY_BAD >= day->ok + day->failed ? BAR_BAD : BAR_SOME;
}

/* One path for each kind, which also differ by their height. */
static void add_bars(struct buf *buf, const struct status_check *check)
{
	static const char classes[BARS] = { 'g', 's', 'b', 'n' };
	static const int heights[BARS] = { BARS_HIGH, 16, 10, 3 };
	int count[BARS] = { 0 };

	for (size_t i = 0; i < STATUS_DAYS; i++)
		count[bar_of(&check->days[i])]++;
	buf_printf(
		buf,
		"<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"The last %d days: "
		"%d without a failure, %d with few failures, %d with more, %d without results.\">",
		STATUS_DAYS * BAR_STEP - 1, BARS_HIGH, STATUS_DAYS, count[BAR_GOOD], count[BAR_SOME], count[BAR_BAD],
		count[BAR_NONE]);
	for (int kind = 0; kind < BARS; kind++) {
		if (!count[kind])
			continue;
		buf_printf(buf, "<path class=\"%c\" d=\"", classes[kind]);
		for (int i = 0; i < STATUS_DAYS; i++)
			if ((int)bar_of(&check->days[i]) == kind)
				buf_printf(buf, "M%d %dh%dv%dh-%dz", i * BAR_STEP, BARS_HIGH - heights[kind], BAR_WIDTH,
					   heights[kind], BAR_WIDTH);
		add(buf, "\"/>");
	}
	add(buf, "</svg>\n");
}

/* ---- the page ---- */

static void add_check(struct buf *buf, const struct status_check *check)
{
	add(buf, "<section><h2>");
	add_name(buf, check->name);
	buf_printf(buf, "</h2><p class=\"state %s\">%s</p>\n<dl>", status_state_word(check->state),
		   check_words[check->state]);
	for (int i = 0; i < UPTIMES; i++) {
		buf_printf(buf, "<div><dt>%s</dt> <dd>", uptime_words[i]);
		if (check->uptime[i].n)
			buf_printf(buf, "%.*s %%", STR_FMT(check->uptime[i]));
		else
			add(buf, "no result");
		add(buf, "</dd></div>");
	}
	add(buf, "</dl>\n");
	add_bars(buf, check);
	add(buf, "</section>\n");
}

static void add_incident(struct buf *buf, const struct status_incident *incident, int64_t now_ms)
{
	add(buf, "<li>");
	add_name(buf, incident->check);
	add(buf, incident->flapping ? " came and went: " : ": ");
	add(buf, incident->ended_ms ? "from " : "since ");
	add_time(buf, incident->began_ms);
	if (incident->ended_ms) {
		add(buf, " to ");
		add_time(buf, incident->ended_ms);
	}
	add(buf, ", ");
	add_duration(buf, (incident->ended_ms ? incident->ended_ms : now_ms) - incident->began_ms);
	add(buf, "</li>\n");
}

static void add_incidents(struct buf *buf, const struct status_facts *facts, bool open)
{
	size_t n = 0;

	buf_printf(buf, "<section><h2>%s</h2>\n<ul>\n", open ? "Open incidents" : "Incidents of the last 14 days");
	for (size_t i = 0; i < facts->n_incidents; i++) {
		if ((facts->incidents[i].ended_ms == 0) != open)
			continue;
		add_incident(buf, &facts->incidents[i], facts->as_of_ms);
		n++;
	}
	buf_printf(buf, "%s</ul></section>\n", n ? "" : "<li>None</li>\n");
}

void status_html(const struct status_facts *facts, struct buf *ret)
{
	add(ret, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	markup_add(ret, facts->title);
	buf_printf(ret, " - status</title>\n<style>%s</style></head>\n<body><main><h1>", style);
	add_name(ret, facts->title);
	buf_printf(ret, "</h1>\n<p class=\"all %s\">%s</p>\n", status_state_word(facts->state),
		   facts->n_checks ? page_words[facts->state] : "Nothing is looked at yet.");
	for (size_t i = 0; i < facts->n_checks; i++)
		add_check(ret, &facts->checks[i]);
	if (facts->n_hidden)
		buf_printf(ret, "<p>And %zu more, which are not shown.</p>\n", facts->n_hidden);
	add_incidents(ret, facts, true);
	add_incidents(ret, facts, false);
	add(ret, "</main><footer><p>As of ");
	add_time(ret, facts->as_of_ms);
	add(ret,
	    ". Each bar is a day in UTC, today at the end. A percentage is the part of looks that were good; those in "
	    "maintenance do not count.</p></footer></body></html>\n");
}

struct str status_policy(void)
{
	static char policy[160];
	static size_t n;
	const struct str text = { style, sizeof(style) - 1 };
	char digest[BASE64_SIZE(SHA256_SIZE)];
	uint8_t hash[SHA256_SIZE];

	if (!n) {
		sha256(&text, 1, hash);
		base64_encode(hash, sizeof(hash), digest);
		n = (size_t)snprintf(policy, sizeof(policy),
				     "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
				     "frame-ancestors 'none'",
				     digest);
	}
	return (struct str){ policy, n };
}
