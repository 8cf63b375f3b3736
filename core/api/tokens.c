/* A person's own API tokens: making, rotating and revoking them.
 *
 * Easy to break: the text of a token is in the answer to its making and nowhere else, so what goes to the store is its
 * hash, and call_secret keeps it out of this request's log lines. */
#include "store/tokens.h"

#include "api/access.h"
#include "api/input.h"
#include "base/clock.h"
#include "base/id.h"
#include "crypto/token.h"

#define DAY_MS       (24ll * 60 * 60 * 1000)
#define DAYS_DEFAULT 90
#define DAYS_MAX     365

#define OVERLAP_DEFAULT 60
#define OVERLAP_MAX     (24 * 60)

/* ---- reading what is wished ---- */

/* The end of a token: a number of days, a time, or null for none; the default when nothing is said. */
static void read_end(struct input *in, struct token_wish *wish)
{
	int64_t days = DAYS_DEFAULT, now = clock_wall_ms();
	struct str at = { 0 };
	bool has_days = input_int(in, "expiresInDays", INPUT_NULLABLE, 1, DAYS_MAX, &days);
	bool has_at = input_text(in, "expiresAt", INPUT_NULLABLE, 1, TIME_TEXT_MAX, &at);
	bool is_null = input_is_null(in, "expiresInDays") || input_is_null(in, "expiresAt");

	wish->expires_ms = now + days * DAY_MS;
	if (has_at && has_days)
		input_fault(in, "expiresAt", "cannot stand beside expiresInDays: give one of them");
	else if (has_at && !time_parse(at, &wish->expires_ms))
		input_fault(in, "expiresAt", "must be a time like 2030-01-31T00:00:00Z");
	else if (has_at && (wish->expires_ms <= now || wish->expires_ms > now + DAYS_MAX * DAY_MS))
		input_fault(in, "expiresAt", "must be in the future, at most 365 days from now");
	else if (!has_at && !has_days && is_null)
		wish->expires_ms = 0;
	if (wish->expires_ms == 0 && wish->scope != SCOPE_READ)
		input_fault(in, input_is_null(in, "expiresAt") ? "expiresAt" : "expiresInDays",
			    "may only be null for a token with the scope read");
}

static int read_wish(struct exchange *x, struct token_wish *ret)
{
	static const char *const scopes[] = { "read", "write", "admin", NULL };
	struct token_wish wish = { 0 };
	struct str scope = { 0 };
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	input_text(&in, "name", INPUT_REQUIRED, 1, 80, &wish.name);
	input_word(&in, "scope", INPUT_REQUIRED, scopes, &scope);
	wish.scope = scope_read(scope);
	input_text(&in, "projectId", INPUT_NULLABLE, 1, ID_MAX - 1, &wish.project);
	read_end(&in, &wish);
	r = input_close(&in);
	if (r == OK)
		*ret = wish;
	return r;
}

static int read_overlap(struct exchange *x, int64_t *ret)
{
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	*ret = OVERLAP_DEFAULT;
	input_int(&in, "overlapMinutes", 0, 0, OVERLAP_MAX, ret);
	return input_close(&in);
}

/* An id that cannot be one is not asked for. */
static int read_id(struct exchange *x)
{
	struct str id = x->params[0];

	return id_valid(id, "tok_")
		       ? OK
		       : call_fail(x->call, E_NOT_FOUND, "you have no token %.*s", (int)(id.n < 64 ? id.n : 64), id.p);
}

/* ---- handlers ---- */

static struct str new_token(struct exchange *x, uint8_t ret_hash[SHA256_SIZE])
{
	char text[TOKEN_LENGTH + 1];
	struct str token;

	token_new(text);
	token = arena_str(x->call->arena, (struct str){ text, TOKEN_LENGTH });
	secret_wipe(text, sizeof(text));
	call_secret(x->call, token);
	token_hash(token, ret_hash);
	return token;
}

static int answer_token(struct exchange *x, const struct db_rows *rows, struct str token)
{
	struct json_out out = http_answer_json(x, 201);

	http_answer_header(x, "location",
			   arena_printf(x->call->arena, "%.*s/me/tokens/%.*s", STR_FMT(api_of(x)->o.base_url),
					STR_FMT(db_text(rows, 0, "id"))));
	json_open(&out, '{');
	db_row_members(rows, 0, &out);
	json_put_text(&out, "token", token);
	json_close(&out, '}');
	return OK;
}

int token_create_post(struct exchange *x)
{
	const struct audit audit = audit_of(x);
	struct token_wish wish;
	uint8_t hash[SHA256_SIZE];
	struct db_rows rows;
	struct str token;
	int r = read_wish(x, &wish);

	if (r != OK)
		return r;
	token = new_token(x, hash);
	r = token_create(x->call, api_of(x)->db, caller_id(x), &wish, hash, &audit, &rows);
	if (r == E_NOT_FOUND)
		return answer_field(x, 422, "projectId", "is no project that you may see");
	return r == OK ? answer_token(x, &rows, token) : r;
}

int token_rotate_post(struct exchange *x)
{
	const struct audit audit = audit_of(x);
	uint8_t hash[SHA256_SIZE];
	struct db_rows rows;
	struct str token;
	int64_t overlap;
	int r = read_id(x);

	if (r == OK)
		r = read_overlap(x, &overlap);
	if (r != OK)
		return r;
	token = new_token(x, hash);
	r = token_rotate(x->call, api_of(x)->db, caller_id(x), x->params[0], overlap, hash, &audit, &rows);
	if (r != OK)
		return r;
	access_forget(api_of(x)->access); /* the other processes hear of it from the database */
	return answer_token(x, &rows, token);
}

int token_delete(struct exchange *x)
{
	const struct audit audit = audit_of(x);
	int r = read_id(x);

	if (r == OK)
		r = token_revoke(x->call, api_of(x)->db, caller_id(x), x->params[0], &audit);
	if (r != OK)
		return r;
	access_forget(api_of(x)->access);
	x->answer.status = 204;
	return OK;
}

int token_show(struct exchange *x)
{
	struct json_out out;
	struct db_rows rows;
	int r = read_id(x);

	if (r == OK)
		r = token_get(x->call, api_of(x)->db, caller_id(x), x->params[0], &rows);
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	db_row_json(&rows, 0, &out);
	return OK;
}

int tokens_index(struct exchange *x)
{
	struct db_rows rows;
	struct str cursor;
	int64_t limit;
	int r = page_read(x, &limit, &cursor, "tok_");

	if (r == OK)
		r = tokens_list(x->call, api_of(x)->db, caller_id(x), cursor, limit, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, limit, "id");
	return answer_rows(x, &rows);
}
