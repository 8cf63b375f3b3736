/* Who may do what in an organization: the list that is looked through now and then. */
#include "store/review.h"

#include "api/table.h"
#include "model/roles.h"

#define ROLES_MAX 4

/* ?role=OWNER,MAINTAINER */
static int read_roles(struct exchange *x, struct str ret[ROLES_MAX], size_t *ret_n)
{
	struct str rest = http_query(x, "role");

	*ret_n = 0;
	for (bool more = rest.p != NULL; more; more = rest.n > 0) {
		struct str word = str_split(&rest, ',');

		if (role_read(word) == ROLE_NONE || *ret_n == ROLES_MAX)
			return answer_field(x, 422, "role",
					    "must be OWNER, MAINTAINER, DEVELOPER or VIEWER, or several with commas");
		ret[(*ret_n)++] = word;
	}
	return OK;
}

static int answer_csv(struct exchange *x, const struct db_rows *rows)
{
	/* name in the file, column of the query */
	static const struct {
		const char *name, *col;
	} columns[] = {
		{ "id", "id" },
		{ "status", "status" },
		{ "email", "email" },
		{ "name", "name" },
		{ "githubLogin", "githubLogin" },
		{ "role", "role" },
		{ "projectRoles", "_projects" },
		{ "memberSince", "memberSince" },
		{ "lastSeenAt", "lastSeenAt" },
		{ "lastLoginAt", "lastLoginAt" },
		{ "tokens", "_tokens" },
		{ "oldestToken", "_oldest" },
		{ "tokenScopes", "_scopes" },
		{ "lastAction", "_action" },
		{ "lastActionAt", "_actionAt" },
		{ "invitedBy", "invitedBy" },
		{ "expiresAt", "expiresAt" },
	};
	struct csv_out out = CSV_OUT(&x->answer.body);

	for (int row = -1; row < rows->n_rows; row++) {
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
			csv_cell(&out, row < 0 ? str_of(columns[c].name) : db_text(rows, row, columns[c].col));
		csv_end(&out);
	}
	table_answer_csv(x, "access-review");
	return OK;
}

int organization_access_review(struct exchange *x)
{
	struct str roles[ROLES_MAX];
	struct db_rows rows;
	struct table table;
	size_t n_roles;
	int r = table_read(x, "", &table);

	if (r == OK)
		r = read_roles(x, roles, &n_roles);
	if (r == OK)
		r = access_review(x->call, api_of(x)->db, x->params[0], roles, n_roles, table.cursor, table.limit,
				  &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, table.limit, "id");
	return table.csv ? answer_csv(x, &rows) : answer_rows(x, &rows);
}
