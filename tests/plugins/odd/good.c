/* Nothing odd: the control. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN()
