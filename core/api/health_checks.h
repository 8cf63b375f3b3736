/* What the handlers of health checks share. */
#ifndef API_HEALTH_CHECKS_H
#define API_HEALTH_CHECKS_H

#include "api/input.h"
#include "store/health_checks.h"

/* The fields of a stored row (health_check_get), its secret headers kept. */
void check_fields_of(struct exchange *x, const struct db_rows *rows, struct check_fields *ret);
/* A body over *fields: what a new check has, or what is stored. `rows`: the stored row; NULL = a new one. OK, or 422
 * with all faults. */
int check_body_read(struct exchange *x, const struct db_rows *rows, struct check_fields *fields);
/* What a new check has of which nobody says anything. */
extern const struct check_fields check_defaults;

#endif
