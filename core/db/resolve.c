/* From the host names of the url to addresses, on libuv's thread pool: libpq itself would block the loop.
 *
 * A url may name several hosts (a primary and its standbys); a name may have several addresses. libpq gets one list:
 *   host=db1,db1,db2  hostaddr=10.0.0.1,fd00::1,10.0.0.2  port=5432,5432,5433
 * A socket's folder stays in the list without an address.
 * Owns: the request and the lists, which outlive a connection that is closed meanwhile (resolver->conn is NULL). */
#include "db/inner.h"

#include <stdlib.h>
#include <string.h>

struct resolver {
	uv_getaddrinfo_t request;
	struct conn *conn;
	struct str hosts, ports;       /* what is left of the url's lists */
	char *hosts_text, *ports_text; /* their memory */
	struct str host, port;         /* being looked up */
	bool one_port;                 /* one port for all hosts */
	unsigned n;
	struct buf host_list, address_list, port_list;
	char name[256];
};

static void resolver_free(struct resolver *resolver)
{
	if (resolver->conn)
		resolver->conn->resolver = NULL;
	buf_done(&resolver->host_list);
	buf_done(&resolver->address_list);
	buf_done(&resolver->port_list);
	free(resolver->hosts_text);
	free(resolver->ports_text);
	free(resolver);
}

static void add(struct resolver *resolver, const char *address)
{
	if (resolver->n == ADDRESSES_MAX)
		return;
	if (resolver->n++) {
		buf_add_char(&resolver->host_list, ',');
		buf_add_char(&resolver->address_list, ',');
		buf_add_char(&resolver->port_list, ',');
	}
	buf_add_str(&resolver->host_list, resolver->host);
	buf_add(&resolver->address_list, address, strlen(address));
	buf_add_str(&resolver->port_list, resolver->port);
}

static void resolve_next(struct resolver *resolver);

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct resolver *resolver = request->data;
	char address[INET6_ADDRSTRLEN];

	for (struct addrinfo *a = status == 0 ? found : NULL; a; a = a->ai_next)
		if (uv_ip_name(a->ai_addr, address, sizeof(address)) == 0)
			add(resolver, address);
	uv_freeaddrinfo(found);
	if (resolver->conn)
		resolve_next(resolver);
	else
		resolver_free(resolver);
}

/* true: wait for the callback. */
static bool look_up(struct resolver *resolver)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct in6_addr literal;

	if (resolver->host.n == 0 || resolver->host.n >= sizeof(resolver->name) || resolver->host.p[0] == '/' ||
	    resolver->host.p[0] == '@') {
		add(resolver, "");
		return false;
	}
	memcpy(resolver->name, resolver->host.p, resolver->host.n);
	resolver->name[resolver->host.n] = '\0';
	if (uv_inet_pton(AF_INET, resolver->name, &literal) == 0 ||
	    uv_inet_pton(AF_INET6, resolver->name, &literal) == 0) {
		add(resolver, resolver->name);
		return false;
	}
	resolver->request.data = resolver;
	return uv_getaddrinfo(loop_uv(resolver->conn->db->loop), &resolver->request, on_resolved, resolver->name, NULL,
			      &hints) == 0;
}

static void resolve_next(struct resolver *resolver)
{
	struct conn *conn = resolver->conn;

	while (resolver->hosts.p) {
		bool last = !memchr(resolver->hosts.p, ',', resolver->hosts.n);

		resolver->host = str_split(&resolver->hosts, ',');
		if (last)
			resolver->hosts.p = NULL;
		if (!resolver->one_port)
			resolver->port = str_split(&resolver->ports, ',');
		if (look_up(resolver))
			return;
	}
	resolver->conn = NULL;
	conn->resolver = NULL;
	if (resolver->n)
		connect_begin(conn, resolver->host_list.p, resolver->address_list.p, resolver->port_list.p);
	else
		conn_lost(conn, "no address is known for the host name in the url");
	resolver_free(resolver);
}

void resolve_start(struct conn *conn)
{
	const struct target *target = &conn->db->target;
	const char *hosts = target_get(target, "host"), *ports = target_get(target, "port");
	struct resolver *resolver;

	conn->state = CONN_RESOLVING;
	if (!hosts || target_get(target, "hostaddr")) { /* libpq's own socket, or addresses that are there already */
		connect_begin(conn, hosts, target_get(target, "hostaddr"), ports);
		return;
	}
	resolver = calloc(1, sizeof(*resolver));
	if (!resolver)
		abort();
	resolver->hosts_text = strdup(hosts);
	resolver->ports_text = strdup(ports ? ports : "5432");
	resolver->hosts = str_of(resolver->hosts_text);
	resolver->ports = str_of(resolver->ports_text);
	resolver->one_port = !strchr(resolver->ports_text, ',');
	if (resolver->one_port)
		resolver->port = resolver->ports;
	buf_init(&resolver->host_list, 8192);
	buf_init(&resolver->address_list, 8192);
	buf_init(&resolver->port_list, 8192);
	resolver->conn = conn;
	conn->resolver = resolver;
	resolve_next(resolver);
}

/* The connection stops waiting; a look-up that runs is freed when it comes back. */
void resolve_drop(struct conn *conn)
{
	if (!conn->resolver)
		return;
	conn->resolver->conn = NULL;
	uv_cancel((uv_req_t *)&conn->resolver->request);
	conn->resolver = NULL;
}
