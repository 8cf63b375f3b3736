/* A chain, link by link. */
#include "store/audit.h"

#include <inttypes.h>
#include <string.h>

/* ---- what a hash covers ----
 * The text of a jsonb array as PostgreSQL prints it: elements separated by ", ", control characters as \u00xx but for
 * the five that have a letter, everything else as it is. */

static void add_text(struct buf *buf, struct str text)
{
	static const char letters[] = "btn.fr"; /* of 0x08 to 0x0d; 0x0b has none */

	buf_add_char(buf, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\')
			buf_printf(buf, "\\%c", c);
		else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
			buf_printf(buf, "\\%c", letters[c - 0x08]);
		else if (c < ' ')
			buf_printf(buf, "\\u%04x", c);
		else
			buf_add_char(buf, (char)c);
	}
	buf_add_char(buf, '"');
}

void audit_row_hash(const struct audit_row *row, struct str prev_hash, uint8_t ret[SHA256_SIZE])
{
	const struct str texts[] = { row->kind,       row->actor_id,   row->actor,  row->ip,
				     row->user_agent, row->request_id, row->action, row->target_kind,
				     row->target_id,  row->project_id, row->before, row->after };
	struct str parts[2] = { prev_hash };
	struct buf content;

	buf_init(&content, SIZE_MAX / 2); /* as large as a row of the database */
	buf_add_char(&content, '[');
	add_text(&content, row->org);
	buf_printf(&content, ", %" PRId64 ", ", row->seq);
	add_text(&content, row->id);
	buf_printf(&content, ", %" PRId64, row->at_us);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_add_str(&content, STR(", "));
		add_text(&content, texts[i]);
	}
	buf_add_char(&content, ']');
	parts[1] = buf_str(&content);
	sha256(parts, 2, ret);
	buf_done(&content);
}

/* ---- links ---- */

static struct str link_hash(const struct audit_link *link)
{
	return (struct str){ (const char *)link->hash, link->n };
}

static const char *name(struct call *call, const struct audit_row *row)
{
	return arena_printf(call->arena, "row %" PRId64 " (%.*s, %.*s, %.*s)", row->seq, STR_FMT(row->id),
			    STR_FMT(row->action), STR_FMT(row->at))
		.p;
}

static const char *gap(struct call *call, int64_t first, int64_t last)
{
	if (first == last)
		return arena_printf(call->arena, "row %" PRId64 " is missing", first).p;
	return arena_printf(call->arena, "rows %" PRId64 " to %" PRId64 " are missing", first, last).p;
}

const char *audit_follow(struct call *call, struct audit_link *link, const struct audit_row *row)
{
	uint8_t hash[SHA256_SIZE];

	if (row->seq != link->seq + 1)
		return gap(call, link->seq + 1, row->seq - 1);
	audit_row_hash(row, row->prev_hash, hash);
	if (!str_eq(row->hash, (struct str){ (const char *)hash, sizeof(hash) }))
		return arena_printf(call->arena, "%s was changed: its content does not give its hash", name(call, row))
			.p;
	if (!str_eq(row->prev_hash, link_hash(link)))
		return arena_printf(call->arena,
				    "%s does not follow row %" PRId64
				    ": that one was replaced, or the rows are out of order",
				    name(call, row), link->seq)
			.p;
	link->seq = row->seq;
	link->n = sizeof(hash);
	memcpy(link->hash, hash, sizeof(hash));
	return NULL;
}

const char *audit_end(struct call *call, const struct audit_link *link, const struct audit_head *head)
{
	if (head->seq == 0)
		return "the chain has rows but no head: it was taken away";
	if (head->seq > link->seq)
		return gap(call, link->seq + 1, head->seq);
	if (head->last > head->seq)
		return arena_printf(call->arena,
				    "the head stands at row %" PRId64 ", but there are rows up to %" PRId64, head->seq,
				    head->last)
			.p;
	if (!str_eq(head->hash, link_hash(link)))
		return arena_printf(call->arena,
				    "the head does not fit row %" PRId64 ": that one was replaced, or the head changed",
				    link->seq)
			.p;
	return NULL;
}

int audit_heads(struct call *call, struct db *db, const struct str *org, const struct str *after, int64_t limit,
		const struct audit_head **ret, size_t *ret_n)
{
	struct audit_head *heads;
	struct db_rows rows;
	int r = db_query(call, db, Q_AUDIT_HEADS, &rows, org ? A_STR(*org) : A_NULL, after ? A_STR(*after) : A_NULL,
			 A_INT(limit));

	if (r != OK)
		return r;
	heads = arena_alloc(call->arena, ((size_t)rows.n_rows + 1) * sizeof(*heads));
	for (int i = 0; i < rows.n_rows; i++)
		heads[i] = (struct audit_head){ db_text(&rows, i, "org_id"), db_int(&rows, i, "seq"),
						db_text(&rows, i, "hash"), db_int(&rows, i, "last") };
	*ret = heads;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}
