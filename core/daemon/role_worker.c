/* The worker process: plugins, the queues, the reconciler, the reaper, the notifier, sweeps of GitHub. */
#include "daemon/github.h"
#include "daemon/process.h"

#include "plugin/plugin.h"
#include "probe/rules.h"
#include "store/health_runs.h"
#include "store/plugins.h"
#include "store/probe_networks.h"
#include "worker/announce.h"
#include "worker/approval.h"
#include "worker/deletion.h"
#include "worker/line.h"
#include "worker/notify.h"
#include "worker/prober.h"
#include "worker/reaper.h"
#include "worker/retention.h"
#include "worker/rotate.h"
#include "worker/verify.h"

#include <fcntl.h>

#define STRIKES           3 /* crashes of a plugin in one job before the job is dead */
#define WORKER_FIBERS     2048
#define NOTIFIERS_AT_ONCE 64
#define ANNOUNCE_MS       1000

struct worker {
	struct process process;
	const struct child_options *options;
	struct db *db;
	struct net *net;
	struct catalog *catalog;
	struct key_ring *keys;
	struct providers providers;
	struct probe_rules probe_rules;
	struct queue *queue, *notify_queue;
	struct reconciler reconciler;
	struct reaper reaper;
	struct retention retention;
	struct deletion deletion;
	struct line line;
	struct github github;
	struct approver approver;
	struct github_sweeper sweeper;
	struct notify notify;
	struct announcer announcer;
	struct rotator rotator;
	struct prober *prober; /* NULL with PROBES=0 */
	struct job_handler handlers[6], notify_handlers[3];
};

static struct outcome run_noop(struct call *call, void *arg, const struct job *job)
{
	(void)call;
	(void)arg;
	(void)job;
	return OUTCOME_DONE;
}

static void save_catalog(struct call *call, struct worker *w)
{
	static const char *const states[] = { "loaded", "refused", "disabled" };
	size_t n = catalog_size(w->catalog);
	struct plugin_row *rows = arena_alloc(call->arena, (n + 1) * sizeof(*rows));

	for (size_t i = 0; i < n; i++) {
		const struct catalog_entry *e = catalog_at(w->catalog, i);
		const struct opshub_plugin *about = e->plugin ? &e->plugin->about : NULL;

		rows[i] = (struct plugin_row){
			.file = arena_printf(call->arena, "%.*s.so", STR_FMT(e->name)),
			.name = e->name,
			.kind = str_of(about ? plugin_kind_name(about->kind) : "unknown"),
			.version = str_of(about ? about->version : ""),
			.abi = about ? arena_printf(call->arena, "%u.%u", about->abi_major, about->abi_minor) : STR(""),
			.summary = str_of(about ? about->summary : ""),
			.license = str_of(about ? about->license : ""),
			.state = states[e->state],
			.reason = e->reason,
			.settings = e->settings_json,
		};
	}
	if (plugins_save(call, w->db, rows, n) != OK)
		log_warn("Worker", "The plugin catalog could not be stored", F_TEXT("error", call->why));
}

/* What the process before us left behind: the strike for a crashed plugin's job, then its leases. */
static void settle_predecessor(struct call *call, struct worker *w)
{
	const struct child_options *o = w->options;
	struct push_list list = { 0 };
	bool dead = false;

	if (!o->predecessor)
		return;
	if (o->crash_job && jobs_crashed(call, w->db, str_of(o->crash_job), str_of(o->predecessor),
					 str_of(o->crash_why), STRIKES, &list, &dead) == OK) {
		queue_push(w->queue, &list);
		if (dead)
			log_error("DeploymentProcessor",
				  "Provider plugin crashed three times in one job; it is dead until it is retried",
				  F_TEXT("jobId", o->crash_job), F_TEXT("reason", "PLUGIN_CRASH"),
				  F_TEXT("error", o->crash_why));
	}
	reaper_release(call, w->db, str_of(o->predecessor)); /* else its leases run out */
	prober_take_over(call, w->db, str_of(o->predecessor));
	if (jobs_release(call, w->db, str_of(o->predecessor), &list) == OK) {
		queue_push(w->queue, &list);
		if (list.n)
			log_info("Worker", "Jobs of a worker that ended were taken over",
				 F_INT("jobs", (int64_t)list.n));
	}
}

static void open_sweeper(struct worker *w)
{
	w->sweeper = (struct github_sweeper){ .db = w->db, .queue = w->queue, .worker = str_of(w->options->id) };
	github_sweeper_configure(w->process.config, &w->github, &w->sweeper);
	github_sweep_start(w->process.loop, &w->sweeper);
}

static struct health_days health_days(const struct config *c)
{
	return (struct health_days){ .samples = c->health_sample_days,
				     .rollups_5m = c->health_rollup_5m_days,
				     .rollups_1h = c->health_rollup_1h_days,
				     .rollups_1d = c->health_rollup_1d_days };
}

static void open_rotator(struct worker *w)
{
	const struct config *c = w->process.config;

	w->rotator = (struct rotator){
		.db = w->db,
		.net = w->net,
		.providers = &w->providers,
		.worker = str_of(w->options->id),
		.program = c->rotation_verify_program,
		.program_ms = c->rotation_verify_ms,
		.trial_ms = c->rotation_trial_ms,
		.evaluate_ms = c->rotation_evaluate_ms,
		.sweep_ms = c->repair_ms,
		.most_values = c->rotation_values,
		.retry_ms = c->rotation_retry_ms,
	};
	page_check_read(str_of(c->rotation_check), &w->rotator.page_check);
	w->handlers[4] = (struct job_handler){ "rotate", rotate_run, &w->rotator };
}

static void open_queue(struct worker *w)
{
	const struct config *c = w->process.config;
	struct queue_options options = {
		.loop = w->process.loop,
		.db = w->db,
		.redis_url = c->redis_url,
		.name = STR("preview-queue"),
		.worker = str_of(w->options->id),
		.concurrency = (unsigned)c->jobs_at_once,
		.lease_ms = c->job_lease_ms,
		.sweep_ms = c->sweep_ms,
		.repair_ms = c->repair_ms,
		.handlers = w->handlers,
	};
	int64_t half_lease = c->job_lease_ms / 2;

	w->reconciler = (struct reconciler){
		.db = w->db,
		.providers = &w->providers,
		.lease_ms = c->job_lease_ms,
		.call_ms = c->provider_timeout_ms < half_lease ? c->provider_timeout_ms : half_lease,
		.settle_ms = c->provider_settle_ms,
		.build_ms = c->build_timeout_ms,
		.public_url = str_of(c->api_base_url),
		.account_builds = c->builds_per_account,
	};
	w->handlers[0] = (struct job_handler){ "reconcile", reconcile, &w->reconciler };
	w->github = github_from(c, w->net);
	w->approver = (struct approver){ .db = w->db, .github = &w->github };
	w->handlers[1] = (struct job_handler){ "verify", verify_provider, &w->reconciler };
	w->handlers[2] = (struct job_handler){ "noop", run_noop, NULL };
	w->handlers[3] = (struct job_handler){ "approval", approve, &w->approver };
	open_rotator(w);
	w->queue = w->reconciler.queue = w->approver.queue = w->rotator.queue = queue_open(&options);
	rotate_start(w->process.loop, &w->rotator);
	w->reaper = (struct reaper){ .rec = &w->reconciler,
				     .worker = str_of(w->options->id),
				     .every_ms = c->reap_ms,
				     .destroy_orphans = c->reap_orphans,
				     .orphan_age_ms = 3600000 };
	reaper_start(w->process.loop, &w->reaper);
	w->retention = (struct retention){ .db = w->db,
					   .queue = w->queue,
					   .every_ms = c->retention_sweep_ms,
					   .delivery_days = c->delivery_retention_days,
					   .build_log_days = c->build_log_retention_days,
					   .health = health_days(c) };
	retention_start(w->process.loop, &w->retention);
	w->deletion = (struct deletion){ .db = w->db, .queue = w->queue, .every_ms = c->repair_ms };
	deletion_start(w->process.loop, &w->deletion);
	w->line = (struct line){ .db = w->db,
				 .queue = w->queue,
				 .wake_ms = c->sweep_ms,
				 .expire_ms = c->repair_ms,
				 .account_builds = c->builds_per_account };
	line_start(w->process.loop, &w->line);
	open_sweeper(w);
}

/* A queue of its own, so that a chat that hangs holds no preview back. */
static void open_notify_queue(struct worker *w)
{
	const struct config *c = w->process.config;
	struct queue_options options = {
		.loop = w->process.loop,
		.db = w->db,
		.redis_url = c->redis_url,
		.name = STR("notify-queue"),
		.worker = str_of(w->options->id),
		.concurrency = NOTIFIERS_AT_ONCE,
		.lease_ms = c->job_lease_ms,
		.repair_ms = c->repair_ms,
		.handlers = w->notify_handlers,
		.only_list = true,
	};

	w->notify = (struct notify){
		.db = w->db,
		.providers = &w->providers,
		.slack_is_disabled = c->disable_slack,
		.call_ms = w->reconciler.call_ms,
		.every_ms = c->sweep_ms,
		.most_age_ms = c->notify_age_ms,
	};
	w->notify_handlers[0] = (struct job_handler){ "notify", notify_run, &w->notify };
	w->notify_handlers[1] = (struct job_handler){ "notify-test", notify_test_run, &w->notify };
	w->notify_queue = w->notify.queue = queue_open(&options);
	notify_start(w->process.loop, &w->notify);
	w->announcer = (struct announcer){
		.db = w->db, .queue = w->notify_queue, .every_ms = ANNOUNCE_MS, .group_ms = c->health_group_ms
	};
	announce_start(w->process.loop, &w->announcer);
}

static void open_prober(struct worker *w)
{
	const struct config *c = w->process.config;
	struct prober_options options = {
		.loop = w->process.loop,
		.db = w->db,
		.keys = w->keys,
		.providers = &w->providers,
		.rules = &w->probe_rules,
		.worker = str_of(w->options->id),
		.at_once = (unsigned)c->probes_at_once,
		.sentinels = str_of(c->probe_sentinels[0] ? c->probe_sentinels : c->github_web_base),
	};

	if (c->probes)
		w->prober = prober_open(&options);
}

static void on_probe_wanted(void *arg)
{
	prober_wake(((struct worker *)arg)->prober);
}

static void save_probe_networks(struct call *call, struct worker *w)
{
	const struct probe_rules *rules = &w->probe_rules;
	struct str cidrs[PROBE_CIDRS_MAX];
	bool changed = false;

	for (size_t i = 0; i < rules->n_cidrs; i++)
		cidrs[i] = probe_cidr_text(call->arena, &rules->cidrs[i]);
	if (probe_networks_save(call, w->db, cidrs, rules->n_cidrs, &changed) != OK)
		log_warn("Worker", "The networks that probes may reach could not be compared with what they were",
			 F_TEXT("error", call->why));
	else if (changed)
		log_warn("Worker", "The private networks that probes may reach have changed",
			 F_INT("networks", (int64_t)rules->n_cidrs));
}

static void boot(struct call *call, void *arg)
{
	struct worker *w = arg;
	struct health_days days = health_days(w->process.config);

	if (!process_await_db(call, &w->process, w->db) || !process_check_keys(call, &w->process, w->db, w->keys))
		return;
	partitions_keep(call, w->db, &days); /* before anything is probed */
	open_queue(w);
	open_notify_queue(w);
	settle_predecessor(call, w);
	open_prober(w);
	save_catalog(call, w);
	save_probe_networks(call, w);
	heart_ready(w->process.heart);
}

/* ---- stop ---- */

static void leave(struct call *call, void *arg)
{
	struct worker *w = arg;

	(void)call;
	while (queue_active(w->queue) + queue_active(w->notify_queue) + prober_active(w->prober) &&
	       fiber_sleep(call, 20) == OK)
		;
	loop_stop(w->process.loop);
}

static void on_stop(void *arg)
{
	struct worker *w = arg;
	struct fiber_options options = { .name = "drain" };

	if (!w->queue) {
		loop_stop(w->process.loop);
		return;
	}
	queue_drain(w->queue);
	queue_drain(w->notify_queue);
	prober_drain(w->prober);
	fiber_start(w->process.loop, &options, leave, w, NULL);
}

static void release(struct call *call, void *arg)
{
	struct worker *w = arg;

	queue_release(call, w->queue);
	prober_release(call, w->prober);
}

static void close_all(struct worker *w)
{
	struct fiber_options options = { .name = "release", .timeout_ms = 2000 };

	process_run_out(&w->process);
	if (w->queue && fiber_start(w->process.loop, &options, release, w, NULL) == OK)
		process_finish_fibers(&w->process);
	w->prober = prober_close(w->prober);
	w->notify_queue = queue_close(w->notify_queue);
	w->queue = queue_close(w->queue);
	w->providers.plugins = plugins_close(w->providers.plugins);
	w->keys = key_ring_free(w->keys);
	w->net = net_close(w->net);
	github_sweeper_done(&w->sweeper);
	github_done(&w->github);
	w->db = db_close(w->db);
	process_done(&w->process);
	w->catalog = catalog_close(w->catalog);
}

int run_worker(const struct config *config, const struct child_options *options)
{
	static struct worker w; /* large for a stack, and there is one in a process */
	struct catalog_options catalog = {
		.folder = config->plugin_dir,
		.enabled = str_of(config->plugins_enabled),
		.disabled = str_of(config->plugins_disabled),
		.slack_is_disabled = config->disable_slack,
	};
	struct fiber_options boot_options = { .name = "boot" };

	w.options = options;
	config_probe_rules(config, &w.probe_rules);
	w.catalog = catalog_open(&catalog); /* before the loop and any thread */
	crash_install(fcntl(CHILD_CRASH_FD, F_GETFD) < 0 ? -1 : CHILD_CRASH_FD);
	process_init(&w.process, config, options, WORKER_FIBERS, on_stop, &w);
	w.net = net_open(w.process.loop);
	struct db_options db = { .url = config->database_url,
				 .application = w.process.application,
				 .shared = SHARED_CONNECTIONS,
				 .own = config_own_connections(config),
				 .listen = HEALTH_RUNS_CHANNEL,
				 .on_notify = on_probe_wanted,
				 .notify_arg = &w };
	w.db = db_open(w.process.loop, &db);
	w.keys = config_key_ring(config);
	w.providers = (struct providers){ .catalog = w.catalog,
					  .keys = w.keys,
					  .plugins = plugins_open(w.process.loop, w.net),
					  .use_mock = config->use_mock_provider,
					  .allow_private = config->plugins_allow_private };
	fiber_start(w.process.loop, &boot_options, boot, &w, NULL);
	loop_run(w.process.loop);
	close_all(&w);
	return w.process.exit_status;
}
