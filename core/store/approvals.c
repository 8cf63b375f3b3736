/* Requests to deploy a fork. */
#include "store/approvals.h"

#include "base/id.h"

int approval_ask(struct call *call, struct db *db, struct str delivery_id, const struct approval_request *request,
		 struct str *ret_job)
{
	char id[ID_MAX], job[ID_MAX], *repo = arena_text(call->arena, request->repo);
	struct db_rows rows;
	int r;

	id_new(id, "appr_");
	id_new(job, "job_");
	text_to_lower(repo, request->repo.n);
	r = db_query(call, db, Q_APPROVAL_ASK, &rows, A_TEXT(id), A_STR(delivery_id), A_TEXT(repo),
		     A_INT(request->number), A_STR(request->sha), A_TEXT(request->way), A_STR(request->label),
		     A_STR(request->login), A_STR(request->association), A_TIME(request->said_at_ms), A_TEXT(job));
	if (r == OK)
		*ret_job = rows.n_rows ? db_text(&rows, 0, "id") : (struct str){ 0 };
	return r;
}

int approval_load(struct call *call, struct db *db, struct str id, struct approval_row *ret)
{
	struct approval_target *targets;
	struct db_rows rows;
	size_t n = 0;
	int r = db_query(call, db, Q_APPROVAL_LOAD, &rows, A_STR(id));

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "this approval is done");
	targets = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*targets));
	for (int i = 0; i < rows.n_rows; i++)
		if (db_text(&rows, i, "preview").n)
			targets[n++] = (struct approval_target){ db_text(&rows, i, "preview"),
								 db_text(&rows, i, "stands"),
								 db_int(&rows, i, "stood_ms") };
	*ret = (struct approval_row){
		.repo = db_text(&rows, 0, "repo"),
		.sha = db_text(&rows, 0, "sha"),
		.way = db_text(&rows, 0, "way"),
		.login = db_text(&rows, 0, "login"),
		.association = db_text(&rows, 0, "association"),
		.age_ms = db_time(&rows, 0, "now") - db_time(&rows, 0, "created_at"),
		.targets = targets,
		.n_targets = n,
	};
	return OK;
}

static int note(struct call *call, struct db *db, enum query query, struct str preview, struct str text)
{
	char event[ID_MAX];

	id_new(event, "evt_");
	return db_query(call, db, query, NULL, A_STR(preview), A_TEXT(event), A_STR(text));
}

int approval_refuse(struct call *call, struct db *db, struct str preview, struct str why)
{
	return note(call, db, Q_APPROVAL_REFUSE, preview, why);
}

int approval_granted(struct call *call, struct db *db, struct str preview, struct str text)
{
	return note(call, db, Q_APPROVAL_GRANTED, preview, text);
}

int approval_done(struct call *call, struct db *db, struct str id)
{
	return db_query(call, db, Q_APPROVAL_DONE, NULL, A_STR(id));
}
