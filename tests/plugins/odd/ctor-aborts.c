/* Dies while it is being loaded. */
#include "odd.h"

#include <stdlib.h>

static __attribute__((constructor)) void die(void)
{
	abort();
}

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN()
