/* The requests that the load generator sends: one and the same GET, or webhooks that are all different.
 *
 * A request is a template with slots; what stands in the slots of the n-th request was made, and signed, before the
 * clock started, so that sending costs no more than writev. */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define REQUEST_SLOTS  5
#define REQUEST_PIECES (2 * REQUEST_SLOTS + 1)

struct requests {
	char *text;                       /* the template */
	size_t n_text, n_slots, n_values; /* bytes of all values of one request */
	struct {
		size_t at, n;
	} slots[REQUEST_SLOTS];
	char *values; /* n_values bytes for each request */
	size_t count; /* how many were made; SIZE_MAX when all are the same */
};

struct target {
	char host[64], port[8];
	const char *path; /* inside the url */
};

/* http://HOST[:PORT]/PATH */
bool target_parse(const char *url, struct target *ret);

/* Each prints what is wrong to stderr and returns false. The token may be NULL. */
bool requests_get(struct requests *requests, const struct target *target, const char *token);
bool requests_webhooks(struct requests *requests, const struct target *target, const char *payload_file,
		       const char *secret, size_t count);
void requests_done(struct requests *requests);

/* The bytes of request i after the first `sent` of them, as pieces to write; returns how many pieces. */
int requests_pieces(const struct requests *requests, size_t i, size_t sent, struct iovec ret[REQUEST_PIECES]);

#endif
