/* What the files of rotations share. */
#ifndef WORKER_ROTATE_INNER_H
#define WORKER_ROTATE_INNER_H

#include "model/rotation.h"
#include "store/rotations.h"
#include "worker/rotate.h"

/* A rotation as it was read for one step. */
struct rotating {
	const struct rotator *o;
	const struct job *job;
	struct db_rows row; /* of rotation_load() */
};

static inline struct str rotating_text(const struct rotating *g, const char *column)
{
	return db_text(&g->row, 0, column);
}

/* rotate_value.c: makes a value, seals it as the next version and writes it down. */
AWAITS int rotate_generate(struct call *call, const struct rotating *g);
/* rotate_value.c: the PENDING value in clear. */
AWAITS int rotate_open(struct call *call, const struct rotating *g, struct str *ret_plain);

/* rotate_verify.c: E_INVALID: it is not good, call->why says why. Any other failure: nobody knows, ask again. */
AWAITS int rotate_check_page(struct call *call, const struct rotating *g);
AWAITS int rotate_run_program(struct call *call, const struct rotating *g);

#endif
