/* The value of a variable, sealed for its place: moved to another organization, project, environment, key or version it
 * does not open. */
#ifndef STORE_VARIABLE_SECRETS_H
#define STORE_VARIABLE_SECRETS_H

#include "crypto/envelope.h"
#include "fiber/call.h"

#define VARIABLE_VALUE_MAX ENVELOPE_MAX
#define FINGERPRINT_SIZE   33 /* hex with its NUL */

struct variable_place {
	struct str org_id, project_id, environment_id, key;
	int64_t version;
};

struct sealed_variable {
	struct str sealed;      /* bytes */
	struct str key_id;      /* hex */
	struct str mask;        /* "***", or "xoxb-***" */
	struct str fingerprint; /* hex: HMAC of the value under a key of the project's */
};

/* `ring`: project_ring(). E_INVALID: the value is longer than VARIABLE_VALUE_MAX. */
int variable_seal(struct call *call, const struct key_ring *ring, const struct variable_place *place, struct str plain,
		  struct sealed_variable *ret);
/* `sealed`: bytes. The plaintext is the call's, and its log is told never to show it. E_INVALID with the variable's
 * name and what to do in call->why. */
int variable_open(struct call *call, const struct key_ring *ring, const struct variable_place *place, struct str sealed,
		  struct str *ret_plain);
/* The same without a message, for those who only want to know. */
bool variable_opens(struct call *call, const struct key_ring *ring, const struct variable_place *place,
		    struct str sealed);
/* Under the same ring equal values have equal fingerprints. */
struct str variable_fingerprint(struct arena *arena, const struct key_ring *ring, struct str plain);

#endif
