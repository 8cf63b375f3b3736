/* A setting behind the end of the instance. */
#include "odd.h"

ODD_OPS()
ODD_SETTING(.offset = sizeof(struct odd))
ODD_PLUGIN()
