/* An event as Slack shows it: a headline, a paragraph with the address, a table, a footer; and a plain text for
 * notifications and screen readers.
 *
 * Owns nothing. Easy to break: titles and branch names come from strangers. Every text passes slack_escape(), so that
 * <!channel>, <@U1> and <http://evil|links> stay what they are; and texts are "verbatim" and "parse" is "none", so that
 * a bare @here or #general does too. Addresses are links only where we make them.
 *
 *   :white_check_mark: *Preview of #7 is ready*
 *   A paragraph
 *   https://pr-7.example.app
 *   Branch            Commit
 *   feature/login     0123456
 *   octocat / web · octocat/web #7 · 0123456 · today at 12:00 */
#include "slack.h"

#include <string.h>
#include <time.h>

#define TITLE_MAX    500
#define TEXT_MAX     3000 /* of one text in a block */
#define URL_MAX      1500
#define LINK_MAX     1800 /* with its entities */
#define LABEL_MAX    100
#define VALUE_MAX    1800 /* a field may have 2,000 */
#define PART_MAX     200
#define FIELDS_MAX   40 /* ten in a block: four of the fifty blocks */
#define BLOCK_FIELDS 10

/* Bytes of the character that starts there. By what follows, not by what the first byte promises, so that no "<" is
 * ever taken for a part of one. */
static uint32_t width_of(const char *text)
{
	uint32_t n = 1;

	while (n < 4 && ((unsigned char)text[0] & 0xC0) == 0xC0 && ((unsigned char)text[n] & 0xC0) == 0x80)
		n++;
	return n;
}

static const char *entity_of(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
}

const char *slack_escape(opshub_call *call, const struct opshub_host *host, const char *text, uint32_t max)
{
	static const char more[] = "…";
	/* That many bytes hold more than max characters, whatever they are. */
	uint32_t size = (uint32_t)strnlen(text, 4 * (size_t)max + 4);
	char *out = host->alloc(call, 5 * (uint64_t)size + sizeof(more));
	uint32_t n = 0, units = 0, keep = 0;

	for (uint32_t i = 0, width; i < size; i += width) {
		const char *piece = entity_of(text[i]);
		uint32_t length, count;

		width = width_of(text + i);
		length = piece ? (uint32_t)strlen(piece) : width;
		count = piece ? length : width == 4 ? 2 : 1;
		if (i + width > size || units + count > max) {
			memcpy(out + keep, more, sizeof(more));
			return out;
		}
		memcpy(out + n, piece ? piece : text + i, length);
		if (width == 1 && ((unsigned char)out[n] < ' ' || out[n] == 0x7F) && out[n] != '\n')
			out[n] = ' ';
		n += length;
		units += count;
		if (units < max)
			keep = n;
	}
	return out;
}

/* "<https://…>", or "" for what is no address to click on, or too long for one. */
static const char *link_to(opshub_call *call, const struct opshub_host *host, const char *url)
{
	size_t n = strnlen(url, URL_MAX + 1), at = 0;
	char *out;

	if (n > URL_MAX || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0))
		return "";
	out = host->alloc(call, 5 * n + 3);
	out[at++] = '<';
	for (size_t i = 0; i < n; i++) {
		/* "|" starts a label, and an address has no spaces. */
		const char *piece = url[i] == '&'                  ? "&amp;"
				    : url[i] == '<'                ? "%3C"
				    : url[i] == '>'                ? "%3E"
				    : url[i] == '|'                ? "%7C"
				    : (unsigned char)url[i] <= ' ' ? "%20"
								   : NULL;
		size_t length = piece ? strlen(piece) : 1;

		memcpy(out + at, piece ? piece : url + i, length);
		at += length;
	}
	out[at++] = '>';
	return at > LINK_MAX ? "" : out;
}

static void put_text(opshub_call *call, const struct opshub_host *host, opshub_json_out *out, const char *key,
		     const char *text)
{
	host->json_open(call, out, key, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "type", "mrkdwn");
	host->json_put_str(call, out, "text", text);
	host->json_put_bool(call, out, "verbatim", 1);
	host->json_close(call, out);
}

static void put_section(opshub_call *call, const struct opshub_host *host, opshub_json_out *out, const char *text)
{
	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "type", "section");
	put_text(call, host, out, "text", text);
	host->json_close(call, out);
}

/* The host's own addresses are values too. */
static const char *value_of(opshub_call *call, const struct opshub_host *host, const char *value)
{
	const char *link = strpbrk(value, " \t\n") ? "" : link_to(call, host, value);

	return *link ? link : slack_escape(call, host, value, VALUE_MAX);
}

static void put_fields(opshub_call *call, const struct opshub_host *host, opshub_json_out *out,
		       const struct opshub_event *event)
{
	uint32_t n = event->n_fields < FIELDS_MAX ? event->n_fields : FIELDS_MAX;

	for (uint32_t i = 0; i < n; i++) {
		const struct opshub_event_field *field = (const void *)((const char *)event->fields +
									(size_t)i * event->field_size);
		if (i % BLOCK_FIELDS == 0) {
			host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
			host->json_put_str(call, out, "type", "section");
			host->json_open(call, out, "fields", OPSHUB_JSON_ARRAY);
		}
		put_text(call, host, out, NULL,
			 host->format(call, "*%s*\n%s", slack_escape(call, host, field->label, LABEL_MAX),
				      value_of(call, host, field->value)));
		if (i % BLOCK_FIELDS == BLOCK_FIELDS - 1 || i == n - 1) {
			host->json_close(call, out);
			host->json_close(call, out);
		}
	}
}

/* Slack shows the time in each reader's zone; the text in it is for programs that cannot. */
static const char *date_of(opshub_call *call, const struct opshub_host *host, int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	char plain[32] = "";
	struct tm tm;

	if (at_ms <= 0 || !gmtime_r(&seconds, &tm) || !strftime(plain, sizeof(plain), "%Y-%m-%d %H:%M UTC", &tm))
		return "";
	return host->format(call, "<!date^%lld^{date_short_pretty} {time}|%s>", (long long)seconds, plain);
}

static const char *joined(opshub_call *call, const struct opshub_host *host, const char *left, const char *right)
{
	return host->format(call, "%s%s%s", left, *left && *right ? " · " : "", right);
}

static const char *footer(opshub_call *call, const struct opshub_host *host, const struct opshub_event *event)
{
	const char *text = slack_escape(call, host, event->project, PART_MAX);
	const char *repo = slack_escape(call, host, event->repo, PART_MAX);

	if (*event->org && *text)
		text = host->format(call, "%s / %s", slack_escape(call, host, event->org, PART_MAX), text);
	if (*repo && event->pr_number)
		repo = host->format(call, "%s #%lld", repo, (long long)event->pr_number);
	text = joined(call, host, text, repo);
	text = joined(call, host, text, host->format(call, "%.7s", slack_escape(call, host, event->sha, PART_MAX)));
	return joined(call, host, text, date_of(call, host, event->at_ms));
}

static void put_footer(opshub_call *call, const struct opshub_host *host, opshub_json_out *out, const char *text)
{
	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "type", "context");
	host->json_open(call, out, "elements", OPSHUB_JSON_ARRAY);
	put_text(call, host, out, NULL, text);
	host->json_close(call, out);
	host->json_close(call, out);
}

void slack_put_event(opshub_call *call, const struct opshub_host *host, opshub_json_out *out,
		     const struct opshub_event *event, int is_reply)
{
	static const char *const signs[] = { ":information_source:", ":white_check_mark:", ":warning:", ":x:" };
	const char *sign = signs[event->severity <= OPSHUB_SEVERITY_ERROR ? event->severity : OPSHUB_SEVERITY_INFO];
	const char *title = slack_escape(call, host, *event->title ? event->title : event->kind, TITLE_MAX);
	const char *link = link_to(call, host, event->url);
	const char *text = slack_escape(call, host, event->text, TEXT_MAX - 1 - (uint32_t)strlen(link));
	const char *body = host->format(call, "%s%s%s", text, *text && *link ? "\n" : "", link);
	const char *foot = is_reply ? "" : footer(call, host, event);

	host->json_put_str(call, out, "text", host->format(call, "%s%s%s", title, *body ? "\n" : "", body));
	host->json_open(call, out, "blocks", OPSHUB_JSON_ARRAY);
	put_section(call, host, out, host->format(call, "%s *%s*", sign, title));
	if (*body)
		put_section(call, host, out, body);
	if (!is_reply)
		put_fields(call, host, out, event);
	if (*foot)
		put_footer(call, host, out, foot);
	host->json_close(call, out);
}
