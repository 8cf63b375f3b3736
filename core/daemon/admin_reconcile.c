/* opshubd reconcile: what a sweep would do, and a yes to what the last one held back. */
#include "daemon/admin.h"

#include "daemon/config.h"
#include "daemon/github.h"
#include "store/github.h"
#include "store/orphans.h"

#include <stdio.h>

#define MOST_HELD    1000
#define MOST_ORPHANS 1000
#define MOST_REPORT  (8 * 1024 * 1024)

static int report_orphans(struct call *call, struct db *db)
{
	struct db_rows rows;
	int r = orphans_all(call, db, MOST_ORPHANS, &rows);

	if (r != OK)
		return r;
	for (int i = 0; i < rows.n_rows; i++)
		printf("%.*s: %.*s %.*s since %.*s: %.*s\n", STR_FMT(db_text(&rows, i, "provider")),
		       STR_FMT(db_text(&rows, i, "kind")), STR_FMT(db_text(&rows, i, "provider_id")),
		       STR_FMT(db_text(&rows, i, "since")), STR_FMT(db_text(&rows, i, "action")));
	if (rows.n_rows == 0)
		printf("providers: the last inventories fit what is known\n");
	return OK;
}

static int dry_run(struct call *call, struct db *db, const struct config *config)
{
	struct github_sweeper sweeper = { .db = db };
	struct net *net = net_open(call->loop);
	struct github github = github_from(config, net);
	struct buf report;
	int r = OK;

	buf_init(&report, MOST_REPORT);
	github_sweeper_configure(config, &github, &sweeper);
	if (!github_is_configured(&github))
		printf("GitHub is not asked: neither GITHUB_TOKEN nor GITHUB_APP_ID is set\n");
	else
		r = github_sweep_report(call, &sweeper, &report);
	fwrite(buf_str(&report).p, 1, report.n, stdout);
	buf_done(&report);
	github_sweeper_done(&sweeper);
	github_done(&github);
	net_close(net);
	return r == OK ? report_orphans(call, db) : r;
}

static int confirm(struct call *call, struct db *db, struct str repo)
{
	struct db_rows rows;
	int r = github_held(call, db, repo, MOST_HELD, &rows);

	for (int i = 0; r == OK && i < rows.n_rows; i++) {
		r = github_confirm(call, db, db_text(&rows, i, "repo"), db_int(&rows, i, "pr_number"),
				   db_text(&rows, i, "project_id"), db_text(&rows, i, "org_id"), admin_audit_id(call),
				   admin_audit_who(call));
		if (r == E_NOT_FOUND)
			r = OK;
		else if (r == OK)
			printf("%.*s: pull request %lld (%.*s) goes with the next sweep\n",
			       STR_FMT(db_text(&rows, i, "repo")), (long long)db_int(&rows, i, "pr_number"),
			       STR_FMT(db_text(&rows, i, "why")));
	}
	if (r == OK && rows.n_rows == 0)
		printf("nothing is held back\n");
	return r;
}

int admin_reconcile(struct call *call, const struct config *config, const struct admin_words *words)
{
	struct db *db;
	int r = admin_db(call, config->database_url, &db);

	if (r == OK)
		r = words->dry_run ? dry_run(call, db, config) : confirm(call, db, str_of(words->repo));
	db_close(db);
	return r;
}
