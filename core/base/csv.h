/* CSV out (RFC 4180), for people who open it with a spreadsheet: a text that one would take for a formula gets a ' in
 * front. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/buf.h"

struct csv_out {
	struct buf *buf;
	bool comma;
};

#define CSV_OUT(b) ((struct csv_out){ .buf = (b) })

void csv_cell(struct csv_out *out, struct str text);
void csv_end(struct csv_out *out); /* of a row */

#endif
