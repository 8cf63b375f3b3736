/* Who sweeps what, and when. */
#include "worker/github_inner.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

#define SWEEP_MS       120000
#define LEASE_MS       150000 /* longer than a sweep: a second worker only comes when the first is gone */
#define RELEASE_MS     5000
#define MOST_AT_ONCE   1000 /* repositories in one round */
#define LEAST_TICK_MS  100
#define MOST_TICK_MS   10000
#define ERROR_PAUSE_MS 30000
#define APP            STR("(app)") /* the row of the App's own webhook; no repository is called so */

int sweep_run(struct call *call, fiber_fn *fn, void *arg)
{
	struct fiber_options options = { .name = "github", .timeout_ms = call_left_ms(call) };
	int r;

	if (options.timeout_ms <= 0)
		return call_fail(call, E_TIMEOUT, "the sweep took longer than %d s", SWEEP_MS / 1000);
	call_shield(call);
	r = fiber_run(call, &options, fn, arg);
	call_unshield(call);
	return r;
}

void sweep_say(const struct sweep *s, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (!s->report)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	buf_printf(s->report, "%.*s: %s\n", STR_FMT(s->repo->spelled), line);
}

/* ---- one repository ---- */

static int sweep_repo(struct call *call, struct sweep *s, struct github_swept *swept)
{
	const struct github_sweeper *o = s->o;
	int r, settled;

	if (str_eq(s->repo->repo, APP))
		return sweep_app_hook(call, s, swept);
	s->numbers = arena_alloc(s->arena, MOST_LISTED * sizeof(*s->numbers));
	s->findings = arena_alloc(s->arena, MOST_FINDINGS * sizeof(*s->findings));
	r = github_session_open(call, o->github, s->repo->spelled, &s->session);
	if (r == OK)
		r = deliveries_projects(call, o->db, &s->repo->repo, 1, &s->projects);
	if (r == OK)
		r = github_closings(call, o->db, s->repo->repo, &s->closings, &s->n_closings);
	if (r == OK && !github_is_app(o->github)) /* the App has one webhook for all */
		r = sweep_hook(call, s, swept);
	if (r == OK)
		r = sweep_pulls(call, s, swept);
	if (r == E_CANCELLED || r == E_TIMEOUT)
		return r;
	if (r != OK) {
		const char *why = arena_text(s->arena, str_of(call->why));

		settled = sweep_settle(call, s, true);
		return settled == OK ? call_fail(call, r, "%s", why) : settled;
	}
	return sweep_settle(call, s, false);
}

static struct github_swept nothing_swept(int64_t next_ms)
{
	return (struct github_swept){ .next_ms = next_ms, .hook_id = -1 };
}

/* Who shares the allowance of this sweep: with a token everybody; an App has one for each account that it is installed
 * for, and one of its own. */
static struct str sharers(const struct sweep *s)
{
	struct str rest = s->repo->repo;

	return github_is_app(s->o->github) ? str_split(&rest, '/') : STR("");
}

/* How it ended, and when the next sweep is due. */
static int let_go(struct call *call, const struct sweep *s, struct github_swept *swept, int r)
{
	const struct github_sweeper *o = s->o;
	int64_t pause_ms = s->session.pause_until_ms;

	if (r != OK) {
		swept->error = str_of(call->why);
		swept->etags = (struct str){ 0 };
		if (r != E_CANCELLED && r != E_LIMITED)
			log_warn("Sweep", "GitHub's pull requests could not be compared with ours",
				 F_STR("repository", s->repo->spelled), F_STR("error", swept->error));
		if (r == E_UPSTREAM || r == E_NETWORK || r == E_TIMEOUT)
			swept->next_ms = o->every_ms < ERROR_PAUSE_MS ? o->every_ms : ERROR_PAUSE_MS;
		if (r == E_LIMITED && call->retry_after_ms > swept->next_ms)
			swept->next_ms = call->retry_after_ms;
	}
	if (pause_ms > clock_wall_ms()) {
		log_warn("Sweep", "GitHub's allowance of requests runs low: nothing more is asked for a while",
			 F_INT("pauseMs", pause_ms - clock_wall_ms()));
		github_pause(call, o->db, pause_ms, sharers(s));
	}
	return github_repo_release(call, o->db, s->repo->repo, o->worker, swept);
}

struct round {
	const struct github_sweeper *o;
	bool claimed;
};

static void sweep_next(struct call *call, void *arg)
{
	struct round *round = arg;
	const struct github_sweeper *o = round->o;
	struct github_repo repo;
	struct sweep s = { .o = o, .repo = &repo, .arena = call->arena };
	struct github_swept swept = nothing_swept(o->every_ms);
	int r = github_repo_claim(call, o->db, o->worker, LEASE_MS, (struct str){ 0 }, &repo);

	round->claimed = r == OK;
	if (r != OK)
		return;
	r = sweep_repo(call, &s, &swept);
	call->deadline_ms = clock_mono_ms() + RELEASE_MS;
	call_shield(call); /* whoever comes next need not wait for the lease's end */
	if (let_go(call, &s, &swept, r) != OK)
		log_warn("Sweep", "A sweep's end could not be stored; its lease runs out",
			 F_STR("repository", repo.spelled), F_TEXT("error", call->why));
	call_unshield(call);
}

static void sync_repos(struct call *call, void *arg)
{
	const struct github_sweeper *o = arg;

	if (github_repos_sync(call, o->db, github_is_app(o->github)) != OK && !call_cancelled(call))
		log_warn("Sweep", "The repositories to sweep could not be read", F_TEXT("error", call->why));
}

static void sweep_loop(struct call *call, void *arg)
{
	struct github_sweeper *o = arg;
	struct fiber_options sync = { .name = "sweep-sync", .timeout_ms = 10000 };
	struct fiber_options one = { .name = "sweep-repo", .timeout_ms = SWEEP_MS };
	int64_t tick_ms = o->every_ms / 10;

	tick_ms = tick_ms < LEAST_TICK_MS ? LEAST_TICK_MS : tick_ms > MOST_TICK_MS ? MOST_TICK_MS : tick_ms;
	while (fiber_sleep(call, tick_ms) == OK) {
		struct round round = { .o = o, .claimed = true };
		int r = fiber_run(call, &sync, sync_repos, o);

		for (int n = 0; r == OK && round.claimed && n < MOST_AT_ONCE && !queue_is_draining(o->queue); n++) {
			round.claimed = false;
			call_shield(call); /* it writes into round: it is waited for, and cancelled by who stops */
			r = fiber_run(call, &one, sweep_next, &round);
			call_unshield(call);
		}
	}
}

void github_sweep_start(struct loop *loop, struct github_sweeper *sweeper)
{
	struct fiber_options options = { .name = "sweeps" };

	if (github_is_configured(sweeper->github))
		fiber_start(loop, &options, sweep_loop, sweeper, NULL);
}

/* ---- a dry run ---- */

struct dry {
	const struct github_sweeper *o;
	const struct github_repo *repo;
	struct buf *report;
	bool paused;
};

static void report_repo(struct call *call, void *arg)
{
	struct dry *dry = arg;
	struct sweep s = { .o = dry->o, .repo = dry->repo, .arena = call->arena, .report = dry->report };
	struct github_swept swept = nothing_swept(0);
	size_t before = dry->report->n;
	int r = sweep_repo(call, &s, &swept);

	if (r != OK)
		sweep_say(&s, "could not be compared: %s", call->why);
	else if (dry->report->n == before)
		sweep_say(&s, "nothing differs");
	dry->paused = r == E_LIMITED && !github_is_app(dry->o->github); /* an App has an allowance for each account */
}

int github_sweep_report(struct call *call, const struct github_sweeper *o, struct buf *report)
{
	struct fiber_options options = { .name = "sweep-report", .timeout_ms = SWEEP_MS };
	struct dry dry = { .o = o, .report = report };
	const struct github_repo *repos;
	struct str after = STR("");
	size_t n = 0;
	int r = github_repos_sync(call, o->db, github_is_app(o->github));

	if (r != OK)
		return r;
	do {
		r = github_repos_list(call, o->db, after, &repos, &n);
		for (size_t i = 0; r == OK && i < n && !dry.paused; i++) {
			dry.repo = &repos[i];
			after = repos[i].repo;
			call_shield(call);
			r = fiber_run(call, &options, report_repo, &dry);
			call_unshield(call);
		}
	} while (r == OK && n == GITHUB_REPOS_PAGE && !dry.paused);
	return r;
}
