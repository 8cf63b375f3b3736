/* A private Redis in a temporary folder, on a free loopback port, stopped by its own process id. */
#ifndef REDIS_FIXTURE_H
#define REDIS_FIXTURE_H

#include "unit/db/server_fixture.h"

static inline void redis_start(struct server *redis)
{
	char port[16];
	char *const argv[] = { "redis-server", "--port", port, "--bind",        "127.0.0.1",   "--dir",
			       redis->folder,  "--save", "",   "--requirepass", "secret-word", NULL };

	snprintf(port, sizeof(port), "%d", redis->port);
	redis->pid = spawn(redis, argv);
	wait_for_port(redis);
}

static inline void redis_new(struct server *redis)
{
	*redis = (struct server){ .port = free_port() };
	folder_new(redis, "redis");
	redis_start(redis);
}

static inline void redis_free(struct server *redis)
{
	server_stop(redis, SIGTERM);
	folder_free(redis);
}

#endif
