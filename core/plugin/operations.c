/* The operations of providers and notifiers as awaiting functions.
 *
 * Owns nothing. Each operation has two parts: run_… calls the plugin with a zeroed struct for its answer, perhaps on a
 * thread; copy_… turns that into ours, on the fiber, before anything else happens.
 * Easy to break: *ret is the caller's and is written on success only, which the answer_ functions see to. */
#include "plugin/answers.h"

struct args {
	struct instance *instance;
	const void *given; /* request, event or text, by operation */
	const char *more;  /* cursor or receipt */
	union {
		struct opshub_deployment deployment;
		struct opshub_deployment_page page;
		struct opshub_log_page log;
		struct opshub_report report;
		struct opshub_receipt receipt;
	} theirs;
	void *ret;
};

#define PROVIDER(c) (&(c)->plugin->provider)
#define NOTIFIER(c) (&(c)->plugin->notifier)
#define MEMORY(a)   ((a)->instance->memory)

static int run(struct call *call, struct instance *instance, const char *name, bool is_there, host_fn *fn,
	       host_fn *copy, struct args *args)
{
	const struct operation operation = { name, fn, copy, args };

	if (!is_there)
		return call_fail(call, E_UNSUPPORTED, "%s plugin %s does not have the operation %s",
				 plugin_word(instance->plugin), instance->plugin->about.name, name);
	args->instance = instance;
	return operation_run(call, instance, &operation);
}

/* ---- copies ---- */

static int copy_deployment(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return answer_deployment(c, &a->theirs.deployment, a->ret);
}

static int copy_page(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return answer_list(c, &a->theirs.page, a->ret);
}

static int copy_log(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return answer_log(c, &a->theirs.log, a->ret);
}

static int copy_report(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return answer_report(c, &a->theirs.report, a->ret);
}

static int copy_receipt(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	*(struct str *)a->ret = foreign_text(c->call->arena, a->theirs.receipt.text, 500);
	return OK;
}

/* ---- providers ---- */

static int run_verify(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.report.struct_size = sizeof(a->theirs.report);
	return PROVIDER(c)->verify(c, MEMORY(a), &a->theirs.report);
}

int provider_verify(struct call *call, struct instance *instance, struct report *ret)
{
	struct args args = { .ret = ret };
	return run(call, instance, "verify", instance->plugin->provider.verify, run_verify, copy_report, &args);
}

static int run_create(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.deployment.struct_size = sizeof(a->theirs.deployment);
	return PROVIDER(c)->create(c, MEMORY(a), a->given, &a->theirs.deployment);
}

int provider_create(struct call *call, struct instance *instance, const struct opshub_deploy_request *request,
		    struct deployment *ret)
{
	struct args args = { .given = request, .ret = ret };

	for (uint32_t i = 0; i < request->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(request, i);
		if (env->is_secret)
			call_secret(call, str_of(env->value));
	}
	return run(call, instance, "create", instance->plugin->provider.create, run_create, copy_deployment, &args);
}

static int run_find(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.deployment.struct_size = sizeof(a->theirs.deployment);
	return PROVIDER(c)->find(c, MEMORY(a), a->given, &a->theirs.deployment);
}

int provider_find(struct call *call, struct instance *instance, const char *attempt_id, struct deployment *ret)
{
	struct args args = { .given = attempt_id, .ret = ret };
	return run(call, instance, "find", instance->plugin->provider.find, run_find, copy_deployment, &args);
}

bool provider_can_find(const struct plugin *plugin)
{
	return plugin->provider.find != NULL;
}

static int run_status(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.deployment.struct_size = sizeof(a->theirs.deployment);
	return PROVIDER(c)->status(c, MEMORY(a), a->given, &a->theirs.deployment);
}

int provider_status(struct call *call, struct instance *instance, const char *id, struct deployment *ret)
{
	struct args args = { .given = id, .ret = ret };
	return run(call, instance, "status", instance->plugin->provider.status, run_status, copy_deployment, &args);
}

static int run_cancel(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return PROVIDER(c)->cancel(c, MEMORY(a), a->given);
}

int provider_cancel(struct call *call, struct instance *instance, const char *id)
{
	struct args args = { .given = id };
	return run(call, instance, "cancel", instance->plugin->provider.cancel, run_cancel, NULL, &args);
}

static int run_destroy(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return PROVIDER(c)->destroy(c, MEMORY(a), a->given);
}

int provider_destroy(struct call *call, struct instance *instance, const char *id)
{
	struct args args = { .given = id };
	return run(call, instance, "destroy", instance->plugin->provider.destroy, run_destroy, NULL, &args);
}

static int run_logs(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.log.struct_size = sizeof(a->theirs.log);
	return PROVIDER(c)->logs(c, MEMORY(a), a->given, a->more, &a->theirs.log);
}

int provider_logs(struct call *call, struct instance *instance, const char *id, const char *cursor,
		  struct build_log *ret)
{
	struct args args = { .given = id, .more = cursor, .ret = ret };
	return run(call, instance, "logs", instance->plugin->provider.logs, run_logs, copy_log, &args);
}

static int run_list(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.page.struct_size = sizeof(a->theirs.page);
	return PROVIDER(c)->list(c, MEMORY(a), a->given, &a->theirs.page);
}

int provider_list(struct call *call, struct instance *instance, const char *cursor, struct deployment_list *ret)
{
	struct args args = { .given = cursor, .ret = ret };
	return run(call, instance, "list", instance->plugin->provider.list, run_list, copy_page, &args);
}

/* ---- notifiers ---- */

static int run_notifier_verify(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.report.struct_size = sizeof(a->theirs.report);
	return NOTIFIER(c)->verify(c, MEMORY(a), &a->theirs.report);
}

int notifier_verify(struct call *call, struct instance *instance, struct report *ret)
{
	struct args args = { .ret = ret };
	return run(call, instance, "verify", instance->plugin->notifier.verify, run_notifier_verify, copy_report,
		   &args);
}

static int run_send(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	a->theirs.receipt.struct_size = sizeof(a->theirs.receipt);
	return NOTIFIER(c)->send(c, MEMORY(a), a->given, &a->theirs.receipt);
}

int notifier_send(struct call *call, struct instance *instance, const struct opshub_event *event,
		  struct str *ret_receipt)
{
	struct args args = { .given = event, .ret = ret_receipt };
	return run(call, instance, "send", instance->plugin->notifier.send, run_send, copy_receipt, &args);
}

static int run_update(struct opshub_call *c, void *arg)
{
	struct args *a = arg;
	return NOTIFIER(c)->update(c, MEMORY(a), a->more, a->given);
}

int notifier_update(struct call *call, struct instance *instance, const char *receipt, const struct opshub_event *event)
{
	struct args args = { .given = event, .more = receipt };
	return run(call, instance, "update", instance->plugin->notifier.update, run_update, NULL, &args);
}
