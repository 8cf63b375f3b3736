/* What a look means: from what was known with the claim and what came of the probe to what is written. */
#include "worker/prober_inner.h"

#include <string.h>

#define SUMS_MS (5 * 60 * 1000)

int64_t slot_after(int64_t interval_ms, int64_t phase_ms, int64_t after_ms)
{
	int64_t n = (after_ms - phase_ms) / interval_ms;

	if (after_ms < phase_ms && (after_ms - phase_ms) % interval_ms != 0)
		n--;
	return (n + 1) * interval_ms + phase_ms;
}

/* A preview behind its provider's login is a hint to whoever looks at the check: it may well be up. */
static bool says_nothing(const struct claim *claim)
{
	return claim->is_ours ||
	       (claim->due.preview_url.n && claim->error && strcmp(claim->error, "LOGIN_REQUIRED") == 0);
}

/* A check that is disabled and was asked for by hand has samples, and no incidents. */
static enum health_look look_of(const struct claim *claim)
{
	if (claim->due.maintenance || !claim->due.enabled)
		return LOOK_MAINTENANCE;
	if (says_nothing(claim))
		return LOOK_INCONCLUSIVE;
	return claim->ok ? LOOK_GOOD : LOOK_BAD;
}

bool judge_is_bad(const struct claim *claim)
{
	return look_of(claim) == LOOK_BAD;
}

static enum verdict verdict_of(const struct claim *claim, bool parent_is_down)
{
	if (claim->due.maintenance)
		return VERDICT_MAINTENANCE;
	if (says_nothing(claim) || parent_is_down)
		return VERDICT_INCONCLUSIVE;
	return claim->ok ? VERDICT_OK : VERDICT_FAILED;
}

/* Slots do not come twice, however early this process began. */
static int64_t next_look(const struct claim *claim, bool confirm)
{
	const struct probe_due *due = &claim->due;
	int64_t now = prober_now(claim->prober), soon = due->interval_ms / 4;
	int64_t next = slot_after(due->interval_ms, due->phase_ms, now > due->slot_ms ? now : due->slot_ms);

	soon = now + (soon < HEALTH_CONFIRM_MS ? soon : HEALTH_CONFIRM_MS);
	return confirm && soon < next ? soon : next;
}

/* ---- sums ---- */

static void add_up(struct health_sums *sums, const struct probe_look *look, int64_t at_ms)
{
	int64_t latency = look->latency_ms > 0 ? look->latency_ms : 0;

	if (look->verdict == VERDICT_MAINTENANCE)
		return;
	sums->at_ms = at_ms;
	sums->failed += look->verdict == VERDICT_FAILED;
	sums->inconclusive += look->verdict == VERDICT_INCONCLUSIVE;
	if (look->verdict != VERDICT_OK)
		return;
	sums->ok++;
	sums->latency_sum += latency;
	if (sums->latency_min < 0 || latency < sums->latency_min)
		sums->latency_min = latency;
	if (latency > sums->latency_max)
		sums->latency_max = latency;
}

static void sum_up(const struct claim *claim, struct probe_look *look)
{
	int64_t at_ms = claim->at_ms - claim->at_ms % SUMS_MS;

	look->sums = claim->due.sums;
	if (look->sums.at_ms != at_ms) {
		look->over = look->sums;
		look->sums = (struct health_sums){ .latency_min = -1, .latency_max = -1 };
	}
	add_up(&look->sums, look, at_ms);
}

/* ---- the certificate ---- */

static int warn(const struct claim *claim, struct probe_look *look)
{
	const struct probe_due *due = &claim->due;
	bool is_other = claim->certificate && strcmp(claim->certificate, due->certificate) != 0;
	int64_t ends_ms = claim->certificate ? claim->certificate_ends_ms : due->certificate_ends_ms;
	int days = 0;

	look->certificate = claim->certificate;
	look->certificate_ends_ms = ends_ms;
	look->warned = is_other ? 0 : due->warned;
	if (ends_ms && !due->maintenance && due->enabled)
		days = certificate_warning(ends_ms, claim->at_ms, look->warned);
	if (days)
		look->warned = days;
	return days;
}

void judge(const struct claim *claim, enum health_parents parents, struct probe_look *ret_look,
	   struct health_next *ret_next, int *ret_warning)
{
	const struct probe_due *due = &claim->due;
	enum health_look seen = look_of(claim);
	bool parent_is_down = seen == LOOK_BAD && health_parent_is_down(parents);
	struct health_next next = health_next(&due->state, &due->rules, seen, parents, claim->at_ms);
	struct probe_look look = {
		.check_id = due->check_id,
		.project_id = due->project_id,
		.fence = due->fence,
		.version = due->version,
		.verdict = verdict_of(claim, parent_is_down),
		.ok = claim->ok,
		.error = parent_is_down ? "PARENT_DOWN" : claim->error,
		.status_code = claim->status_code,
		.latency_ms = claim->latency_ms,
		.at_ms = claim->at_ms,
		.next_ms = next_look(claim, next.confirm),
		.interval_ms = due->interval_ms,
		.state = next.state,
		.changed = next.state.n_changes != due->state.n_changes ||
			   memcmp(next.state.changes, due->state.changes, sizeof(next.state.changes)) != 0,
	};

	sum_up(claim, &look);
	*ret_warning = warn(claim, &look);
	look.tell_back = next.event != HEALTH_NOTHING || *ret_warning;
	*ret_look = look;
	*ret_next = next;
}
