/* The strict gate: what a request's head must look like before anything else may look at it. */
#ifndef HTTP_GATE_H
#define HTTP_GATE_H

#include "http/http.h"

#define GATE_MAX_HEAD    (32 * 1024)
#define GATE_MAX_LINE    (8 * 1024)
#define GATE_MAX_HEADERS 100

enum gate_framing { GATE_NO_BODY, GATE_LENGTH, GATE_CHUNKED };

struct gate_head {
	struct str method, target;
	int minor; /* HTTP/1.minor: 0 or 1 */
	enum gate_framing framing;
	size_t length; /* announced, when framing is GATE_LENGTH */
	size_t size;   /* of the head with its empty line */
	size_t n_headers;
	struct http_header headers[GATE_MAX_HEADERS]; /* slices of the input; names as they came */
};

/* Reads the head at the start of `raw`, which may go on behind it. 0, or the HTTP status to refuse with and a sentence
 * that says why; `head` then holds nothing of use. */
int gate_read(struct str raw, struct gate_head *head, const char **ret_why);

#endif
