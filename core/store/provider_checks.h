/* Asking a project's provider whether a deployment would work. The API asks and waits, a worker, which alone runs
 * plugins, answers. A project has one row: who asks while a worker is at it gets the answer of one that began later. */
#ifndef STORE_PROVIDER_CHECKS_H
#define STORE_PROVIDER_CHECKS_H

#include "store/jobs.h"
#include "store/organizations.h"

/* *ret_asked: the question's number. *ret_job: the job that should be in its list; empty when it runs already. */
AWAITS int provider_check_ask(struct call *call, struct db *db, struct str project_id, const struct audit *audit,
			      int64_t *ret_asked, struct str *ret_job);
/* The report as JSON; E_NOT_FOUND until that question is answered. */
AWAITS int provider_check_report(struct call *call, struct db *db, struct str project_id, int64_t asked,
				 struct str *ret_json);

struct provider_check {
	int64_t asked;
	struct str project_id, provider; /* '' = none is chosen */
	struct str settings_json;        /* as the view project_settings has it */
	int64_t settings_version;
};
/* E_NOT_FOUND when the project, or the job's lease, is gone. */
AWAITS int provider_check_begin(struct call *call, struct db *db, const struct job *job, struct provider_check *ret);
AWAITS int provider_check_end(struct call *call, struct db *db, const struct job *job, int64_t asked,
			      struct str report_json);

#endif
