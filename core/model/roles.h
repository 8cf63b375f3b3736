/* Roles: OWNER > MAINTAINER > DEVELOPER > VIEWER. Pure. */
#ifndef MODEL_ROLES_H
#define MODEL_ROLES_H

#include "base/str.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_DEVELOPER, ROLE_MAINTAINER, ROLE_OWNER };

enum role role_read(struct str word); /* ROLE_NONE for what is not a role */
const char *role_word(enum role role);
/* May `actor` give or take away this role, or touch somebody who has it? An OWNER any, a MAINTAINER those below his
 * own, others none. Everybody may lower himself or leave: that is the caller's to know. */
bool role_manages(enum role actor, enum role role);

#endif
