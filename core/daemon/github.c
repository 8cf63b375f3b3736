/* Who asks GitHub. */
#include "daemon/github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct str trimmed(const char *url)
{
	struct str s = str_of(url);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

void github_configure(const struct config *config, struct net *net, struct github_sweeper *ret)
{
	struct str base = trimmed(config->api_base_url);
	char *url = calloc(1, base.n + sizeof("/webhooks/github"));

	if (!url)
		abort();
	memcpy(url, base.p, base.n);
	memcpy(url + base.n, "/webhooks/github", sizeof("/webhooks/github"));
	ret->webhook_url = str_of(url);
	ret->every_ms = config->github_sweep_ms;
	ret->github = (struct github){ .net = net,
				       .base = trimmed(config->github_api_base),
				       .reserve = config->github_rate_reserve,
				       .token = str_of(config->github_token),
				       .app_id = str_of(config->github_app_id),
				       .app_key = str_of(config->github_app_private_key) };
	if (ret->github.token.n) /* one of them asks: the token */
		ret->github.app_id = (struct str){ 0 };
}

void github_configure_done(struct github_sweeper *sweeper)
{
	free((char *)sweeper->webhook_url.p);
	sweeper->webhook_url = (struct str){ 0 };
}
