/* From a path to the routes that stand there. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/http.h"

#define HTTP_METHODS 5

struct router;

struct router_match {
	const struct http_route *routes[HTTP_METHODS]; /* by enum http_method; NULL where the method is not served */
	struct str params[HTTP_PARAMS];                /* slices of the path */
	size_t n_params;
};

/* The table must outlive the router. Aborts with a message on a table that contradicts itself: it is part of the
 * program. */
struct router *router_new(const struct http_route *routes);
struct router *router_free(struct router *router);
/* False when nothing stands at this path. */
bool router_find(const struct router *router, struct str path, struct router_match *ret);
/* Which of the match's methods this is; HEAD is GET. -1 when it is none that can stand in a table. */
int router_method(struct str method);
/* "GET, HEAD, OPTIONS": the value of Allow. */
struct str router_allow(const struct router_match *match, struct arena *arena);

#endif
