/* Neither provider nor notifier. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.kind = 99)
