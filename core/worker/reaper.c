/* The reaper.
 *
 * Easy to break: each page is a fiber of its own, so that its memory goes with it: one account may list tens of
 * thousands of deployments. The page's fiber reads and writes a struct of the one that waits for it, which therefore
 * must not leave before. */
#include "worker/reaper.h"

#include "base/clock.h"
#include "store/orphans.h"
#include "worker/steps.h"

#include <string.h>

#define MOST_PAGES       1000
#define MOST_CURSOR      512              /* a provider's is 500 bytes at most, see plugin/answers.c */
#define PAGE_MS          (10 * 60 * 1000) /* the list, and what is destroyed of it */
#define RELEASE_MS       5000
#define MOST_SEEN        (8 * 1024 * 1024) /* two hundred thousand attempts */
#define MOST_VANISHED    100               /* asked for one by one after one inventory */
#define CLOCKS_MS        2000              /* by which ours and the database's may differ */
#define DUPLICATE_AGE_MS 120000            /* younger ones may still be between answer and commit */

static const struct known_attempt *find_known(const struct known_attempt *known, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(known[i].id, id))
			return &known[i];
	return NULL;
}

/* Returns the word of the ledger for what came of it. */
static const char *destroy(struct call *call, struct instance *instance, const struct deployment *d, const char *why)
{
	int r = provider_destroy(call, instance, arena_text(call->arena, d->id));

	if (r == OK || r == E_NOT_FOUND)
		log_warn("Reaper", "Provider had a deployment nobody wants; it is destroyed", F_TEXT("reason", why),
			 F_STR("providerDeploymentId", d->id), F_STR("attemptId", d->attempt_id));
	else
		log_warn("Reaper", "Provider did not destroy a deployment nobody wants", F_TEXT("error", call->why),
			 F_STR("providerDeploymentId", d->id));
	return r == OK || r == E_NOT_FOUND ? "DESTROYED" : "DESTROYING";
}

struct account {
	const struct reaper *reaper;
	const struct reap_target *target;
	const struct inventory *inventory;
	int64_t held_ms; /* clock_mono_ms() when its lease began */
	struct str tag;
	char cursor[MOST_CURSOR];
	bool has_more, failed;
	int64_t began_ms; /* by the database's clock or a little before */
	struct buf seen;  /* attempts that are known and were listed, each followed by a line feed */
};

/* Before each step: a step is shorter than half of a lease. E_CONFLICT: another worker has the account by now. */
static int hold(struct call *call, struct account *account)
{
	const struct reconciler *rec = account->reaper->rec;
	int64_t now_ms = clock_mono_ms();

	if (now_ms - account->held_ms < rec->lease_ms / 3)
		return OK;
	account->held_ms = now_ms;
	return inventory_extend(call, rec->db, account->inventory, rec->lease_ms);
}

static struct str account_provider(const struct account *account)
{
	return provider_name(account->reaper->rec->providers, account->target->provider);
}

static void enter(struct call *call, const struct account *account, const struct deployment *d, struct str project_id,
		  const char *kind, const char *action)
{
	const struct orphan orphan = { .found_by = account->target->project_id,
				       .provider = account_provider(account),
				       .provider_id = d->id,
				       .attempt_id = d->attempt_id,
				       .url = d->url,
				       .project_id = project_id,
				       .kind = kind,
				       .action = action };

	if (orphan_put(call, account->reaper->rec->db, &orphan) != OK && !call_cancelled(call))
		log_warn("Reaper", "An orphan could not be written down", F_TEXT("error", call->why));
}

/* Made by this installation, and its database does not know the attempt. */
static void judge_unknown(struct call *call, const struct account *account, struct instance *instance,
			  const struct deployment *d)
{
	const char *action = "NAMED";

	if (account->reaper->destroy_orphans)
		action = destroy(call, instance, d, "made by this installation, unknown to its database");
	else
		log_warn("Reaper", "Provider has a deployment of this installation that its database does not know",
			 F_STR("providerDeploymentId", d->id), F_STR("attemptId", d->attempt_id), F_STR("url", d->url));
	enter(call, account, d, (struct str){ 0 }, "UNKNOWN", action);
}

static void judge(struct call *call, struct account *account, struct instance *instance, const struct deployment *d,
		  const struct known_attempt *known)
{
	const struct reaper *reaper = account->reaper;
	int64_t age = clock_wall_ms() - d->created_at_ms;

	if (known && str_eq(known->state, STR("gone"))) {
		struct push_list push = { 0 };

		if (reap_revive(call, reaper->rec->db, d->attempt_id, d->id, &push) == OK)
			queue_push(reaper->rec->queue, &push);
		enter(call, account, d, known->project_id, "UNWANTED", "DESTROYING");
	} else if (known && (known->provider_id.n == 0 || str_eq(known->provider_id, d->id))) {
		buf_printf(&account->seen, "%.*s\n", STR_FMT(d->attempt_id));
	} else if (known && age > DUPLICATE_AGE_MS) {
		enter(call, account, d, known->project_id, "DUPLICATE",
		      destroy(call, instance, d, "a second deployment of one attempt"));
	} else if (!known && str_ends(d->attempt_id, account->tag) && d->created_at_ms > 0 &&
		   age > reaper->orphan_age_ms) {
		judge_unknown(call, account, instance, d);
	}
}

static bool is_live(const struct deployment *d)
{
	return d->state != DEPLOYMENT_GONE && d->id.n && d->attempt_id.n;
}

static int judge_page(struct call *call, struct account *account, struct instance *instance,
		      const struct deployment_list *page)
{
	struct str *ids = arena_alloc(call->arena, (page->n_items + 1) * sizeof(*ids));
	const struct known_attempt *known = NULL;
	size_t n_known = 0;
	int r;

	for (size_t i = 0; i < page->n_items; i++)
		ids[i] = page->items[i].attempt_id;
	r = reap_known(call, account->reaper->rec->db, ids, page->n_items, &known, &n_known);
	for (size_t i = 0; r == OK && i < page->n_items; i++) {
		r = hold(call, account);
		if (r == OK && is_live(&page->items[i]))
			judge(call, account, instance, &page->items[i],
			      find_known(known, n_known, page->items[i].attempt_id));
	}
	return r;
}

static int open_account(struct call *call, const struct account *account, struct instance **ret)
{
	const struct reap_target *target = account->target;

	return provider_open(call, account->reaper->rec->providers, account_provider(account), target->project_id,
			     target->settings, target->settings_version, ret);
}

static void reap_page(struct call *call, void *arg)
{
	struct account *account = arg;
	const struct reaper *reaper = account->reaper;
	struct str provider = account_provider(account);
	struct deployment_list page = { 0 };
	struct instance *instance = NULL;
	int r = open_account(call, account, &instance);

	account->has_more = false;
	if (r == OK) {
		int64_t before = provider_deadline(call, reaper->rec);

		r = provider_list(call, instance, account->cursor, &page);
		call->deadline_ms = before;
	}
	if (r == OK)
		r = judge_page(call, account, instance, &page);
	instance_release(instance);
	account->failed = r != OK || page.next_cursor.n >= MOST_CURSOR;
	if (r != OK && r != E_UNSUPPORTED && r != E_CANCELLED && r != E_CONFLICT)
		log_warn("Reaper", "Provider could not be asked for its deployments", F_STR("provider", provider),
			 F_TEXT("error", call->why));
	if (r != OK || page.next_cursor.n == 0 || page.next_cursor.n >= MOST_CURSOR)
		return;
	memcpy(account->cursor, page.next_cursor.p, page.next_cursor.n);
	account->cursor[page.next_cursor.n] = '\0';
	account->has_more = true;
}

/* ---- previews whose deployment is not there ---- */

static struct str *seen_ids(struct call *call, const struct account *account, size_t *ret_n)
{
	struct str rest = buf_str(&account->seen);
	struct str *ids;
	size_t n = 0;

	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == '\n';
	ids = arena_alloc(call->arena, (n + 1) * sizeof(*ids));
	for (n = 0; rest.n; n++)
		ids[n] = str_split(&rest, '\n');
	*ret_n = n;
	return ids;
}

/* It was not listed; only when the provider also says so of this one it is written down. Nothing is done about it: a
 * retry deploys it again. */
static void ask_for_missing(struct call *call, const struct account *account, struct instance *instance,
			    const struct db_rows *rows, int i)
{
	const struct deployment missing = { .id = db_text(rows, i, "provider_id"),
					    .attempt_id = db_text(rows, i, "id"),
					    .url = db_text(rows, i, "url") };
	int64_t before = provider_deadline(call, account->reaper->rec);
	struct deployment now = { 0 };
	int r = provider_status(call, instance, arena_text(call->arena, missing.id), &now);

	call->deadline_ms = before;
	if (r == E_NOT_FOUND || (r == OK && now.state == DEPLOYMENT_GONE)) {
		log_warn("Reaper", "The deployment of a preview is not there any more: a retry deploys it again",
			 F_STR("providerDeploymentId", missing.id), F_STR("attemptId", missing.attempt_id));
		enter(call, account, &missing, db_text(rows, i, "project_id"), "VANISHED", "NAMED");
	}
}

static void close_inventory(struct call *call, void *arg)
{
	struct account *account = arg;
	const struct reaper *reaper = account->reaper;
	struct str found_by = account->target->project_id, provider = account_provider(account), *seen;
	struct instance *instance = NULL;
	struct db_rows rows = { 0 };
	size_t n;
	int r;

	seen = seen_ids(call, account, &n);
	r = orphans_ready(call, reaper->rec->db, found_by, provider, account->began_ms, seen, n, MOST_VANISHED, &rows);
	if (r == OK && rows.n_rows > 0)
		r = open_account(call, account, &instance);
	for (int i = 0; r == OK && i < rows.n_rows && !queue_is_draining(reaper->rec->queue); i++) {
		r = hold(call, account);
		if (r == OK)
			ask_for_missing(call, account, instance, &rows, i);
	}
	instance_release(instance);
	if (r == OK)
		r = orphans_resolve(call, reaper->rec->db, found_by, provider, account->began_ms);
	if (r != OK && r != E_CANCELLED)
		log_warn("Reaper", "An inventory could not be compared to its end", F_TEXT("error", call->why));
}

/* *ret: it came to its end, be that a failure of the provider. */
static void read_account(struct call *call, const struct reaper *reaper, const struct reap_target *target,
			 const struct inventory *inventory, struct str tag, bool *ret)
{
	struct account account = { .reaper = reaper,
				   .target = target,
				   .inventory = inventory,
				   .held_ms = clock_mono_ms(),
				   .tag = tag,
				   .has_more = true };
	struct fiber_options options = { .name = "reap-page", .timeout_ms = PAGE_MS };
	int n = 0, r = OK;

	buf_init(&account.seen, MOST_SEEN);
	account.began_ms = clock_wall_ms() - CLOCKS_MS;
	call_shield(call); /* who stops stops the page as well: it is waited for, not left behind */
	for (; r == OK && account.has_more && n < MOST_PAGES && !queue_is_draining(reaper->rec->queue); n++) {
		r = hold(call, &account);
		if (r == OK)
			r = fiber_run(call, &options, reap_page, &account);
	}
	if (r == OK && !account.has_more && !account.failed && !account.seen.overflow &&
	    !queue_is_draining(reaper->rec->queue))
		fiber_run(call, &options, close_inventory, &account);
	call_unshield(call);
	buf_done(&account.seen);
	*ret = r == OK && !queue_is_draining(reaper->rec->queue);
	if (n == MOST_PAGES && account.has_more)
		log_warn("Reaper", "Provider lists more of ours than is looked at; what comes last is not compared",
			 F_STR("provider", target->provider), F_INT("pages", MOST_PAGES));
}

static void reap_account(struct call *call, const struct reaper *reaper, const struct reap_target *target,
			 struct str tag)
{
	const struct inventory inventory = { .project_id = target->project_id,
					     .provider = target->provider,
					     .worker = reaper->worker };
	int64_t every_ms = reaper->every_ms - reaper->every_ms / 10; /* due when this worker looks the next time */
	struct db *db = reaper->rec->db;
	bool is_ours = false, done = false;
	int64_t deadline_ms = call->deadline_ms;
	int r = inventory_claim(call, db, &inventory, reaper->rec->lease_ms, every_ms, &is_ours);

	if (r == OK && is_ours) {
		read_account(call, reaper, target, &inventory, tag, &done);
		call->deadline_ms = clock_mono_ms() + RELEASE_MS;
		call_shield(call); /* whoever comes next need not wait for the lease's end */
		r = inventory_release(call, db, &inventory, !done);
		call_unshield(call);
		call->deadline_ms = deadline_ms;
	}
	if (r != OK && r != E_CANCELLED)
		log_warn("Reaper", "Whose turn it is to ask a provider could not be read or stored",
			 F_STR("provider", inventory.provider), F_TEXT("error", call->why));
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

	/* spread over the interval, so that several workers do not look at the same moment */
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

int reaper_release(struct call *call, struct db *db, struct str worker)
{
	return inventory_release(call, db, &(struct inventory){ .worker = worker }, true);
}
