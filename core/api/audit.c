/* Who is asking, for the audit. */
#include "api/api.h"

#include "base/id.h"

struct db_arg audit_who(struct exchange *x)
{
	const struct identity *identity = x->user ? &caller_of(x)->identity : NULL;
	struct str *who = arena_alloc(x->call->arena, 6 * sizeof(*who));

	who[0] = !identity ? STR("anonymous") : identity->token.n ? STR("token") : STR("user");
	who[1] = !identity ? STR("") : identity->person.id;
	who[2] = !identity           ? STR("")
		 : identity->token.n ? arena_printf(x->call->arena, "%.*s (%.*s)", STR_FMT(identity->person.email),
						    STR_FMT(identity->token))
				     : identity->person.email;
	who[3] = x->client;
	who[4] = http_request_header(x, "user-agent");
	who[5] = x->request_id;
	for (int i = 0; i < 6; i++)
		if (!who[i].p)
			who[i] = STR("");
	return A_TEXTS(who, 6);
}

struct db_arg audit_id(struct exchange *x)
{
	char id[ID_MAX];

	id_new(id, "audit_");
	return A_STR(arena_str(x->call->arena, str_of(id)));
}
