/* Sealing and opening. */
#include "store/check_headers.h"

#include "crypto/digest.h"
#include "store/plugin_secrets.h"

#include <string.h>

static struct str place_of_check(struct arena *arena, struct str check_id, struct str name)
{
	const struct str fields[] = { STR("health_check_headers"), check_id, name };

	return envelope_context(arena, fields, 3);
}

static struct str place_of_attempt(struct arena *arena, struct str attempt_id)
{
	const struct str fields[] = { STR("attempt_probe_headers"), attempt_id };

	return envelope_context(arena, fields, 2);
}

static int seal(struct call *call, const struct key_ring *ring, struct str place, struct str plain,
		struct sealed_header *ret)
{
	struct str envelope = envelope_seal(call->arena, ring, place, plain);
	char key_id[KEY_ID_TEXT_SIZE];

	if (!envelope.p || !envelope_key_id(envelope, key_id))
		return call_fail(call, E_INVALID, "the headers are too long to be stored");
	ret->sealed = hex_text(call->arena, envelope);
	ret->key_id = arena_str(call->arena, str_of(key_id));
	return OK;
}

static int open_hex(struct call *call, const struct key_ring *ring, struct str place, struct str sealed,
		    struct str *ret_plain)
{
	char *bytes = arena_raw(call->arena, sealed.n / 2 + 1);

	if (!hex_decode(sealed, bytes, sealed.n / 2))
		return E_INVALID;
	return envelope_open(call->arena, ring, place, (struct str){ bytes, sealed.n / 2 }, ret_plain);
}

static const char *why_closed(int r)
{
	return r == E_NOT_FOUND ? "it was sealed with a key that is not here"
				: "it is damaged, or was moved from another place";
}

/* ---- of a check ---- */

int check_header_seal(struct call *call, const struct key_ring *ring, struct str check_id,
		      const struct check_header *header, struct sealed_header *ret)
{
	int r = seal(call, ring, place_of_check(call->arena, check_id, header->name), header->value, ret);

	if (r == OK)
		ret->mask = secret_mask(call->arena, header->value);
	return r;
}

int check_header_open(struct call *call, const struct key_ring *ring, struct str check_id, struct str name,
		      struct str sealed, struct str *ret_value)
{
	struct str plain;
	int r = open_hex(call, ring, place_of_check(call->arena, check_id, name), sealed, &plain);

	if (r != OK)
		return call_fail(call, E_INVALID,
				 "the header %.*s of the health check %.*s does not open: %s; set it again",
				 STR_FMT(name), STR_FMT(check_id), why_closed(r));
	call_secret(call, plain);
	*ret_value = plain;
	return OK;
}

/* ---- of an attempt ---- */

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return true;
	return false;
}

int probe_headers_seal(struct call *call, const struct key_ring *ring, struct str attempt_id,
		       const struct check_header *headers, size_t n, struct sealed_header *ret)
{
	size_t size = 0, at = 0;
	char *text;

	for (size_t i = 0; i < n; i++) {
		struct str name = headers[i].name, value = headers[i].value;

		if (n > CHECK_HEADERS_MAX || name.n == 0 || memchr(name.p, ':', name.n) || has_control(name) ||
		    has_control(value) || name.n > CHECK_HEADER_NAME_MAX || value.n > CHECK_HEADER_VALUE_MAX)
			return call_fail(call, E_INVALID,
					 "what the provider wants to be sent with probes are no headers: the %zu. of "
					 "them",
					 i + 1);
		size += name.n + value.n + 3;
	}
	text = arena_secret(call->arena, size + 1);
	for (size_t i = 0; i < n; i++) {
		const struct str parts[] = { headers[i].name, STR(": "), headers[i].value, STR("\n") };

		for (size_t k = 0; k < 4; k++) {
			if (parts[k].n)
				memcpy(text + at, parts[k].p, parts[k].n);
			at += parts[k].n;
		}
	}
	ret->mask = STR("***");
	return seal(call, ring, place_of_attempt(call->arena, attempt_id), (struct str){ text, at }, ret);
}

int probe_headers_open(struct call *call, const struct key_ring *ring, struct str attempt_id, struct str sealed,
		       struct check_header **ret, size_t *ret_n)
{
	struct check_header *headers;
	struct str rest;
	size_t n = 0;
	int r = open_hex(call, ring, place_of_attempt(call->arena, attempt_id), sealed, &rest);

	if (r != OK)
		return call_fail(call, E_INVALID,
				 "the headers that probes of the deployment %.*s are to be sent with do not open: %s; "
				 "deploy it again",
				 STR_FMT(attempt_id), why_closed(r));
	headers = arena_alloc(call->arena, CHECK_HEADERS_MAX * sizeof(*headers));
	for (; n < CHECK_HEADERS_MAX && rest.n; n++) {
		struct str line = str_split(&rest, '\n');

		headers[n].name = str_split(&line, ':');
		headers[n].value = str_trim(line);
		call_secret(call, headers[n].value);
	}
	*ret = headers;
	*ret_n = n;
	return OK;
}
