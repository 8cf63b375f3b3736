/* The way of a new value to its variable, as a pure function: from what is known of a rotation to its next single step.
 *
 *              generate             a preview is deployed       ready, carries the value,
 *                                   with it                     its page answers
 *   WAITING --------------> PENDING ------------------> TRIAL ------------------------> VERIFYING ---> DONE
 *      ^                        '---- no preview runs with it, or it is not tried --------^   |
 *      |                                                                                      |
 *      '---- another value, later <---- the build or the page or the program says no <--------'
 *                                       (or FAILED, when there were enough of them)
 *
 * What is ACTIVE stays so until the last step. Somebody who changes the variable meanwhile wins: SUPERSEDED. Every
 * state but WAITING has a deadline. */
#ifndef MODEL_ROTATION_H
#define MODEL_ROTATION_H

#include "base/str.h"

enum rotation_state { ROTATION_WAITING, ROTATION_PENDING, ROTATION_TRIAL, ROTATION_VERIFYING, ROTATION_ENDED };
enum rotation_state rotation_state_read(struct str word); /* ROTATION_ENDED for all that is over */

/* How the preview is that the value is tried with. */
enum trial {
	TRIAL_BUILDING,
	TRIAL_READY,  /* with the new value */
	TRIAL_WRONG,  /* ready, but deployed without it */
	TRIAL_FAILED, /* its build */
	TRIAL_GONE,   /* nobody wants it any more: another is tried */
};

struct rotation_facts {
	enum rotation_state state;
	bool early;         /* its next step is not due */
	bool late;          /* the deadline of its state has passed */
	bool superseded;    /* the variable was changed or deleted, or its project is being deleted */
	bool frozen;        /* its organization is locked down: nothing is deployed or made ACTIVE */
	bool queued;        /* another value of its project looks for a preview to be tried with */
	bool is_tried;      /* the policy wants it tried before it becomes the ACTIVE one */
	bool is_of_preview; /* a variable of the environment that previews run with */
	bool page_checked;  /* the page of a preview must answer */
	bool has_program;   /* the operator has one that verifies */
	enum trial trial;   /* of ROTATION_TRIAL */
};

enum rotation_step {
	ROTATE_DONE,
	ROTATE_WAIT,
	ROTATE_SUPERSEDE,
	ROTATE_GENERATE,
	ROTATE_TRY,     /* choose a preview and deploy it with the value */
	ROTATE_CHECK,   /* ask for its page, then go on to VERIFYING */
	ROTATE_VERIFY,  /* go on to VERIFYING */
	ROTATE_RUN,     /* the operator's program decides */
	ROTATE_PROMOTE, /* make it the ACTIVE one */
	ROTATE_FAIL_LATE,
	ROTATE_FAIL_BUILD,
	ROTATE_FAIL_WRONG,
};

enum rotation_step rotation_next(const struct rotation_facts *facts);

/* After the value number `tries` (from 1) was not good: how long until another is tried; -1 = no other. */
int64_t rotation_retry_ms(int64_t tries, int64_t most, int64_t first_ms);

#endif
