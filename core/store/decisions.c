/* What the projects of a repository decide about one delivery, whether it is a webhook, a replay or a sweep's finding.
 */
#include "store/deliveries.h"

#include "base/json_write.h"

#define DECISIONS_BYTES (2 * 1024 * 1024) /* DELIVERY_PROJECTS decisions take less than half of it */

static void write_decisions(struct call *call, struct delivery *d)
{
	struct buf text;
	struct json_out out;

	buf_init(&text, DECISIONS_BYTES);
	out = JSON_OUT(&text);
	json_open(&out, '[');
	for (size_t i = 0; i < d->n_projects; i++) {
		json_open(&out, '{');
		json_put_text(&out, "projectId", d->projects[i]->id);
		if (d->replay_of.n)
			json_put_text(&out, "replayOf", d->replay_of);
		decision_write(&d->decided[i], &out);
		json_close(&out, '}');
	}
	json_close(&out, ']');
	d->decisions = arena_str(call->arena, buf_str(&text));
	buf_done(&text);
}

static bool is_reached(const struct delivery *d, const struct repo_project *project)
{
	return str_eq(project->repo, d->repo) && (!d->only_project.n || str_eq(project->id, d->only_project));
}

static size_t count_reached(const struct delivery *d, const struct repo_projects *projects)
{
	size_t n = 0;

	for (size_t i = 0; i < projects->n; i++)
		n += is_reached(d, &projects->items[i]);
	if (n <= DELIVERY_PROJECTS)
		return n;
	log_error("Webhook", "A repository has more projects than a delivery reaches: the newest are left out",
		  F_STR("repository", d->repo), F_INT("projects", (int64_t)n), F_INT("reached", DELIVERY_PROJECTS),
		  F_STR("delivery", d->id));
	return DELIVERY_PROJECTS;
}

void delivery_decide(struct call *call, struct delivery *d, const struct repo_projects *projects)
{
	size_t n = count_reached(d, projects);

	d->projects = arena_alloc(call->arena, (n + 1) * sizeof(struct repo_project *));
	d->decided = arena_alloc(call->arena, (n + 1) * sizeof(*d->decided));
	for (size_t i = 0; d->n_projects < n; i++) {
		if (!is_reached(d, &projects->items[i]))
			continue;
		d->projects[d->n_projects] = &projects->items[i];
		d->decided[d->n_projects++] = rules_decide(&projects->items[i].rules, d->pr);
	}
	if (n == 0) {
		d->outcome = STR("ignored");
		d->reason = arena_printf(call->arena, "no project here deploys the repository %.*s",
					 STR_FMT(d->pr->repo));
	} else {
		d->outcome = STR("accepted");
		d->reason = str_of(d->decided[0].why);
		d->declined = n == 1 && d->decided[0].desired == DESIRED_DESTROYED;
	}
	write_decisions(call, d);
}
