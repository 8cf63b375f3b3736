/* A provider that can create but not destroy. */
#include "odd.h"

ODD_OPS(.destroy = NULL)
ODD_SETTING()
ODD_PLUGIN()
