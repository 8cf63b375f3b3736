/* Are we online? Asked when a probe of a public address failed in a way that our own network could be to blame for.
 *
 *   failure -> held -> a round that ends after the probe began: any sentinel answers -> the failure counts
 *                                                               none does           -> it says nothing
 * A round that ended while the probe was under way will do; else the next one is waited for. At most one every five
 * seconds, of three seconds at most, so nothing is held for longer than the two together. */
#include "worker/prober_inner.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_EVERY_MS 5000
#define ROUND_MS       3000

static void release(struct prober *p, bool back)
{
	struct sentinels *s = &p->sentinels;
	struct claim_list held = s->held;
	struct claim *claim;

	s->held = (struct claim_list){ 0 };
	while ((claim = claim_pop(&held))) {
		/* Its name failed while we were offline: that we are back does not make it fail now. */
		claim->is_ours = claim->is_ours || !s->online || (back && claim->is_remembered);
		prober_settle(claim);
	}
}

static void finish(struct prober *p)
{
	struct sentinels *s = &p->sentinels;
	bool back = s->any_good && !s->online;

	if (s->online != s->any_good)
		log_warn("Prober",
			 s->any_good ? "The sentinels answer again: probes count"
				     : "No sentinel answers: this worker seems to be offline, and probes that fail for "
				       "the network's reasons do not count");
	s->online = s->any_good;
	s->running = false;
	s->ended_ms = clock_mono_ms();
	if (back)
		probes_forget_failures(p->probes);
	release(p, back);
}

/* Whatever they answer, they are there; and so are we. That we may not ask proves nothing. */
static void on_sentinel_done(void *arg, const struct probe_result *result)
{
	struct prober *p = arg;
	struct sentinels *s = &p->sentinels;

	if (p->closing)
		return;
	s->answered++;
	if (probe_end_is_of_target(result->end) && result->remote_ip[0])
		s->any_good = true;
	if (s->answered == s->asked)
		finish(p);
}

static void ask(struct prober *p)
{
	struct sentinels *s = &p->sentinels;

	s->running = true;
	s->any_good = false;
	s->asked = s->n;
	s->answered = 0;
	s->began_ms = clock_mono_ms();
	for (size_t i = 0; i < s->n; i++) {
		struct probe_request request = {
			.url = s->urls[i],
			.method = "HEAD",
			.timeout_ms = ROUND_MS,
			.fresh = true,
			.first = true,
			.allow_private = true,
		};

		probe_start(p->probes, &request, on_sentinel_done, p);
	}
}

static void on_time(uv_timer_t *timer)
{
	struct prober *p = timer->data;

	if (!p->sentinels.running && p->sentinels.held.n)
		ask(p);
}

void sentinels_hold(struct claim *claim)
{
	struct prober *p = claim->prober;
	struct sentinels *s = &p->sentinels;
	int64_t now = clock_mono_ms(), left = s->began_ms + ROUND_EVERY_MS - now;

	if (s->n == 0 || (!s->running && s->ended_ms >= claim->began_ms)) {
		claim->is_ours = claim->is_ours || (s->n && !s->online);
		prober_settle(claim);
		return;
	}
	claim->state = CLAIM_HELD;
	claim_push(&s->held, claim);
	if (s->running || uv_is_active((uv_handle_t *)&s->timer))
		return;
	uv_update_time(loop_uv(p->o.loop));
	uv_timer_start(&s->timer, on_time, left > 0 ? (uint64_t)left : 0, 0);
}

void sentinels_init(struct prober *p)
{
	struct sentinels *s = &p->sentinels;
	struct str rest = p->o.sentinels;

	uv_timer_init(loop_uv(p->o.loop), &s->timer);
	s->timer.data = p;
	s->online = true;
	s->began_ms = -ROUND_EVERY_MS;
	s->ended_ms = -1;
	if (str_eq(str_trim(rest), STR("none")))
		return;
	while (rest.n && s->n < PROBE_SENTINELS_MAX) {
		struct str url = str_trim(str_split(&rest, ','));

		if (url.n)
			s->urls[s->n++] = url;
	}
}
