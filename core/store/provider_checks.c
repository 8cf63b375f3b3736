/* Questions to providers. */
#include "store/provider_checks.h"

#include "base/id.h"

int provider_check_ask(struct call *call, struct db *db, struct str project_id, const struct audit *audit,
		       int64_t *ret_asked, struct str *ret_job)
{
	struct db_rows rows;
	char job[ID_MAX];
	int r;

	id_new(job, "job_");
	r = db_query(call, db, Q_PROVIDER_CHECK_ASK, &rows, A_STR(project_id), A_TEXT(job), audit->id, audit->who);
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(project_id));
	if (r != OK)
		return r;
	*ret_asked = db_int(&rows, 0, "asked");
	*ret_job = db_text(&rows, 0, "_job");
	return OK;
}

int provider_check_report(struct call *call, struct db *db, struct str project_id, int64_t asked, struct str *ret_json)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROVIDER_CHECK_REPORT, &rows, A_STR(project_id), A_INT(asked));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the provider of %.*s has not been asked yet", STR_FMT(project_id));
	if (r == OK)
		*ret_json = db_text(&rows, 0, "report");
	return r;
}

int provider_check_begin(struct call *call, struct db *db, const struct job *job, struct provider_check *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROVIDER_CHECK_BEGIN, &rows, A_STR(job->id), A_INT(job->fence));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "nobody asks any more");
	if (r == OK)
		*ret = (struct provider_check){ .asked = db_int(&rows, 0, "asked"),
						.project_id = db_text(&rows, 0, "project_id"),
						.provider = db_text(&rows, 0, "provider"),
						.settings_json = db_text(&rows, 0, "provider_settings"),
						.settings_version = db_int(&rows, 0, "settings_version") };
	return r;
}

int provider_check_end(struct call *call, struct db *db, const struct job *job, int64_t asked, struct str report_json)
{
	struct db_rows rows;

	return db_query(call, db, Q_PROVIDER_CHECK_END, &rows, A_STR(job->id), A_INT(job->fence), A_INT(asked),
			A_STR(report_json));
}
