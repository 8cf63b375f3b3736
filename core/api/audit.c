/* Who is asking, for the audit. */
#include "api/api.h"

#include "base/id.h"

#define AGENT_MAX 400 /* as audit_add() keeps it */

/* What is no UTF-8, as sent or as cut, loses all but its ASCII: no header can keep the row from being written. */
struct str audit_agent(struct exchange *x, size_t max)
{
	struct str agent = http_request_header(x, "user-agent");
	char *copy = arena_text(x->call->arena, (struct str){ agent.p, agent.n < max ? agent.n : max });

	if (!str_is_text(str_of(copy)))
		for (char *p = copy; *p; p++)
			if ((unsigned char)*p >= 0x80)
				*p = '?';
	return str_of(copy);
}

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
	who[4] = audit_agent(x, AGENT_MAX);
	who[5] = x->request_id;
	for (int i = 0; i < 6; i++)
		if (!who[i].p)
			who[i] = STR("");
	return A_TEXTS(who, 6);
}

struct db_arg audit_id(struct exchange *x)
{
	return A_STR(id_text(x->call->arena, "audit_"));
}

struct audit audit_of(struct exchange *x)
{
	return (struct audit){ audit_id(x), audit_who(x) };
}
