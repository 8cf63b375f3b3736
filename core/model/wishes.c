/* What a person asked for, against what events decide afterwards. */
#include "model/wishes.h"

const char *wishes_kept(const struct decision *decision, const struct pull_request *pr)
{
	if (!pr->open || str_eq(pr->action, STR("reopened")))
		return "";
	if (str_eq(pr->action, STR("requested"))) /* an approval is not what it asks to forget */
		return decision->desired == DESIRED_HELD ? "APPROVED,RETRY" : "";
	switch (decision->desired) {
	case DESIRED_DEPLOYED:
		return "ASKED,EXPIRED,CANCELLED";
	case DESIRED_HELD:
		return "ASKED,EXPIRED,CANCELLED,APPROVED,RETRY";
	case DESIRED_DESTROYED:
		break;
	}
	return "ASKED,EXPIRED";
}
