/* The words behind a command's name, and its connection. */
#include "daemon/admin.h"

#include "base/id.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS   10000
#define STATEMENT_MS (10 * 60 * 1000) /* heads of chains of years */

static bool is_listed(const char *options, const char *name, size_t n)
{
	struct str rest = str_of(options);

	while (rest.n)
		if (str_eq(str_split(&rest, ' '), (struct str){ name, n }))
			return true;
	return false;
}

static bool read_flag(const char *word, struct admin_words *ret)
{
	if (strcmp(word, "--all") == 0)
		ret->all = true;
	else if (strcmp(word, "--installation") == 0)
		ret->installation = true;
	else if (strcmp(word, "--dry-run") == 0)
		ret->dry_run = true;
	else if (strcmp(word, "--confirm") == 0)
		ret->confirm = true;
	else
		return false;
	return true;
}

static bool read_value(struct str name, const char *value, struct admin_words *ret)
{
	if (str_eq(name, STR("--expect")) && ret->n_expects < EXPECTS_MAX)
		ret->expects[ret->n_expects++] = value;
	else if (str_eq(name, STR("--org")))
		ret->org = value;
	else if (str_eq(name, STR("--repo")))
		ret->repo = value;
	else if (str_eq(name, STR("--reason")))
		ret->reason = value;
	else if (str_eq(name, STR("--from")))
		ret->from = value;
	else if (str_eq(name, STR("--to")))
		ret->to = value;
	else
		return false;
	return true;
}

bool admin_words_read(char **words, int n, const char *options, struct admin_words *ret)
{
	struct admin_words w = { 0 };

	for (int i = 0; i < n; i++) {
		const char *equals = strchr(words[i], '=');
		struct str name = { words[i], equals ? (size_t)(equals - words[i]) : strlen(words[i]) };

		if (!is_listed(options, name.p, name.n))
			return false;
		if (!equals && read_flag(words[i], &w))
			continue;
		if (!equals && i + 1 == n)
			return false;
		if (!read_value(name, equals ? equals + 1 : words[++i], &w))
			return false;
	}
	*ret = w;
	return true;
}

bool audit_verify_fits(const struct admin_words *words)
{
	(void)words;
	return true;
}

bool audit_export_fits(const struct admin_words *words)
{
	return !words->org == words->installation;
}

bool lockdown_fits(const struct admin_words *words)
{
	return !words->org == words->all && words->reason && words->reason[0];
}

bool unlock_fits(const struct admin_words *words)
{
	return !words->org == words->all;
}

bool reconcile_fits(const struct admin_words *words)
{
	return words->dry_run != words->confirm && !(words->dry_run && words->repo);
}

struct db_arg admin_audit_who(struct call *call)
{
	struct passwd *user = getpwuid(geteuid());
	struct str *who = arena_alloc(call->arena, 6 * sizeof(*who));

	who[0] = STR("cli");
	who[1] = user ? arena_str(call->arena, str_of(user->pw_name)) : arena_printf(call->arena, "uid %d", geteuid());
	who[2] = who[1];
	for (int i = 3; i < 6; i++)
		who[i] = STR("");
	return A_TEXTS(who, 6);
}

struct db_arg admin_audit_id(struct call *call)
{
	return A_STR(id_text(call->arena, "audit_"));
}

int admin_db(struct call *call, const char *database_url, struct db **ret)
{
	struct db_options options = { .url = database_url,
				      .application = "opshub-admin",
				      .shared = 1,
				      .wait_ms = CONNECT_MS,
				      .statement_ms = STATEMENT_MS };

	*ret = db_open(call->loop, &options);
	return db_ready(call, *ret, CONNECT_MS);
}
