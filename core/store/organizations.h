/* Organizations and who belongs to them: rows whose column names are the JSON keys. Columns that begin with '_' stay
 * inside. Each change writes its audit row in its own statement. */
#ifndef STORE_ORGANIZATIONS_H
#define STORE_ORGANIZATIONS_H

#include "store/access.h"

#define MOST_OWNED_ORGANIZATIONS 100
#define MOST_MEMBERS             1000 /* of one organization, open invitations included */
#define INVITATION_DAYS          14

/* A page of a list. */
struct list_page {
	struct str before; /* an id; empty = from the newest */
	int64_t limit;
};

AWAITS int organizations_list(struct call *call, struct db *db, struct str user_id, struct str only_project,
			      const struct list_page *page, struct db_rows *ret);
AWAITS int organization_get(struct call *call, struct db *db, struct str id, struct str user_id, struct db_rows *ret);

struct organization_change {
	struct str name, slug, description; /* .p == NULL: as it is */
};
/* E_CONFLICT when the slug is taken, or the user owns MOST_OWNED_ORGANIZATIONS. */
AWAITS int organization_create(struct call *call, struct db *db, struct str user_id,
			       const struct organization_change *fields, const struct audit *audit,
			       struct db_rows *ret);
/* E_CONFLICT also while it is being deleted. */
AWAITS int organization_update(struct call *call, struct db *db, struct str id,
			       const struct organization_change *change, const struct audit *audit);

/* ---- members ---- */
AWAITS int members_list(struct call *call, struct db *db, struct str org_id, const struct list_page *page,
			struct db_rows *ret);
AWAITS int member_get(struct call *call, struct db *db, struct str org_id, struct str id, struct db_rows *ret);

/* Who is meant: exactly one of the three is not empty. */
struct member_wish {
	struct str user_id, email, github_login;
	enum role role;
};
/* What all changes of members may answer besides failures of the database: E_AUTH when the caller's role does not reach
 * (api: 403), E_NOT_FOUND, E_CONFLICT; call->why says which rule. `actor` is who asks; his role is read again under the
 * organization's lock. */
/* Somebody who is known becomes a member, others are asked in. *ret_id: of the user or the invitation. */
AWAITS int member_add(struct call *call, struct db *db, struct str org_id, struct str actor,
		      const struct member_wish *wish, const struct audit *audit, struct str *ret_id);
/* `id`: a user or an invitation. */
AWAITS int member_set_role(struct call *call, struct db *db, struct str org_id, struct str actor, struct str id,
			   enum role role, const struct audit *audit);
AWAITS int member_remove(struct call *call, struct db *db, struct str org_id, struct str actor, struct str id,
			 const struct audit *audit);

/* ---- roles in one project ---- */
AWAITS int project_members_list(struct call *call, struct db *db, struct str project_id, const struct list_page *page,
				struct db_rows *ret);
AWAITS int project_member_get(struct call *call, struct db *db, struct str project_id, struct str user_id,
			      struct db_rows *ret);
/* E_INVALID when the role is not above the one in the organization. */
AWAITS int project_member_set(struct call *call, struct db *db, struct str org_id, struct str project_id,
			      struct str actor, struct str user_id, enum role role, const struct audit *audit);
AWAITS int project_member_remove(struct call *call, struct db *db, struct str org_id, struct str project_id,
				 struct str actor, struct str user_id, const struct audit *audit);

#endif
