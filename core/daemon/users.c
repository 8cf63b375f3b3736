/* The administrator's look at people, and his means to shut one out of everything at once. */
#include "daemon/users.h"

#include "base/buf.h"
#include "model/names.h"
#include "store/users.h"

#include <ctype.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define DAYS_MAX   36500

static bool read_days(char **words, int n, int64_t *ret)
{
	*ret = -1;
	if (n == 2)
		return true;
	return n == 4 && strcmp(words[2], "--inactive-days") == 0 && str_to_int(str_of(words[3]), 0, DAYS_MAX, ret);
}

bool users_words_ok(char **words, int n)
{
	int64_t days;

	if (strcmp(words[1], "list") == 0)
		return read_days(words, n, &days);
	return n == 3 && !email_why(str_of(words[2]));
}

static struct str lower(struct call *call, struct str text)
{
	char *copy = arena_text(call->arena, text);

	for (size_t i = 0; i < text.n; i++)
		copy[i] = (char)tolower((unsigned char)copy[i]);
	return (struct str){ copy, text.n };
}

static int list(struct call *call, struct db *db, int64_t days, struct buf *report)
{
	struct str after = STR("");
	struct db_rows rows;
	int r;

	buf_add_str(report, STR("email\tgithub login\tactive\tlast seen\torganizations\n"));
	do {
		r = users_list(call, db, days, after, &rows);
		for (int i = 0; r == OK && i < rows.n_rows; i++)
			buf_printf(report, "%s\t%s\t%s\t%s\t%s\n", db_text(&rows, i, "email").p,
				   db_text(&rows, i, "github_login").p, db_bool(&rows, i, "active") ? "yes" : "no",
				   db_text(&rows, i, "last_seen").p, db_text(&rows, i, "organizations").p);
		if (r == OK && rows.n_rows)
			after = lower(call, db_text(&rows, rows.n_rows - 1, "email"));
	} while (r == OK && rows.n_rows == USERS_PAGE && !report->overflow);
	return r;
}

static int set_active(struct call *call, struct db *db, struct str email, bool active, struct buf *report)
{
	const struct passwd *me = getpwuid(getuid());
	struct str actor = me ? str_of(me->pw_name) : arena_printf(call->arena, "uid %u", (unsigned)getuid());
	bool changed;
	int r = user_set_active(call, db, email, active, actor, &changed);

	if (r != OK)
		return r;
	if (!changed)
		buf_printf(report, "%.*s is %s already\n", STR_FMT(email), active ? "active" : "inactive");
	else if (active)
		buf_printf(report, "%.*s may log in again\n", STR_FMT(email));
	else
		buf_printf(report, "%.*s is inactive: every session and token is revoked\n", STR_FMT(email));
	return OK;
}

int users_command(struct call *call, const char *database_url, char **words, int n, struct buf *report)
{
	struct db_options options = { .url = database_url, .application = "opshub-users", .shared = 1, .own = 1 };
	struct db *db = db_open(call->loop, &options);
	int64_t days;
	int r = db_ready(call, db, CONNECT_MS);

	if (r == OK && strcmp(words[1], "list") == 0) {
		read_days(words, n, &days);
		r = list(call, db, days, report);
	} else if (r == OK) {
		r = set_active(call, db, str_of(words[2]), strcmp(words[1], "activate") == 0, report);
	}
	db_close(db);
	return r;
}
