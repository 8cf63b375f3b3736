/* Calls itself something else than its file. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.name = "vercel")
