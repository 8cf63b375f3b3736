/* Getting a connection and losing it: look-up off the loop, connect, greet, and again with growing delay.
 *
 * Easy to break: after any I/O error hiredis frees the context by itself once its callback has returned, so
 * kv->context is forgotten there and never freed twice. */
#include "base/id.h"
#include "kv/inner.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_MS     5000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

struct resolver {
	uv_getaddrinfo_t request;
	struct kv *kv; /* NULL when nobody waits for it any more */
};

static void on_retry(uv_timer_t *timer)
{
	kv_connect(timer->data);
}

static void on_too_long(uv_timer_t *timer)
{
	kv_lost(timer->data, "the server did not accept the connection in time");
}

void kv_drop(struct kv *kv)
{
	redisAsyncContext *context = kv->context;

	if (kv->resolver) {
		kv->resolver->kv = NULL;
		uv_cancel((uv_req_t *)&kv->resolver->request);
		kv->resolver = NULL;
	}
	kv->state = KV_DOWN;
	kv->broken = NULL;
	kv->context = NULL;
	kv->link = NULL;
	if (context)
		redisAsyncFree(context); /* every command under way gets its callback with NULL */
	while (kv->first) {
		struct command *command = kv->first;

		kv->first = command->next;
		kv->n_pending--;
		command_reply(command, NULL);
	}
	kv->end = &kv->first;
}

void kv_lost(struct kv *kv, const char *why)
{
	int64_t delay = kv->failures < 6 ? BACKOFF_MIN_MS << kv->failures : BACKOFF_MAX_MS;
	uint16_t jitter;

	random_bytes(&jitter, sizeof(jitter));
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	delay = delay * 3 / 4 + delay / 4 * jitter / UINT16_MAX;
	log_warn("Redis", "The Redis connection was lost or could not be made", F_TEXT("connection", kv->name),
		 F_TEXT("reason", why), F_INT("retryInMs", delay), F_INT("failures", (int64_t)kv->failures + 1));
	kv_drop(kv);
	if (kv->failures < 16)
		kv->failures++;
	uv_timer_start(&kv->timer, on_retry, (uint64_t)delay, 0);
}

/* ---- greeting ---- */

static void on_version(redisAsyncContext *context, void *answer, void *arg)
{
	const redisReply *reply = answer;
	const char *at = reply && reply->type == REDIS_REPLY_STRING ? strstr(reply->str, "redis_version:") : NULL;

	(void)arg;
	(void)context;
	if (at && atoi(at + strlen("redis_version:")) < 7)
		log_warn("Redis", "Redis is older than version 7: upgrade it, some commands will be refused",
			 F_STR("version", ((struct str){ at + 14, strcspn(at + 14, "\r\n") })));
}

/* A server that forbids CONFIG (most hosted ones) answers with an error: nothing is known, nothing is said. */
static void on_policy(redisAsyncContext *context, void *answer, void *arg)
{
	const redisReply *reply = answer;

	(void)arg;
	(void)context;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 || !reply->element[1]->str)
		return;
	if (strcmp(reply->element[1]->str, "noeviction") != 0)
		log_warn("Redis", "Redis may evict queue keys under memory pressure: set maxmemory-policy noeviction",
			 F_TEXT("policy", reply->element[1]->str));
}

static void on_auth(redisAsyncContext *context, void *answer, void *arg)
{
	const redisReply *reply = answer;
	struct kv *kv = arg;

	if (reply && reply->type == REDIS_REPLY_ERROR && kv->context == context)
		kv->broken = "Redis refused the user or password of its url";
}

static const char *greeting_refused(const char *error)
{
	if (strncmp(error, "NOAUTH", 6) == 0)
		return "Redis wants a password: put it into its url";
	if (strncmp(error, "LOADING", 7) == 0)
		return "Redis is loading its data";
	return "Redis refused the greeting or the database of its url";
}

static void on_greeted(redisAsyncContext *context, void *answer, void *arg)
{
	const redisReply *reply = answer;
	struct kv *kv = arg;

	if (!reply || kv->context != context || kv->broken)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		kv->broken = greeting_refused(reply->str);
		return;
	}
	uv_timer_stop(&kv->timer);
	kv->state = KV_UP;
	kv->failures = 0;
	log_info("Redis", "Connected to Redis", F_TEXT("connection", kv->name));
	event_set(&kv->changed);
	if (kv->inspected)
		return;
	kv->inspected = true;
	redisAsyncCommand(context, on_version, kv, "INFO server");
	redisAsyncCommand(context, on_policy, kv, "CONFIG GET maxmemory-policy");
}

static void greet(struct kv *kv)
{
	const struct kv_url *url = &kv->url;

	kv->state = KV_GREETING;
	redisEnableKeepAlive(&kv->context->c);
	if (url->user[0])
		redisAsyncCommand(kv->context, on_auth, kv, "AUTH %s %s", url->user, url->password);
	else if (url->password[0])
		redisAsyncCommand(kv->context, on_auth, kv, "AUTH %s", url->password);
	redisAsyncCommand(kv->context, NULL, NULL, "CLIENT SETNAME %s", kv->name);
	if (url->db)
		redisAsyncCommand(kv->context, on_greeted, kv, "SELECT %d", url->db);
	else
		redisAsyncCommand(kv->context, on_greeted, kv, "PING");
}

/* ---- connecting ---- */

static void on_connected(const redisAsyncContext *context, int status)
{
	struct kv *kv = context->data;

	if (kv->context != context)
		return;
	if (status == REDIS_OK) {
		greet(kv);
		return;
	}
	kv->context = NULL; /* hiredis frees it when this returns */
	kv_lost(kv, "the connection was refused: check that Redis runs and that its url is right");
}

static void on_disconnected(const redisAsyncContext *context, int status)
{
	struct kv *kv = context->data;

	(void)status;
	if (kv->context != context) /* we closed it */
		return;
	kv->context = NULL;
	kv_lost(kv, "the server closed the connection");
}

static void connect_to(struct kv *kv, const char *address)
{
	redisAsyncContext *context = redisAsyncConnect(address, kv->url.port);

	if (!context || context->err || !(kv->link = link_new(context, loop_uv(kv->loop)))) {
		if (context)
			redisAsyncFree(context);
		kv_lost(kv, "the connection cannot be begun");
		return;
	}
	kv->state = KV_CONNECTING;
	kv->context = context;
	context->data = kv;
	redisAsyncSetDisconnectCallback(context, on_disconnected);
	redisAsyncSetConnectCallback(context, on_connected); /* asks to write, which is when the connection is there */
	link_apply(kv->link);
}

/* Of several addresses each attempt takes the next one. */
static const struct addrinfo *choose(const struct addrinfo *found, unsigned attempt)
{
	const struct addrinfo *a;
	unsigned n = 0;

	for (a = found; a; a = a->ai_next)
		n++;
	for (a = found; a && attempt % n; attempt--)
		a = a->ai_next;
	return a;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct resolver *resolver = request->data;
	const struct addrinfo *chosen = NULL;
	struct kv *kv = resolver->kv;
	char address[INET6_ADDRSTRLEN];

	if (kv) {
		kv->resolver = NULL;
		if (status == 0)
			chosen = choose(found, kv->failures);
		if (chosen && uv_ip_name(chosen->ai_addr, address, sizeof(address)) == 0)
			connect_to(kv, address);
		else
			kv_lost(kv, "no address is known for the host name in its url");
	}
	uv_freeaddrinfo(found);
	free(resolver);
}

void kv_connect(struct kv *kv)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		abort();
	kv->state = KV_RESOLVING;
	uv_timer_start(&kv->timer, on_too_long, CONNECT_MS, 0);
	resolver->request.data = resolver;
	resolver->kv = kv;
	if (uv_getaddrinfo(loop_uv(kv->loop), &resolver->request, on_resolved, kv->url.host, NULL, &hints) != 0) {
		free(resolver);
		kv_lost(kv, "the host name in its url cannot be looked up");
		return;
	}
	kv->resolver = resolver;
}
