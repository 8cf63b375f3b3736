/* The steps that follow a build to its end, and its output. */
#include "store/check_headers.h"
#include "store/project_keys.h"
#include "worker/steps.h"

#include <string.h>

#define MOST_LOG_BYTES (512 * 1024)
#define LAST_PAGES     64
#define CUT_NOTICE     "[OpsHub keeps 512 KiB of a build's output: the rest is at the provider]\n"
#define MOST_CLEAN     (4 * 1024 * 1024) /* with marks, which may be longer than what they stand for */

/* ---- output ---- */

size_t build_log_write(const struct build_log *log, size_t room, struct buf *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < log->n_lines; i++) {
		if (log->lines[i].text.n >= room - n) {
			buf_add_str(ret, STR(CUT_NOTICE));
			return room;
		}
		buf_add_str(ret, log->lines[i].text);
		buf_add_char(ret, '\n');
		n += log->lines[i].text.n + 1;
	}
	return n;
}

/* What of a page may be stored. Its lines were searched one by one when they came; a secret may also go over several of
 * them, or begin on this page and end on the next. */
static struct str storable(struct step_context *s, struct call *call, struct str page, bool is_first)
{
	const bool is_cut = str_ends(page, STR(CUT_NOTICE));
	struct buf clean;
	struct str text;

	if (is_cut) /* where it is cut, not behind the notice, a secret may begin */
		page.n -= strlen(CUT_NOTICE);
	if (s->cannot_hide.n)
		return is_first ? arena_printf(call->arena, "[%.*s]\n", STR_FMT(s->cannot_hide)) : STR("");
	buf_init(&clean, MOST_CLEAN);
	log_redact_part(page, &clean);
	if (is_cut)
		buf_add_str(&clean, STR(CUT_NOTICE));
	text = clean.overflow ? STR(CUT_NOTICE) : arena_str(call->arena, buf_str(&clean));
	buf_done(&clean);
	return text;
}

/* Where reading has come to. */
struct log_place {
	struct str cursor;
	int64_t bytes;
};

/* One page goes to the store, and *at moves on. True when there may be another one. */
static bool read_page(struct step_context *s, struct call *call, unsigned i, struct log_place *at)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct build_log log = { 0 };
	struct provider_call p;
	struct buf text;
	size_t used;
	int r;

	if (at->bytes >= MOST_LOG_BYTES || provider_begin(s, call, attempt->provider, &p) != OK)
		return false;
	r = provider_logs(call, p.instance, arena_text(call->arena, attempt->provider_id),
			  arena_text(call->arena, at->cursor), &log);
	provider_end(call, &p);
	if (r != OK || log.n_lines == 0)
		return false;
	buf_init(&text, MOST_LOG_BYTES + sizeof(CUT_NOTICE));
	used = build_log_write(&log, MOST_LOG_BYTES - (size_t)at->bytes, &text);
	r = build_log_add(call, s->rec->db, s->job, attempt->id, storable(s, call, buf_str(&text), at->bytes == 0),
			  (int64_t)used, log.next_cursor);
	buf_done(&text);
	at->bytes += (int64_t)used;
	if (log.is_complete || str_eq(log.next_cursor, at->cursor))
		return false;
	at->cursor = log.next_cursor;
	return r == OK;
}

/* What is new goes to the store; failing to get it fails nothing. While it builds, a page at each look; when it has
 * ended nobody looks again, so then all that is left. */
static void read_logs(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	bool has_ended = d->state >= DEPLOYMENT_READY && d->state <= DEPLOYMENT_CANCELLED;
	struct log_place at = { attempt->log_cursor, attempt->log_bytes };

	for (int page = 0; page < (has_ended ? LAST_PAGES : 1); page++)
		if (!read_page(s, call, i, &at))
			return;
}

/* ---- poll ---- */

/* How long until the next look, by the age of the attempt: as Vercel's own client does it, but for up to a fifth less
 * by chance, so that builds which began together are not looked at together. */
static int64_t poll_after(const struct step_context *s, unsigned i, const struct deployment *d)
{
	int64_t age = attempt_age(s, i), full;

	if (d->poll_after_ms > 0)
		return spread_ms(d->poll_after_ms < 60000 ? d->poll_after_ms : 60000, step_random());
	full = age < 15000 ? 1000 : age < 60000 ? 5000 : age < 300000 ? 15000 : 30000;
	return full - (int64_t)step_random() % (full / 5);
}

static const char *failed_reason(enum deployment_reason reason)
{
	switch (reason) {
	case REASON_QUOTA:
		return "PROVIDER_QUOTA";
	case REASON_PROVIDER:
		return "PROVIDER_ERROR";
	case REASON_TIMEOUT:
		return "PROVIDER_TIMEOUT";
	case REASON_CONFIG:
		return "MISSING_PROVIDER_CONFIG";
	default:
		return "BUILD_FAILED";
	}
}

/* What probes of the deployment are to be sent with, sealed for the attempt. A preview is READY without it, too. */
static int seal_probe_headers(struct step_context *s, struct call *call, const struct deployment *d,
			      struct attempt_change *change)
{
	struct check_header headers[CHECK_HEADERS_MAX];
	size_t n = d->n_probe_headers < CHECK_HEADERS_MAX ? d->n_probe_headers : CHECK_HEADERS_MAX;
	const struct key_ring *ring;
	struct sealed_header sealed;
	int r;

	for (size_t i = 0; i < n; i++) {
		headers[i] = (struct check_header){ d->probe_headers[i].name, d->probe_headers[i].value };
		call_secret(call, headers[i].value);
	}
	r = project_ring(call, s->rec->db, s->rec->providers->keys, s->preview.project_id, &ring);
	if (r == OK)
		r = probe_headers_seal(call, ring, change->attempt_id, headers, n, &sealed);
	if (r == E_INVALID || r == E_UPSTREAM) {
		log_warn("DeploymentProcessor", "Probe headers of a preview are not kept", F_TEXT("error", call->why));
		return OK;
	}
	if (r == OK) {
		change->probe_headers = sealed.sealed;
		change->probe_key_id = sealed.key_id;
	}
	return r;
}

static int ready(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	int r = d->n_probe_headers ? seal_probe_headers(s, call, d, &change) : OK;

	if (r != OK)
		return r;
	change.status = "READY";
	change.url = d->stable_url.n ? d->stable_url : d->url;
	change.inspector_url = d->inspector_url;
	change.tries = 0;
	change.preview_status = "READY";
	change.preview_detail = "READY";
	change.settled = true;
	change.stage = "READY";
	change.event = arena_printf(call->arena, "Ready at %.*s", STR_FMT(change.url));
	log_info("DeploymentProcessor", "Preview deployment ready", F_INT("duration", attempt_age(s, i)),
		 F_STR("url", change.url));
	return write_change(s, call, &change);
}

static int still_building(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	enum build_status status = d->state == DEPLOYMENT_QUEUED     ? BUILD_QUEUED
				   : d->state == DEPLOYMENT_BUILDING ? BUILD_BUILDING
								     : s->preview.model.attempts[i].status;

	change.next_ms = poll_after(s, i, d);
	change.tries = 0;
	if (status != s->preview.model.attempts[i].status) {
		change.status = build_status_word(status);
		change.preview_detail = change.status;
	}
	return write_change(s, call, &change);
}

int step_poll(struct step_context *s, struct call *call, unsigned i)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct deployment d = { 0 };
	struct provider_call p;
	struct str why;
	int r = hide_variables(s, call, i);

	if (r == OK)
		r = provider_begin(s, call, attempt->provider, &p);
	if (r != OK)
		return back_off(s, call, i, NULL);
	r = provider_status(call, p.instance, arena_text(call->arena, attempt->provider_id), &d);
	provider_end(call, &p);
	if (r == OK)
		read_logs(s, call, i, &d);
	if (r == E_NOT_FOUND || (r == OK && d.state == DEPLOYMENT_GONE))
		return fail_attempt(s, call, i, "PROVIDER_ERROR", STR("the deployment disappeared at the provider"),
				    true);
	if (r == E_AUTH)
		return fail_attempt(s, call, i, "PROVIDER_AUTH", str_of(call->why), false);
	if (r != OK)
		return back_off(s, call, i, NULL);
	why = d.message.n ? d.message : STR("the provider gave no message");
	switch (d.state) {
	case DEPLOYMENT_READY:
		return ready(s, call, i, &d);
	case DEPLOYMENT_FAILED:
		return fail_attempt(s, call, i, failed_reason(d.reason), why, false);
	case DEPLOYMENT_CANCELLED:
		return fail_attempt(s, call, i, "CANCELLED", STR("it was cancelled at the provider"), false);
	default:
		return still_building(s, call, i, &d);
	}
}

int step_time_out(struct step_context *s, struct call *call, unsigned i)
{
	enum attempt_state state = s->preview.model.attempts[i].state;
	struct str why = arena_printf(call->arena, "it was not ready after %lld s",
				      (long long)(attempt_age(s, i) / 1000));

	if (state == ATTEMPT_INTENT && str_eq(s->preview.attempts[i].error_reason, STR("PROVIDER_QUOTA")))
		return fail_attempt(s, call, i, "PROVIDER_QUOTA",
				    STR("the provider's allowance was used up for 24 hours: raise it there, or wait "
					"until it is renewed, then retry"),
				    true);
	if (state == ATTEMPT_INTENT && str_eq(s->preview.attempts[i].error_reason, STR("PROVIDER_RATE_LIMIT")))
		return fail_attempt(
			s, call, i, "PROVIDER_RATE_LIMIT",
			STR("the provider limits how often it is asked, and its turn did not come before the "
			    "build's deadline: retry it when less is going on"),
			true);
	if (state == ATTEMPT_CREATED) /* it must not become READY behind an ERROR */
		provider_ask(s, call, i, provider_cancel);
	return fail_attempt(s, call, i, "PROVIDER_TIMEOUT", why, state == ATTEMPT_INTENT);
}
