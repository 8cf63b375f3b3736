/* Redirects, followed by hand: each place is judged as the first one was, and gets no headers that were set for
 * another.
 *
 * Easy to break: leave to go to private addresses is for one place, too. */
#include "probe/inner.h"

#include <string.h>

static bool is_same_place(const struct place *a, const struct place *b)
{
	return a->port == b->port && a->is_https == b->is_https && strcmp(a->host, b->host) == 0;
}

/* Does another host ask somebody to log in there? */
static bool is_login(const struct place *from, const struct place *to)
{
	static const char *const words[] = {
		"login", "log-in", "signin", "sign-in", "sso", "auth", "saml", "accounts."
	};
	size_t n = strcspn(to->url, "?");

	if (strcmp(from->host, to->host) == 0)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at = strcasestr(to->url, words[i]);

		if (at && (size_t)(at - to->url) < n)
			return true;
	}
	return false;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Headers that a user set for one place are no other's, and neither is leave to go to private addresses. */
static void go_to(struct probe *p, const struct place *to, int status)
{
	bool is_head = strcmp(p->method, "HEAD") == 0;

	if (!is_same_place(&p->place, to)) {
		buf_clear(&p->lines);
		p->host_lines = 0;
		p->needs_tls = false;
		p->allow_private = false;
	}
	if ((status == 303 && !is_head) || (status <= 302 && strcmp(p->method, "POST") == 0))
		memcpy(p->method, "GET", 4);
	p->place = *to;
	p->n_redirects++;
}

bool redirect_next(struct probe *p, const struct probe_rules *rules, struct probe_result *result)
{
	struct place to;
	const char *why, *word;

	if (result->status == 401 || result->status == 403)
		p->login_redirect = true;
	if (result->end != PROBE_ANSWERED || !is_redirect(result->status) || !p->location)
		return false;
	why = place_read(p->place.url, str_of(p->location), &to);
	if (!why && is_login(&p->place, &to))
		p->login_redirect = true;
	if (p->redirects == 0)
		return false;
	if (p->n_redirects >= p->redirects) {
		result->end = PROBE_TOO_MANY_REDIRECTS;
		return false;
	}
	if (why || (p->place.is_https && !to.is_https) ||
	    (!probe_port_allowed(rules, to.port) && !(p->allow_private && is_same_place(&p->place, &to))) ||
	    (to.is_address && !is_same_place(&p->place, &to) &&
	     !probe_address_allowed(rules, &to.address.any, false, &word))) {
		result->end = PROBE_REDIRECT_REFUSED;
		return false;
	}
	go_to(p, &to, result->status);
	return true;
}
