/* Alerts become notifications. */
#include "worker/announce.h"

#include "base/clock.h"
#include "store/incidents.h"

#define MOST_ROUNDS 20 /* full batches in one go; what is left the next one takes */
#define CLEAN_MS    3600000

static void announce(struct call *call, void *arg)
{
	struct announcer *a = arg;
	int64_t n = HEALTH_ANNOUNCE_MOST;
	int r = OK;

	for (int i = 0; i < MOST_ROUNDS && n >= HEALTH_ANNOUNCE_MOST; i++) {
		r = incidents_announce(call, a->db, a->group_ms, 0, &n);
		if (r != OK)
			break;
		if (n)
			log_info("Health", "Alerts were announced", F_INT("alerts", n));
	}
	if (r != OK && r != E_CANCELLED)
		log_warn("Health", "Alerts could not be announced; it is tried again", F_TEXT("error", call->why));
}

static void clean(struct call *call, void *arg)
{
	struct announcer *a = arg;
	int r = incidents_clean(call, a->db);

	if (r != OK && r != E_CANCELLED)
		log_warn("Health", "Old incidents could not be cleared away; it is tried again",
			 F_TEXT("error", call->why));
}

static void announce_loop(struct call *call, void *arg)
{
	struct announcer *a = arg;
	struct fiber_options options = { .name = "announce", .timeout_ms = 10000 };
	int64_t cleaned_ms = clock_mono_ms();

	while (fiber_sleep(call, a->every_ms) == OK) {
		if (queue_is_draining(a->queue))
			continue;
		fiber_run(call, &options, announce, a);
		if (clock_mono_ms() - cleaned_ms < CLEAN_MS)
			continue;
		cleaned_ms = clock_mono_ms();
		fiber_run(call, &options, clean, a);
	}
}

void announce_start(struct loop *loop, struct announcer *announcer)
{
	struct fiber_options options = { .name = "announcer" };

	fiber_start(loop, &options, announce_loop, announcer, NULL);
}
