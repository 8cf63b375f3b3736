/* Returns memory that is neither the host's nor static, not UTF-8, and changes it later. */
#include "odd.h"

#include <stdlib.h>

static char shared[4096];
static char *heap;

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	(void)call;
	(void)instance;
	(void)request;
	memset(shared, '\xfe', sizeof(shared) - 1);
	memcpy(shared, "id", 2);
	shared[8] = 0;
	if (!heap)
		heap = malloc(sizeof(shared));
	memcpy(heap, shared, sizeof(shared));
	ret->id = shared;
	ret->url = "javascript:alert(1)";
	ret->message = heap + 9;
	ret->state = 4711;
	ret->poll_after_ms = INT64_MIN;
	return OPSHUB_OK;
}

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	(void)call;
	(void)instance;
	(void)id;
	memset(shared, 'X', sizeof(shared) - 1);
	return OPSHUB_OK;
}

ODD_OPS(.create = create, .destroy = destroy)
ODD_SETTING()
ODD_PLUGIN()
