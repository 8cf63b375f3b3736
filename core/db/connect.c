/* Connecting, step by step, without blocking: libpq is given addresses, never names, and its connect_timeout does not
 * work here, so the tick of db.c ends what takes longer than CONNECT_MS. */
#include "db/inner.h"

#include <string.h>

#define PARAMS_MAX 64

struct pairs {
	const char *keyword[PARAMS_MAX + 1], *value[PARAMS_MAX + 1];
	int n;
};

static void put(struct pairs *pairs, const char *keyword, const char *value)
{
	if (!value || !*value || pairs->n == PARAMS_MAX)
		return;
	pairs->keyword[pairs->n] = keyword;
	pairs->value[pairs->n++] = value;
}

/* Later pairs win in libpq: ours that may be overruled come first, then the url's, then those that must stand. */
static void pairs_init(struct pairs *pairs, const struct target *target, const char *hosts)
{
	*pairs = (struct pairs){ 0 };
	put(pairs, "gssencmode", "disable");
	put(pairs, "keepalives_idle", "30");
	put(pairs, "keepalives_interval", "5");
	put(pairs, "keepalives_count", "3");
	put(pairs, "tcp_user_timeout", "10000");
	put(pairs, "application_name", target->application);
	if (hosts && strchr(hosts, ',')) /* of several servers, the one that can write; a replica's url says "any" */
		put(pairs, "target_session_attrs", "read-write");
	for (PQconninfoOption *o = target->given; o->keyword; o++)
		put(pairs, o->keyword, o->val);
	put(pairs, "options", target->options);
	put(pairs, "client_encoding", "UTF8");
}

static void ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

void connect_begin(struct conn *conn, const char *hosts, const char *addresses, const char *ports)
{
	struct pairs pairs;

	pairs_init(&pairs, &conn->db->target, hosts);
	put(&pairs, "host", hosts);
	put(&pairs, "hostaddr", addresses);
	put(&pairs, "port", ports);
	conn->pg = PQconnectStartParams(pairs.keyword, pairs.value, 0);
	if (!conn->pg || PQstatus(conn->pg) == CONNECTION_BAD) {
		conn_lost(conn, "the connection cannot be begun");
		return;
	}
	PQsetNoticeProcessor(conn->pg, ignore_notice, NULL);
	conn->state = CONN_CONNECTING;
	poll_set(conn, UV_WRITABLE);
}

void connect_step(struct conn *conn)
{
	poll_set(conn, 0); /* the step may close the socket and open one of the same number */
	switch (PQconnectPoll(conn->pg)) {
	case PGRES_POLLING_READING:
		poll_set(conn, UV_READABLE);
		break;
	case PGRES_POLLING_WRITING:
		poll_set(conn, UV_WRITABLE);
		break;
	case PGRES_POLLING_OK:
		conn_prepare(conn);
		break;
	default:
		conn_lost(conn, "the connection was refused");
	}
}
