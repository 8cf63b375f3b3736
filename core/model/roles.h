/* Roles: OWNER > MAINTAINER > DEVELOPER > VIEWER. Pure. */
#ifndef MODEL_ROLES_H
#define MODEL_ROLES_H

#include "base/str.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_DEVELOPER, ROLE_MAINTAINER, ROLE_OWNER };

enum role role_read(struct str word); /* ROLE_NONE for what is not a role */
const char *role_word(enum role role);

#endif
