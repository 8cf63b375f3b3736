/* Secrets among a plugin's settings. Each is sealed for its place (table, owner, plugin, key): moved to another row it
 * does not open. */
#ifndef STORE_PLUGIN_SECRETS_H
#define STORE_PLUGIN_SECRETS_H

#include "crypto/envelope.h"
#include "fiber/call.h"

struct secret_place {
	const char *table;        /* "provider_secrets" */
	struct str owner, plugin; /* id of the row it belongs to, and the plugin's name */
	const char *kind;         /* "provider", "notifier": for messages */
};

/* As texts for the database; beside the names. */
struct sealed_secrets {
	const struct str *sealed; /* hex */
	const struct str *key_ids, *masks;
};
int secrets_seal(struct call *call, const struct key_ring *keys, const struct secret_place *place,
		 const struct str *names, const struct str *plains, size_t n, struct sealed_secrets *ret);

/* What people may see of a secret: a prefix that tokens of its kind share, never a part of the value. */
struct str secret_mask(struct arena *arena, struct str plain);

/* `sealed`: hex. The plaintext is the call's, and its log is told never to show it. E_INVALID with what to do in
 * call->why. */
int secret_open(struct call *call, const struct key_ring *keys, const struct secret_place *place, struct str key,
		struct str sealed, struct str *ret_plain);

#endif
