/* Lists that are also given as CSV: what the request asks for, and how the answer says what it is. */
#ifndef API_TABLE_H
#define API_TABLE_H

#include "api/api.h"
#include "base/csv.h"

#define CSV_ROWS_MAX 10000

struct table {
	bool csv; /* ?format=csv, or Accept: text/csv */
	int64_t limit;
	struct str cursor;
};

/* E_INVALID with the field in the error's details. As CSV a page has up to CSV_ROWS_MAX rows, and by default that many.
 */
int table_read(struct exchange *x, const char *cursor_prefix, struct table *ret);
/* The answer's body is CSV; `name` becomes the file's. */
void table_answer_csv(struct exchange *x, const char *name);
/* ?name=2026-11-23 or 2026-11-23T10:00:00Z, as Unix ms; 0 when absent. */
int table_time(struct exchange *x, const char *name, int64_t *ret_ms);

#endif
