/* Secret headers of probes, sealed with their project's data key: those that people give a check, one by one, and those
 * that a provider wants with requests to one deployment, all together. Each is sealed for its place: moved to another
 * check, another header or another attempt it does not open. */
#ifndef STORE_CHECK_HEADERS_H
#define STORE_CHECK_HEADERS_H

#include "crypto/envelope.h"
#include "fiber/call.h"

#define CHECK_HEADERS_MAX      16   /* of a check, and of an attempt */
#define CHECK_HEADER_NAME_MAX  128  /* bytes */
#define CHECK_HEADER_VALUE_MAX 4096 /* bytes */

struct check_header {
	struct str name, value;
};

struct sealed_header {
	struct str sealed; /* hex */
	struct str key_id; /* hex */
	struct str mask;   /* of a check's: what people see of it */
};

/* `ring`: project_ring(). E_INVALID: it is too long, or no header. */
int check_header_seal(struct call *call, const struct key_ring *ring, struct str check_id,
		      const struct check_header *header, struct sealed_header *ret);
/* `sealed`: hex. The value is the call's, and its log is told never to show it. E_INVALID with what to do in call->why.
 */
int check_header_open(struct call *call, const struct key_ring *ring, struct str check_id, struct str name,
		      struct str sealed, struct str *ret_value);

/* A row of attempt_probe_headers: lines of "name: value". */
int probe_headers_seal(struct call *call, const struct key_ring *ring, struct str attempt_id,
		       const struct check_header *headers, size_t n, struct sealed_header *ret);
/* The same as for one; at most CHECK_HEADERS_MAX. */
int probe_headers_open(struct call *call, const struct key_ring *ring, struct str attempt_id, struct str sealed,
		       struct check_header **ret, size_t *ret_n);

#endif
