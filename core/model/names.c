/* Names. */
#include "model/names.h"

#include <string.h>

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool has(struct str text, const char *part)
{
	return text.n > 0 && memmem(text.p, text.n, part, strlen(part));
}

/* Letters and digits, single hyphens between them. */
static bool is_hyphenated(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool is_inner = i > 0 && i + 1 < text.n && text.p[i - 1] != '-';

		if (!is_letter(text.p[i]) && !is_digit(text.p[i]) && !(text.p[i] == '-' && is_inner))
			return false;
	}
	return text.n > 0;
}

/* ---- slugs ---- */

static bool is_reserved(struct str slug)
{
	static const char *const words[] = {
		"admin",    "api",    "auth",   "dashboard", "deployments", "events",    "health",
		"healthz",  "login",  "logout", "me",        "metrics",     "new",       "notifiers",
		"openapi",  "opshub", "orgs",   "projects",  "null",        "test",      "readyz",
		"settings", "static", "system", "undefined", "www",         "providers", "webhooks",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(slug, str_of(words[i])))
			return true;
	return false;
}

const char *slug_why(struct str slug)
{
	if (slug.n < 2 || slug.n > SLUG_MAX)
		return "must have 2 to 40 characters";
	for (size_t i = 0; i < slug.n; i++)
		if (slug.p[i] >= 'A' && slug.p[i] <= 'Z')
			return "must be in lower case";
	if (!is_hyphenated(slug))
		return "must be letters, digits and single hyphens, and begin and end with a letter or digit";
	if (is_reserved(slug))
		return "is a word that is used for something else: choose another";
	return NULL;
}

struct str slug_from_name(struct arena *arena, struct str name)
{
	char *slug = arena_raw(arena, SLUG_MAX + 1);
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < SLUG_MAX; i++) {
		char c = name.p[i];

		if (is_letter(c) || is_digit(c))
			slug[n++] = (char)(is_letter(c) ? c | 0x20 : c);
		else if (n > 0 && slug[n - 1] != '-')
			slug[n++] = '-';
	}
	while (n > 0 && slug[n - 1] == '-')
		n--;
	slug[n] = '\0';
	return (struct str){ slug, n };
}

/* ---- GitHub ---- */

const char *github_login_why(struct str login)
{
	return login.n <= 39 && is_hyphenated(login)
		       ? NULL
		       : "must be a GitHub login: at most 39 letters, digits and single hyphens, not at the ends";
}

const char *repo_why(struct str full_name)
{
	struct str name = full_name, owner = str_split(&name, '/');

	if (owner.n == full_name.n || memchr(name.p, '/', name.n))
		return "must be owner/repository, as in the address of the repository at GitHub";
	if (github_login_why(owner))
		return "has no GitHub owner before the slash: at most 39 letters, digits and single hyphens, not at "
		       "the ends";
	if (name.n < 1 || name.n > 100)
		return "must have 1 to 100 characters after the slash";
	for (size_t i = 0; i < name.n; i++)
		if (!is_letter(name.p[i]) && !is_digit(name.p[i]) && !memchr("._-", name.p[i], 3))
			return "must have letters, digits, '.', '_' and '-' only after the slash";
	if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
		return "must not be called '.' or '..' after the slash";
	if (name.n >= 4 && str_eq_nocase((struct str){ name.p + name.n - 4, 4 }, STR(".git")))
		return "must not end in .git: drop it";
	return NULL;
}

/* ---- git ---- */

const char *branch_why(struct str branch)
{
	struct str rest = branch;

	if (branch.n < 1 || branch.n > BRANCH_MAX)
		return "must have 1 to 255 bytes";
	for (size_t i = 0; i < branch.n; i++)
		if ((unsigned char)branch.p[i] <= ' ' || branch.p[i] == 0x7f || memchr("~^:?*[\\", branch.p[i], 7))
			return "must not hold spaces, control characters or any of ~ ^ : ? * [ \\";
	if (branch.p[0] == '-' || branch.p[0] == '/' || str_ends(branch, STR("/")) || str_ends(branch, STR(".")))
		return "must not begin with '-' or '/', nor end with '/' or '.'";
	if (has(branch, "..") || has(branch, "//") || has(branch, "@{"))
		return "must not hold '..', '//' or '@{'";
	if (str_eq(branch, STR("@")) || str_eq(branch, STR("HEAD")))
		return "must not be called '@' or 'HEAD'";
	while (rest.n) {
		struct str part = str_split(&rest, '/');

		if (str_starts(part, STR(".")) || str_ends(part, STR(".lock")))
			return "must not have a part that begins with '.' or ends in .lock";
	}
	return NULL;
}

const char *email_why(struct str email)
{
	const char *at = email.n >= 3 && email.n <= EMAIL_MAX ? memchr(email.p, '@', email.n) : NULL;
	size_t n_at = 0;

	for (size_t i = 0; i < email.n; i++) {
		n_at += email.p[i] == '@';
		if ((unsigned char)email.p[i] <= ' ' || email.p[i] == 0x7f || memchr("<>,;\"", email.p[i], 5))
			return "must be an e-mail address";
	}
	return at && n_at == 1 && at != email.p && at != email.p + email.n - 1 ? NULL : "must be an e-mail address";
}

/* ---- variables ---- */

const char *variable_key_why(struct str key)
{
	bool good = key.n >= 1 && key.n <= VARIABLE_KEY_MAX && !is_digit(key.p[0]);

	for (size_t i = 0; good && i < key.n; i++)
		good = (key.p[i] >= 'A' && key.p[i] <= 'Z') || is_digit(key.p[i]) || key.p[i] == '_';
	return good ? NULL : "must have 1 to 128 capital letters, digits and underscores, and not begin with a digit";
}
