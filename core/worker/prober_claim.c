/* Claims: what is due soon, with all it takes to probe and judge it, as records of this worker.
 *
 * Owns each record until its result is written or dropped. Secret headers are opened here, on a fiber, and lie in
 * memory for secrets until the probe has started. */
#include "worker/prober_inner.h"

#include "base/clock.h"
#include "base/json_read.h"
#include "store/check_headers.h"
#include "store/project_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNREADABLE     "HEADERS_UNREADABLE"
#define CLOCK_JUMP_MS  1000
#define CLOCK_DRIFT_MS 1 /* that the clocks may drift apart between two claims */

/* ---- a record ---- */

#define TEXTS 12

static void texts_of(struct probe_due *due, struct str *ret_texts[TEXTS])
{
	struct str *texts[TEXTS] = {
		&due->check_id,
		&due->project_id,
		&due->name,
		&due->url,
		&due->method,
		&due->http_version,
		&due->preview_url,
		&due->provider,
		&due->expect.contains,
		&due->expect.matches,
		&due->expect.json_path,
		&due->expect.json_equals,
	};

	memcpy(ret_texts, texts, sizeof(texts));
}

static struct claim *claim_new(struct prober *p, const struct probe_due *due)
{
	struct probe_due copy = *due;
	struct str *texts[TEXTS];
	struct claim *claim;
	size_t size = 0;
	char *to;

	texts_of(&copy, texts);
	for (size_t i = 0; i < TEXTS; i++)
		size += texts[i]->n + 1;
	claim = malloc(sizeof(*claim) + size);
	if (!claim) {
		fprintf(stderr, "out of memory: a health check\n");
		abort();
	}
	memset(claim, 0, sizeof(*claim));
	to = (char *)(claim + 1);
	for (size_t i = 0; i < TEXTS; i++) {
		if (texts[i]->n)
			memcpy(to, texts[i]->p, texts[i]->n);
		to[texts[i]->n] = '\0';
		texts[i]->p = to;
		to += texts[i]->n + 1;
	}
	copy.headers = copy.secrets = copy.preview_secrets = copy.attempt_id = copy.wrapped_hex = STR("");
	claim->due = copy;
	claim->prober = p;
	claim->next = p->claims;
	if (p->claims)
		p->claims->prev = claim;
	p->claims = claim;
	p->n_claims++;
	return claim;
}

void claim_free(struct claim *claim)
{
	struct prober *p = claim->prober;

	if (claim->state != CLAIM_ENDED)
		p->n_claims--;
	if (claim->prev)
		claim->prev->next = claim->next;
	else
		p->claims = claim->next;
	if (claim->next)
		claim->next->prev = claim->prev;
	arena_free(claim->headers);
	free(claim->trace);
	free(claim);
}

/* ---- headers ---- */

/* "https://host:port" of an url, without the port that goes without saying. */
static struct str origin_of(struct str url)
{
	bool is_https = str_starts(url, STR("https://"));
	size_t from = is_https ? 8 : 7, to = from;
	struct str origin, port = is_https ? STR(":443") : STR(":80");

	while (to < url.n && !strchr("/?#", url.p[to]))
		to++;
	origin = (struct str){ url.p, to < url.n ? to : url.n };
	if (str_ends(origin, port))
		origin.n -= port.n;
	return origin;
}

static bool is_of_preview(const struct probe_due *due)
{
	return due->preview_url.n && str_eq_nocase(origin_of(due->url), origin_of(due->preview_url));
}

static struct net_header *headers_room(struct claim *claim, size_t n)
{
	return arena_alloc(claim->headers, (n + 1) * sizeof(struct net_header));
}

static void put_header(struct claim *claim, struct net_header *to, struct str name, struct str value)
{
	*to = (struct net_header){ arena_str(claim->headers, name), arena_str(claim->headers, value) };
}

static void put_plain(struct call *call, struct claim *claim, struct str headers_json)
{
	const char *why;
	const struct json *headers = json_parse(call->arena, headers_json, NULL, &why);

	if (!headers)
		return;
	claim->plain = headers_room(claim, headers->n);
	for (const struct json *h = headers->child; h; h = h->next)
		put_header(claim, &claim->plain[claim->n_plain++], h->key, json_text(h, STR("")));
}

static int put_secrets(struct call *call, struct claim *claim, const struct probe_due *due, const struct key_ring *ring)
{
	const char *why = "";
	const struct json *sealed = due->secrets.n ? json_parse(call->arena, due->secrets, NULL, &why) : NULL;
	struct check_header *of_preview = NULL;
	size_t n = 0;
	int r = OK;

	if (due->secrets.n && !sealed)
		return call_fail(call, E_INVALID, "the headers of %.*s are damaged: %s", STR_FMT(due->check_id), why);
	if (due->preview_secrets.n && is_of_preview(due))
		r = probe_headers_open(call, ring, due->attempt_id, due->preview_secrets, &of_preview, &n);
	claim->of_host = headers_room(claim, n);
	claim->secret = headers_room(claim, sealed ? sealed->n : 0);
	for (size_t i = 0; r == OK && i < n; i++)
		put_header(claim, &claim->of_host[claim->n_of_host++], of_preview[i].name, of_preview[i].value);
	for (const struct json *h = sealed ? sealed->child : NULL; r == OK && h; h = h->next) {
		struct str value;

		r = check_header_open(call, ring, due->check_id, h->key, json_text(h, STR("")), &value);
		if (r == OK)
			put_header(claim, &claim->secret[claim->n_secret++], h->key, value);
	}
	return r;
}

static void open_headers(struct call *call, struct claim *claim, const struct probe_due *due)
{
	bool has_secrets = due->secrets.n || due->preview_secrets.n;
	const struct key_ring *ring;
	int r;

	if (!has_secrets && !due->headers.n)
		return;
	claim->headers = has_secrets ? arena_new_secret() : arena_new();
	if (due->headers.n)
		put_plain(call, claim, due->headers);
	if (!has_secrets)
		return;
	r = project_ring_open(call, claim->prober->o.keys, due->project_id, due->wrapped_hex, &ring);
	if (r == OK)
		r = put_secrets(call, claim, due, ring);
	if (r == OK)
		return;
	claim->no_headers = UNREADABLE;
	log_warn("Prober", "A health check is not probed: its secret headers cannot be read",
		 F_STR("checkId", due->check_id), F_TEXT("error", call->why));
}

static void open_all_headers(struct call *call, struct prober *p, const struct probe_due *due, size_t n)
{
	size_t i = n;

	for (struct claim *claim = p->claims; i-- && claim; claim = claim->next)
		open_headers(call, claim, &due[i]);
}

/* ---- rounds ---- */

/* The database's clock as seen when the query left it, so never ahead of it: an estimate only grows as clocks drift,
 * until it jumps. */
static void learn_time(struct prober *p, int64_t ahead_ms)
{
	if (!p->knows_time || llabs(ahead_ms - p->db_ahead_ms) > CLOCK_JUMP_MS || ahead_ms < p->db_ahead_ms)
		p->db_ahead_ms = ahead_ms;
	else if (ahead_ms > p->db_ahead_ms)
		p->db_ahead_ms += CLOCK_DRIFT_MS;
	p->knows_time = true;
}

static void take_on(struct call *call, struct prober *p, const struct probe_due *due, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct claim *claim = claim_new(p, &due[i]);

		claim->start_ms = due[i].slot_ms - p->db_ahead_ms;
		claim->allow_private = due[i].provider.n && is_of_preview(&due[i]) &&
				       provider_may_be_private(p->o.providers, due[i].provider);
	}
	open_all_headers(call, p, due, n);
	if (p->draining) {
		prober_give_back(call, p);
		return;
	}
	for (struct claim *claim = p->claims; n--; claim = claim->next)
		prober_schedule(claim);
}

void prober_claim(struct call *call, void *arg)
{
	struct prober *p = arg;
	int64_t room = (int64_t)p->o.at_once - (int64_t)p->n_claims, now_ms = 0, sent_ms = clock_mono_ms();
	struct probe_due *due;
	size_t n = 0;
	int r;

	p->hungry = false;
	if (room <= 0) {
		p->hungry = true;
		return;
	}
	r = probes_claim(call, p->o.db, p->o.worker, PROBER_AHEAD_MS, room, PROBER_LEASE_MS, &due, &n, &now_ms);
	if (r != OK) {
		if (!call_cancelled(call))
			log_warn("Prober", "Health checks that are due could not be read; they are asked for again",
				 F_TEXT("error", call->why));
		return;
	}
	if (n == 0)
		return;
	learn_time(p, now_ms - sent_ms);
	p->hungry = (int64_t)n == room;
	take_on(call, p, due, n);
}

/* Also of results that wait: those whose claim somebody else has taken cannot be stored. */
void prober_renew(struct call *call, void *arg)
{
	struct prober *p = arg;
	struct str *checks = arena_alloc(call->arena, (prober_has(p) + 1) * sizeof(*checks));
	size_t n = 0;

	for (const struct claim *claim = p->claims; claim && n < prober_has(p); claim = claim->next)
		checks[n++] = arena_str(call->arena, claim->due.check_id);
	if (n && probes_renew(call, p->o.db, p->o.worker, checks, n, PROBER_LEASE_MS) != OK && !call_cancelled(call))
		log_warn("Prober", "Claims of health checks could not be renewed; other workers may take them over",
			 F_TEXT("error", call->why));
}
