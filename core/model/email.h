/* What passes for an e-mail address: enough to tell it from a typing error, no more. */
#ifndef MODEL_EMAIL_H
#define MODEL_EMAIL_H

#include "base/str.h"

#define EMAIL_MAX 254

bool email_ok(struct str text);

#endif
