/* The reaper.
 *
 * Easy to break: each page is a fiber of its own, so that its memory goes with it: one account may list tens of
 * thousands of deployments. The page's fiber reads and writes a struct of the one that waits for it, which therefore
 * must not leave before. */
#include "worker/reaper.h"

#include "base/clock.h"
#include "worker/steps.h"

#include <string.h>

#define MOST_PAGES       1000
#define MOST_CURSOR      512              /* a provider's is 500 bytes at most, see plugin/answers.c */
#define PAGE_MS          (10 * 60 * 1000) /* the list, and what is destroyed of it */
#define DUPLICATE_AGE_MS 120000           /* younger ones may still be between answer and commit */

static const struct known_attempt *find_known(const struct known_attempt *known, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(known[i].id, id))
			return &known[i];
	return NULL;
}

static void destroy(struct call *call, struct instance *instance, const struct deployment *d, const char *why)
{
	int r = provider_destroy(call, instance, arena_text(call->arena, d->id));

	if (r == OK || r == E_NOT_FOUND)
		log_warn("Reaper", "Provider had a deployment nobody wants; it is destroyed", F_TEXT("reason", why),
			 F_STR("providerDeploymentId", d->id), F_STR("attemptId", d->attempt_id));
	else
		log_warn("Reaper", "Provider did not destroy a deployment nobody wants", F_TEXT("error", call->why),
			 F_STR("providerDeploymentId", d->id));
}

static void judge(struct call *call, const struct reaper *reaper, struct instance *instance, const struct deployment *d,
		  const struct known_attempt *known, struct str tag)
{
	int64_t age = clock_wall_ms() - d->created_at_ms;

	if (known && str_eq(known->state, STR("gone"))) {
		struct push_list push = { 0 };

		if (reap_revive(call, reaper->rec->db, d->attempt_id, d->id, &push) == OK)
			queue_push(reaper->rec->queue, &push);
	} else if (known) {
		if (known->provider_id.n && !str_eq(known->provider_id, d->id) && age > DUPLICATE_AGE_MS)
			destroy(call, instance, d, "a second deployment of one attempt");
	} else if (str_ends(d->attempt_id, tag) && d->created_at_ms > 0 && age > reaper->orphan_age_ms) {
		if (reaper->destroy_orphans)
			destroy(call, instance, d, "made by this installation, unknown to its database");
		else
			log_warn("Reaper",
				 "Provider has a deployment of this installation that its database does not know",
				 F_STR("providerDeploymentId", d->id), F_STR("attemptId", d->attempt_id),
				 F_STR("url", d->url));
	}
}

static bool is_live(const struct deployment *d)
{
	return d->state != DEPLOYMENT_GONE && d->id.n && d->attempt_id.n;
}

static int judge_page(struct call *call, const struct reaper *reaper, struct instance *instance,
		      const struct deployment_list *page, struct str tag)
{
	struct str *ids = arena_alloc(call->arena, (page->n_items + 1) * sizeof(*ids));
	const struct known_attempt *known = NULL;
	size_t n_known = 0;
	int r;

	for (size_t i = 0; i < page->n_items; i++)
		ids[i] = page->items[i].attempt_id;
	r = reap_known(call, reaper->rec->db, ids, page->n_items, &known, &n_known);
	for (size_t i = 0; r == OK && i < page->n_items; i++)
		if (is_live(&page->items[i]))
			judge(call, reaper, instance, &page->items[i],
			      find_known(known, n_known, page->items[i].attempt_id), tag);
	return r;
}

struct account {
	const struct reaper *reaper;
	const struct reap_target *target;
	struct str tag;
	char cursor[MOST_CURSOR];
	bool has_more;
};

static void reap_page(struct call *call, void *arg)
{
	struct account *account = arg;
	const struct reaper *reaper = account->reaper;
	const struct reap_target *target = account->target;
	struct str provider = provider_name(reaper->rec->providers, target->provider);
	struct deployment_list page = { 0 };
	struct instance *instance = NULL;
	int r = provider_open(call, reaper->rec->providers, provider, target->project_id, target->settings,
			      target->settings_version, &instance);

	account->has_more = false;
	if (r == OK) {
		int64_t before = provider_deadline(call, reaper->rec);

		r = provider_list(call, instance, account->cursor, &page);
		call->deadline_ms = before;
	}
	if (r == OK)
		r = judge_page(call, reaper, instance, &page, account->tag);
	instance_release(instance);
	if (r != OK && r != E_UNSUPPORTED && r != E_CANCELLED)
		log_warn("Reaper", "Provider could not be asked for its deployments", F_STR("provider", provider),
			 F_TEXT("error", call->why));
	if (r != OK || page.next_cursor.n == 0 || page.next_cursor.n >= MOST_CURSOR)
		return;
	memcpy(account->cursor, page.next_cursor.p, page.next_cursor.n);
	account->cursor[page.next_cursor.n] = '\0';
	account->has_more = true;
}

static void reap_account(struct call *call, const struct reaper *reaper, const struct reap_target *target,
			 struct str tag)
{
	struct account account = { .reaper = reaper, .target = target, .tag = tag, .has_more = true };
	struct fiber_options options = { .name = "reap-page", .timeout_ms = PAGE_MS };
	int n = 0, r = OK;

	call_shield(call); /* who stops stops the page as well: it is waited for, not left behind */
	for (; r == OK && account.has_more && n < MOST_PAGES && !queue_is_draining(reaper->rec->queue); n++)
		r = fiber_run(call, &options, reap_page, &account);
	call_unshield(call);
	if (n == MOST_PAGES && account.has_more)
		log_warn("Reaper", "Provider lists more of ours than is looked at; what comes last is not compared",
			 F_STR("provider", target->provider), F_INT("pages", MOST_PAGES));
}

static void reap(struct call *call, void *arg)
{
	const struct reaper *reaper = arg;
	struct reap_targets targets = { 0 };
	struct str instance_id;

	if (reap_targets(call, reaper->rec->db, &targets, &instance_id) != OK)
		return;
	for (size_t i = 0; i < targets.n && !call_cancelled(call) && !queue_is_draining(reaper->rec->queue); i++)
		reap_account(call, reaper, &targets.items[i], attempt_tag(instance_id));
}

static void reaper_loop(struct call *call, void *arg)
{
	struct reaper *reaper = arg;
	struct fiber_options options = { .name = "reap" };

	/* spread over the interval, so that several workers do not ask at the same moment */
	int64_t wait_ms = reaper->every_ms / 2 + (int64_t)(step_random() % (uint32_t)(reaper->every_ms / 2 + 1));

	while (fiber_sleep(call, wait_ms) == OK) {
		fiber_run(call, &options, reap, reaper);
		wait_ms = reaper->every_ms;
	}
}

void reaper_start(struct loop *loop, struct reaper *reaper)
{
	struct fiber_options options = { .name = "reaper" };

	fiber_start(loop, &options, reaper_loop, reaper, NULL);
}
