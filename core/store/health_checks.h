/* Health checks as people make and see them: rows whose column names are the JSON keys. Each change takes the project's
 * lock, so that no two of them make a circle of dependencies or one check too many, and writes its audit row. */
#ifndef STORE_HEALTH_CHECKS_H
#define STORE_HEALTH_CHECKS_H

#include "store/access.h"
#include "store/check_headers.h"
#include "store/organizations.h"

#define MOST_CHECKS       500 /* of one project, besides those of its previews */
#define CHECK_PARENTS_MAX 5

struct check_field_header {
	struct check_header header; /* of one that is kept: its name alone */
	bool secret;
	bool keep; /* a secret one that stays as it is */
};

/* All that people set of a check. */
struct check_fields {
	struct str name, url, method, http_version;
	struct str contains, matches, json_path, json_equals; /* empty = none */
	int64_t expected_min, expected_max, latency_max_ms;   /* 0 = no bound */
	int64_t interval_ms, timeout_ms, redirects;
	int64_t failure_threshold, recovery_threshold, cooldown_min, reminder_min, flap_changes, flap_window_min;
	bool verify_tls, enabled;
	struct str depends_on[CHECK_PARENTS_MAX];
	size_t n_depends_on;
	struct check_field_header headers[CHECK_HEADERS_MAX];
	size_t n_headers;
};

AWAITS int health_checks_of(struct call *call, struct db *db, struct str project_id, const struct list_page *page,
			    struct db_rows *ret);
/* One of them, with the column _version. E_NOT_FOUND. */
AWAITS int health_check_get(struct call *call, struct db *db, struct str project_id, struct str id,
			    struct db_rows *ret);
/* E_CONFLICT: there are MOST_CHECKS, or the project is being deleted. E_INVALID: depends_on names one that is not
 * there, or itself; *ret_why is the end of a sentence about that field. */
AWAITS int health_check_add(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			    const struct check_fields *fields, const struct audit *audit, struct str *ret_id,
			    const char **ret_why);
/* `action`: "check.change", "check.enable", "check.disable". `version`: of the row that the fields were read from;
 * E_CONFLICT when somebody has changed it since. */
AWAITS int health_check_change(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			       struct str id, struct str version, const char *action, const struct check_fields *fields,
			       const struct audit *audit, const char **ret_why);
/* E_CONFLICT: it is a preview's. */
AWAITS int health_check_remove(struct call *call, struct db *db, struct str project_id, struct str id,
			       const struct audit *audit);

#endif
