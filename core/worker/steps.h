/* The reconciler's steps, and what they share. */
#ifndef WORKER_STEPS_H
#define WORKER_STEPS_H

#include "worker/reconcile.h"

struct step_context {
	struct reconciler *rec;
	const struct job *job;
	struct preview_row preview; /* as it was read before this step */
	int64_t no_room_for;        /* the generation for which there was no room in this run; 0 = none */
	struct str hidden;          /* the attempt whose variables are secrets of the call */
	struct str cannot_hide;     /* why what a provider says must not be kept; empty = it may */
};

/* ---- attempt.c ---- */

/* Attempt ids end in eight characters of the installation's id: what a provider lists of ours is told from what another
 * installation with the same account made. */
struct str attempt_tag(struct str instance_id);
int64_t attempt_age(const struct step_context *s, unsigned attempt);
uint32_t step_random(void);
/* Where the deployment is that stays up, see attempt_kept(); empty when none does. */
struct str kept_url(const struct step_context *s);

/* One call of a provider: its open instance, and what is as before when it ends. */
struct provider_call {
	struct instance *instance;
	int64_t deadline_ms;
	bool hides_all; /* only until its end: what it says might hold what cannot_hide tells of */
};
/* Opens the provider with the project's settings and shortens the call's deadline to one provider call. OK: give both
 * back with provider_end. */
AWAITS int provider_begin(struct step_context *s, struct call *call, struct str provider, struct provider_call *ret);
void provider_end(struct call *call, const struct provider_call *p);
/* Before a provider is asked about an attempt: what the attempt was given is hidden in all that comes back. */
AWAITS int hide_variables(struct step_context *s, struct call *call, unsigned attempt);
/* The token of the attempt's decoy, which becomes a secret of the call. */
AWAITS int decoy_hide(struct step_context *s, struct call *call, unsigned attempt, struct str *ret_token);
/* Shortens the call's deadline to one provider call; returns the one before. */
int64_t provider_deadline(struct call *call, const struct reconciler *rec);
typedef int provider_operation(struct call *call, struct instance *instance, const char *id);
/* An operation that answers with nothing but its success: provider_cancel, provider_destroy. */
AWAITS int provider_ask(struct step_context *s, struct call *call, unsigned attempt, provider_operation *operation);

AWAITS int write_change(struct step_context *s, struct call *call, struct attempt_change *change);
/* ERROR, with a reason of the taxonomy. `gone`: nothing of it is at the provider. */
AWAITS int fail_attempt(struct step_context *s, struct call *call, unsigned attempt, const char *reason, struct str why,
			bool gone);
/* The provider could not be asked (call->why): the same step later, with `detail` shown (NULL = as it is). */
AWAITS int back_off(struct step_context *s, struct call *call, unsigned attempt, const char *detail);

/* ---- create.c ---- */
AWAITS int step_insert(struct step_context *s, struct call *call);
AWAITS int step_send(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_find(struct step_context *s, struct call *call, const struct step *step);

/* ---- build.c ---- */
/* A page of build output as text: whole lines of `room` bytes at most. What does not fit is cut there, and a line that
 * says so comes last, beyond room. Returns how much of the room is used up: all of it when something was cut. */
size_t build_log_write(const struct build_log *log, size_t room, struct buf *ret);
AWAITS int step_poll(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_time_out(struct step_context *s, struct call *call, unsigned attempt);

/* ---- clean_up.c ---- */
AWAITS int step_cancel(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_destroy(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_forget(struct step_context *s, struct call *call, unsigned attempt);
AWAITS int step_settle(struct step_context *s, struct call *call);
AWAITS int step_hold(struct step_context *s, struct call *call);

#endif
