/* Who asks GitHub. */
#include "daemon/github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEY 16384

static struct str trimmed(const char *url)
{
	struct str s = str_of(url);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

static bool read_key(const char *path, struct str *ret)
{
	char *text = calloc(1, MOST_KEY + 1);
	FILE *file = fopen(path, "re");
	size_t n;

	if (!text)
		abort();
	n = file ? fread(text, 1, MOST_KEY, file) : 0;
	if (file)
		fclose(file);
	*ret = (struct str){ text, n };
	return n > 0;
}

bool github_configure(const struct config *config, struct net *net, struct github_sweeper *ret, const char **ret_why)
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
				       .app_id = str_of(config->github_app_id) };
	if (ret->github.token.n) /* one of them asks: the token */
		ret->github.app_id = (struct str){ 0 };
	if (ret->github.app_id.n == 0 || read_key(config->github_app_key_file, &ret->github.app_key))
		return true;
	*ret_why = "GITHUB_APP_KEY_FILE cannot be read, or is empty";
	return false;
}

void github_configure_done(struct github_sweeper *sweeper)
{
	if (sweeper->github.app_key.p)
		explicit_bzero((char *)sweeper->github.app_key.p, sweeper->github.app_key.n);
	free((char *)sweeper->github.app_key.p);
	free((char *)sweeper->webhook_url.p);
	sweeper->github.app_key = sweeper->webhook_url = (struct str){ 0 };
}
