/* A private PostgreSQL 15 in a temporary folder, on a free loopback port, stopped by its own process id. */
#ifndef PG_FIXTURE_H
#define PG_FIXTURE_H

#include "unit/db/server_fixture.h"

#define PG_BIN "/usr/lib/postgresql/15/bin/"

/* PostgreSQL refuses to run as root. setpriv becomes the program, so the process id stays. */
#define AS_POSTGRES "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"

static inline void pg_start(struct server *pg)
{
	char data[96], port[16];
	char *root[] = { AS_POSTGRES,
			 PG_BIN "postgres",
			 "-D",
			 data,
			 "-p",
			 port,
			 "-F",
			 "-c",
			 "listen_addresses=127.0.0.1",
			 "-c",
			 "unix_socket_directories=",
			 "-c",
			 "max_connections=40",
			 NULL };

	snprintf(data, sizeof(data), "%s/data", pg->folder);
	snprintf(port, sizeof(port), "%d", pg->port);
	pg->pid = spawn(pg, geteuid() == 0 ? root : root + 4);
	wait_for_port(pg);
}

static inline void pg_new(struct server *pg)
{
	char data[96];
	char *root[] = { AS_POSTGRES, PG_BIN "initdb", "-D",         data, "-U", "opshub", "-A", "trust", "-N",
			 "-E",        "UTF8",          "--locale=C", NULL };
	struct passwd *user = getpwnam("postgres");
	int status = -1;
	pid_t pid;

	*pg = (struct server){ .port = free_port() };
	folder_new(pg, "pg");
	if (geteuid() == 0)
		CHECK(user && chown(pg->folder, user->pw_uid, user->pw_gid) == 0);
	snprintf(data, sizeof(data), "%s/data", pg->folder);
	pid = spawn(pg, geteuid() == 0 ? root : root + 4);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	pg_start(pg);
}

static inline void pg_free(struct server *pg)
{
	server_stop(pg, SIGQUIT);
	folder_free(pg);
}

static inline const char *pg_url(const struct server *pg)
{
	static char url[128];

	snprintf(url, sizeof(url), "postgresql://opshub:secret-word@127.0.0.1:%d/postgres", pg->port);
	return url;
}

#endif
