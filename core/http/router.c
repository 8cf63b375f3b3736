/* The route table as a tree of path segments, made once at start.
 *
 * Owns the tree; the routes themselves stay where the caller has them.
 * Easy to break: a segment that is written out wins over a parameter ("/orgs/mine" over "/orgs/:id"), and when that way
 * ends in nothing the parameter is tried; both at every level, so the look-up may turn back, at most once a level.
 *
 *   /projects/:id/deployments         projects -> * -> deployments [GET POST]
 *   /projects/:id                     projects -> * [GET PATCH DELETE] */
#include "http/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEGMENTS 12

struct node {
	struct str segment;           /* of the table's text */
	struct node *child, *sibling; /* written-out segments */
	struct node *param;           /* ":name" */
	const struct http_route *routes[HTTP_METHODS];
	bool has_routes;
};

struct router {
	struct node root;
};

static const char *const method_names[HTTP_METHODS] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

const char *http_method_word(enum http_method method)
{
	return method_names[method];
}

__attribute__((noreturn)) static void bad_table(const struct http_route *route, const char *what)
{
	fprintf(stderr, "route table: %s %s: %s\n", method_names[route->method], route->path, what);
	abort();
}

static struct node *node_new(struct str segment)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node) {
		fprintf(stderr, "out of memory for the route table\n");
		abort();
	}
	node->segment = segment;
	return node;
}

static struct node *step(struct node *node, struct str segment)
{
	struct node *child;

	if (segment.n > 0 && segment.p[0] == ':') {
		if (!node->param)
			node->param = node_new(segment);
		return node->param;
	}
	for (child = node->child; child; child = child->sibling)
		if (str_eq(child->segment, segment))
			return child;
	child = node_new(segment);
	child->sibling = node->child;
	node->child = child;
	return child;
}

static void add(struct router *router, const struct http_route *route)
{
	struct str rest = str_of(route->path);
	struct node *node = &router->root;
	unsigned depth = 0, params = 0;

	if (rest.n == 0 || rest.p[0] != '/')
		bad_table(route, "the path must start with '/'");
	rest = (struct str){ rest.p + 1, rest.n - 1 };
	while (rest.n > 0) {
		struct str segment = str_split(&rest, '/');

		if (segment.n > 0 && segment.p[0] == ':' && ++params > HTTP_PARAMS)
			bad_table(route, "too many parameters");
		if (++depth > MAX_SEGMENTS)
			bad_table(route, "too many segments");
		node = step(node, segment);
	}
	if (node->routes[route->method])
		bad_table(route, "stands twice in the table");
	node->routes[route->method] = route;
	node->has_routes = true;
}

struct router *router_new(const struct http_route *routes)
{
	struct router *router = calloc(1, sizeof(*router));

	if (!router) {
		fprintf(stderr, "out of memory for the route table\n");
		abort();
	}
	for (const struct http_route *route = routes; route->path; route++)
		add(router, route);
	return router;
}

/* The tree is as deep as MAX_SEGMENTS, so is the recursion. */
static void free_below(struct node *node)
{
	struct node *child = node->child;

	while (child) {
		struct node *next = child->sibling;

		free_below(child);
		free(child);
		child = next;
	}
	if (node->param) {
		free_below(node->param);
		free(node->param);
	}
}

struct router *router_free(struct router *router)
{
	if (!router)
		return NULL;
	free_below(&router->root);
	free(router);
	return NULL;
}

/* `rest` is what follows the slash behind this node; .p == NULL at the end of the path. */
static const struct node *find(const struct node *node, struct str rest, struct router_match *match)
{
	size_t params = match->n_params;
	struct str segment = rest;
	const char *slash;

	if (!rest.p)
		return node->has_routes ? node : NULL;
	slash = memchr(rest.p, '/', rest.n);
	if (slash) {
		segment.n = (size_t)(slash - rest.p);
		rest = (struct str){ slash + 1, rest.n - segment.n - 1 };
	} else {
		rest = (struct str){ NULL, 0 };
	}
	for (const struct node *child = node->child; child; child = child->sibling) {
		if (str_eq(child->segment, segment)) {
			const struct node *found = find(child, rest, match);

			if (found)
				return found;
			match->n_params = params;
			break;
		}
	}
	if (!node->param || segment.n == 0)
		return NULL;
	match->params[match->n_params++] = segment;
	return find(node->param, rest, match);
}

bool router_find(const struct router *router, struct str path, struct router_match *ret)
{
	struct router_match match = { .n_params = 0 };
	struct str rest = { NULL, 0 };
	const struct node *node;

	if (path.n == 0 || path.p[0] != '/')
		return false;
	if (path.n > 1)
		rest = (struct str){ path.p + 1, path.n - 1 };
	node = find(&router->root, rest, &match);
	if (!node)
		return false;
	memcpy(match.routes, node->routes, sizeof(match.routes));
	*ret = match;
	return true;
}

int router_method(struct str method)
{
	if (str_eq(method, STR("HEAD")))
		return HTTP_GET;
	for (int i = 0; i < HTTP_METHODS; i++)
		if (str_eq(method, str_of(method_names[i])))
			return i;
	return -1;
}

struct str router_allow(const struct router_match *match, struct arena *arena)
{
	struct str allow = STR("OPTIONS");

	for (int i = HTTP_METHODS - 1; i >= 0; i--)
		if (match->routes[i])
			allow = arena_printf(arena, "%s%s, %.*s", method_names[i], i == HTTP_GET ? ", HEAD" : "",
					     STR_FMT(allow));
	return allow;
}
