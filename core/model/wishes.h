/* What a person asked for of a preview, against what events decide afterwards. Pure.
 *
 * A push, a reopening, a close and a request for a preview (POST /projects/:id/deployments) make it void: each is news.
 * Any other event (a label, a title, a review) only repeats what was true when the person decided, so the wish stands
 * although the rules would say something else:
 *
 *   ASKED      destroyed by somebody         stands against every other event
 *   EXPIRED    its time was over             the same
 *   CANCELLED  a build that was cancelled    stands unless the rules destroy the preview
 *   APPROVED   a fork that was approved      stands while the rules would hold it
 *   RETRY      the same, deployed again      stands while the rules would hold it */
#ifndef MODEL_WISHES_H
#define MODEL_WISHES_H

#include "model/rules.h"

/* The wishes that stand against this decision as long as the commit is the same: words of previews.desired_why,
 * separated by commas. */
const char *wishes_kept(const struct decision *decision, const struct pull_request *pr);

#endif
