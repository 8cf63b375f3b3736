/* Roles. */
#include "model/roles.h"

static const char *const words[] = { "NONE", "VIEWER", "DEVELOPER", "MAINTAINER", "OWNER" };

enum role role_read(struct str word)
{
	for (unsigned i = ROLE_VIEWER; i <= ROLE_OWNER; i++)
		if (str_eq(word, str_of(words[i])))
			return (enum role)i;
	return ROLE_NONE;
}

const char *role_word(enum role role)
{
	return words[role];
}

bool role_manages(enum role actor, enum role role)
{
	return actor == ROLE_OWNER || (actor == ROLE_MAINTAINER && role < ROLE_MAINTAINER);
}
