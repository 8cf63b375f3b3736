/* Rate limits: how many requests a principal may make, counted for all api processes together in Redis, and by each
 * process alone while Redis is away. The arithmetic is in buckets.h.
 *
 * Every answer of a limited route says where its caller stands: X-RateLimit-Limit, -Remaining, and -Reset, the second
 * (since 1970) in which all of it is there again. Past the limit it is 429 with Retry-After.
 * Easy to break: a webhook with a good signature is never limited and never counted, and neither is a route with
 * ROUTE_UNLIMITED. */
#ifndef API_LIMITS_H
#define API_LIMITS_H

#include "api/buckets.h"
#include "http/http.h"

enum limit_kind {
	LIMIT_GENERAL, /* by user or token; by address while nobody is logged in */
	LIMIT_AUTH,    /* by address: logging in, and credentials that are refused */
	LIMIT_WEBHOOK, /* by address: webhooks whose signature is wrong */
	LIMIT_REVEAL,  /* by user: secrets shown in clear; counts beside LIMIT_GENERAL */
	LIMIT_KINDS
};

/* http_route.flags of the api: counts against no limit. */
#define ROUTE_UNLIMITED (1u << 8)
/* Counts when its handler says so: limits_of_uncached(). */
#define ROUTE_CACHED (1u << 9)

struct limits;
struct limits *limits_open(struct loop *loop, const char *redis_url, const struct limit_rule rules[LIMIT_KINDS]);
struct limits *limits_close(struct limits *limits); /* accepts NULL, returns NULL */

/* Counts the request. E_LIMITED when the principal has none left: the answer is 429 then, whatever it was before.
 * E_CANCELLED, else OK. Redis costs at most 50 ms, once in a while. */
AWAITS int limits_check(struct exchange *x, enum limit_kind kind, struct str principal);

/* For the guard: of a route without login, by address. A route with a signature checks for itself. */
AWAITS int limits_of_address(struct exchange *x);
/* For the handler of a public route with ROUTE_CACHED: this one is not answered from memory. */
AWAITS int limits_of_uncached(struct exchange *x);
/* For the guard: what identifying the caller came to, and as whom (the id of a user or token; empty when nobody is
 * known). Returns `identified`, or what limits_check failed with. Refused credentials count against LIMIT_AUTH. */
AWAITS int limits_of_caller(struct exchange *x, int identified, struct str principal);
/* For the webhook: this one is not signed. OK: say so. */
AWAITS int limits_of_unsigned(struct exchange *x);

#endif
