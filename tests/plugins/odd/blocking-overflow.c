/* Overflows the stack of the thread it blocks on. */
#include "odd.h"

static __attribute__((noinline)) int recurse(volatile char *above, int depth)
{
	volatile char frame[512];

	frame[0] = above[0];
	return depth < 0 ? frame[0] : recurse(frame, depth + 1) + frame[0];
}

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	volatile char first = 1;

	(void)call;
	(void)instance;
	(void)request;
	ret->state = (uint32_t)recurse(&first, 0);
	return OPSHUB_OK;
}

ODD_OPS(.create = create)
ODD_SETTING()
ODD_PLUGIN(.flags = OPSHUB_BLOCKING)
