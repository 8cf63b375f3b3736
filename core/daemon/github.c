/* Who asks GitHub. */
#include "daemon/github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 20000

static struct str trimmed(const char *url)
{
	struct str s = str_of(url);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

struct github github_from(const struct config *config, struct net *net)
{
	return (struct github){ .net = net,
				.base = trimmed(config->github_api_base),
				.reserve = config->github_rate_reserve,
				.timeout_ms = TIMEOUT_MS,
				.token = str_of(config->github_token),
				.app_id = str_of(config->github_app_id),
				.app_key = str_of(config->github_app_private_key) };
}

void github_sweeper_configure(const struct config *config, struct github *github, struct github_sweeper *ret)
{
	struct str base = trimmed(config->api_base_url);
	char *url = calloc(1, base.n + sizeof("/webhooks/github"));

	if (!url)
		abort();
	memcpy(url, base.p, base.n);
	memcpy(url + base.n, "/webhooks/github", sizeof("/webhooks/github"));
	ret->webhook_url = str_of(url);
	ret->every_ms = config->github_sweep_ms;
	ret->github = github;
}

void github_sweeper_done(struct github_sweeper *sweeper)
{
	free((char *)sweeper->webhook_url.p);
	sweeper->webhook_url = (struct str){ 0 };
}
