/* Partitions of samples and rollups. */
#include "worker/partitions.h"

#include "store/partitions.h"

#define MOST_STEPS 1000 /* a day is one of each table; then the next round goes on */

static void tell(const struct partition_step *step, const struct health_days *days)
{
	struct str name = step->name;
	int64_t kept = str_starts(name, STR("health_samples"))      ? days->samples
		       : str_starts(name, STR("health_rollups_5m")) ? days->rollups_5m
								    : days->rollups_1h;

	if (step->done == PARTITION_DROPPED)
		log_info("Retention", "What was older than is kept has been deleted", F_STR("what", name),
			 F_INT("days", kept));
	else if (step->moved)
		log_info("Retention", "Rows that came before their partition were moved into it", F_STR("what", name),
			 F_INT("rows", step->moved));
}

static void tell_strays(struct call *call, struct db *db)
{
	int64_t samples, rollups;

	if (partition_strays(call, db, &samples, &rollups) == OK && samples + rollups > 0)
		log_warn("Retention",
			 "Results of health checks lie outside of the days that there are partitions for, so they are "
			 "slow to read; they are deleted with their age. Is a clock wrong?",
			 F_INT("samples", samples), F_INT("rollups", rollups));
}

void partitions_keep(struct call *call, struct db *db, const struct health_days *days)
{
	struct partition_step step = { .done = PARTITION_MADE };
	int r = OK;

	for (int n = 0; r == OK && n < MOST_STEPS && (step.done == PARTITION_MADE || step.done == PARTITION_DROPPED);
	     n++) {
		r = partition_step(call, db, days->samples, days->rollups_5m, days->rollups_1h, &step);
		if (r == OK)
			tell(&step, days);
	}
	if (r == OK && step.done == PARTITION_BUSY)
		log_info("Retention", "A table of health is in use; its partition is made or dropped another time",
			 F_STR("what", step.name));
	if (r == OK && step.done == PARTITION_NOTHING)
		tell_strays(call, db);
	if (r != OK && !call_cancelled(call))
		log_warn("Retention", "Partitions of health could not be made or dropped; it is tried again",
			 F_TEXT("error", call->why));
}
