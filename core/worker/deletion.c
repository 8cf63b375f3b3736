/* Deletions.
 *
 *   marked -> previews are told to go -> the reconciler destroys their deployments -> previews' rows -> project ->
 * organization
 *
 * Easy to break: a preview that is not wanted is told so again in each round, because a webhook that was read before
 * the project was marked may have come after it; so rows go only when nothing is left and the mark is old enough. */
#include "worker/deletion.h"

#include "store/deletion.h"

#define MOST_ROUNDS 50 /* batches in one go */

static int take_down(struct call *call, struct deletion *deletion)
{
	struct push_list push = { 0 };
	size_t told = DELETION_BATCH;
	int r = OK;

	for (int n = 0; r == OK && n < MOST_ROUNDS && told == DELETION_BATCH; n++) {
		r = deletion_take_down(call, deletion->db, (struct str){ 0 }, (struct str){ 0 }, &push, &told);
		if (r == OK)
			queue_push(deletion->queue, &push);
	}
	return r;
}

static int remove_previews(struct call *call, struct deletion *deletion)
{
	size_t gone = DELETION_BATCH;
	int r = OK;

	for (int n = 0; r == OK && n < MOST_ROUNDS && gone == DELETION_BATCH; n++)
		r = deletion_previews(call, deletion->db, &gone);
	return r;
}

static int remove_each(struct call *call, struct deletion *deletion,
		       int (*remove)(struct call *call, struct db *db, struct str *ret_id), const char *what)
{
	struct str id = STR("?");
	int r = OK;

	for (int n = 0; r == OK && n < MOST_ROUNDS && id.n; n++) {
		r = remove(call, deletion->db, &id);
		if (r == OK && id.n)
			log_info("Deletion", "Nothing of it is left at any provider; it is deleted", F_STR("id", id),
				 F_TEXT("kind", what));
	}
	return r;
}

static void round_of(struct call *call, void *arg)
{
	struct deletion *deletion = arg;
	int r = take_down(call, deletion);

	if (r == OK)
		r = remove_previews(call, deletion);
	if (r == OK)
		r = remove_each(call, deletion, deletion_project, "project");
	if (r == OK)
		r = remove_each(call, deletion, deletion_organization, "organization");
	if (r == OK)
		r = deletion_invitations(call, deletion->db);
	if (r != OK && r != E_CANCELLED)
		log_warn("Deletion", "A round of deletions did not end; the next one goes on",
			 F_TEXT("error", call->why));
}

static void deletion_loop(struct call *call, void *arg)
{
	struct deletion *deletion = arg;
	struct fiber_options options = { .name = "deletion", .timeout_ms = 60000 };

	while (fiber_sleep(call, deletion->every_ms) == OK)
		if (!queue_is_draining(deletion->queue))
			fiber_run(call, &options, round_of, deletion);
}

void deletion_start(struct loop *loop, struct deletion *deletion)
{
	struct fiber_options options = { .name = "deletions" };

	fiber_start(loop, &options, deletion_loop, deletion, NULL);
}
