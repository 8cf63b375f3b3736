/* The reconciler's steps, between reconcile.c and clean_up.c. */
#ifndef WORKER_STEPS_H
#define WORKER_STEPS_H

#include "worker/reconcile.h"

struct step_context {
	struct reconciler *rec;
	const struct job *job;
	struct preview_row preview; /* as it was read before this step */
};

/* reconcile.c */
struct str attempt_tag(struct str instance_id);
/* Shortens the call's deadline to one provider call; returns the one before. */
int64_t provider_deadline(struct call *call, const struct reconciler *rec);
AWAITS int open_for(struct step_context *s, struct call *call, struct str provider, struct instance **ret);
AWAITS int write_change(struct step_context *s, struct call *call, struct attempt_change *change);
uint32_t step_random(void);

AWAITS int step_insert(struct step_context *s, struct call *call);
AWAITS int step_send(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_find(struct step_context *s, struct call *call, const struct step *step);
AWAITS int step_poll(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_time_out(struct step_context *s, struct call *call, unsigned attempt);

/* clean_up.c */
AWAITS int step_cancel(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_destroy(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_forget(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_settle(struct step_context *s, struct call *call);
AWAITS int step_hold(struct step_context *s, struct call *call);
/* The provider could not be asked (call->why): the same step later, with `detail` shown (NULL = as it is). */
AWAITS int back_off(struct step_context *s, struct call *call, unsigned attempt, const char *detail);
/* Build output that is new goes to the store; failing to get it fails nothing. */
AWAITS void read_logs(struct step_context *s, struct call *call, struct instance *instance,
		      const struct attempt_row *attempt);

#endif
