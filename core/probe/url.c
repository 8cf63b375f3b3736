/* What an url of a check may look like, and what it comes to.
 *
 * Easy to break: curl's parser is asked without flags (a missing scheme is not guessed, percent signs in a host are
 * decoded as curl would when it connects), and what is stored and probed is what it wrote again, never what was typed.
 */
#include "probe/inner.h"

#include <curl/curl.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_scheme(struct str url, struct str scheme)
{
	return url.n >= scheme.n && str_eq_nocase((struct str){ url.p, scheme.n }, scheme);
}

static const char *check_bytes(struct str url)
{
	if (url.n == 0)
		return "is missing";
	if (url.n > PROBE_URL_MAX)
		return "is longer than 2048 bytes";
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];

		if (c <= 0x20 || c == 0x7f || c == '\\')
			return "holds a space, backslash or control character";
		if (c > 0x7f)
			return "holds a character that is not ASCII: write a host as xn--..., and all else "
			       "percent-encoded";
	}
	if (!has_scheme(url, STR("http://")) && !has_scheme(url, STR("https://")))
		return "must start with https:// or http://";
	return NULL;
}

/* Labels of letters, digits, '-' and '_'. One that begins with xn-- is taken as it is. */
static bool is_name(const char *host)
{
	struct str rest = str_of(host);

	while (rest.n > 0) {
		struct str label = str_split(&rest, '.');

		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!((label.p[i] >= 'a' && label.p[i] <= 'z') || (label.p[i] >= '0' && label.p[i] <= '9') ||
			      label.p[i] == '-' || label.p[i] == '_'))
				return false;
	}
	return true;
}

/* In whatever notation: what getaddrinfo makes of it without asking anybody is what would be connected to. */
static bool read_address(const char *host, struct place *ret)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *info = NULL;
	bool good = false;

	if (getaddrinfo(host, NULL, &hints, &info) == 0 && info->ai_addrlen <= sizeof(ret->address)) {
		memcpy(&ret->address, info->ai_addr, info->ai_addrlen);
		good = getnameinfo(info->ai_addr, info->ai_addrlen, ret->host, sizeof(ret->host), NULL, 0,
				   NI_NUMERICHOST) == 0;
	}
	if (info)
		freeaddrinfo(info);
	return good;
}

/* Fills in host and is_address, and writes the host back as it was understood. */
static const char *read_host(CURLU *u, char *host, struct place *ret)
{
	static const char wrong[] = "has a host that is neither a name nor an address";
	size_t n = strlen(host);
	bool is_v6 = host[0] == '[';
	char written[HOST_MAX + 2];

	if (is_v6) {
		host++;
		n -= 2;
		host[n] = '\0';
	} else if (n > 1 && host[n - 1] == '.') {
		host[--n] = '\0';
	}
	if (n == 0 || n >= HOST_MAX || strchr(host, '%'))
		return wrong;
	text_to_lower(host, n);
	ret->is_address = read_address(host, ret);
	if (is_v6 != (ret->is_address && ret->address.any.sa_family == AF_INET6))
		return wrong;
	if (!ret->is_address) {
		/* A last label of digits alone would be read as a number by some. */
		const char *last = strrchr(host, '.');

		last = last ? last + 1 : host;
		if (!is_name(host) || last[strspn(last, "0123456789")] == '\0')
			return wrong;
		memcpy(ret->host, host, n + 1);
	}
	snprintf(written, sizeof(written), is_v6 ? "[%s]" : "%s", ret->host);
	return curl_url_set(u, CURLUPART_HOST, written, 0) == CURLUE_OK ? NULL : wrong;
}

static const char *read_parts(CURLU *u, struct place *ret)
{
	char *scheme = NULL, *host = NULL, *port = NULL, *zone = NULL, *url = NULL;
	const char *why = "cannot be read: write it like https://example.com/health";
	int64_t number;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
	    !str_to_int(str_of(port), 1, 65535, &number))
		goto out;
	ret->port = (unsigned)number;
	ret->is_https = strcmp(scheme, "https") == 0;
	if (!ret->is_https && strcmp(scheme, "http") != 0) {
		why = "must start with https:// or http://";
		goto out;
	}
	if (curl_url_get(u, CURLUPART_ZONEID, &zone, 0) == CURLUE_OK) {
		why = "has an address with a scope id";
		goto out;
	}
	why = read_host(u, host, ret);
	if (why)
		goto out;
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (curl_url_get(u, CURLUPART_URL, &url, 0) != CURLUE_OK)
		why = "cannot be read: write it like https://example.com/health";
	else
		why = check_bytes(str_of(url));
	if (!why)
		memcpy(ret->url, url, strlen(url) + 1);
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(zone);
	curl_free(url);
	return why;
}

const char *place_read(const char *base, struct str url, struct place *ret)
{
	char text[PROBE_URL_MAX + 1];
	const char *why = base ? NULL : check_bytes(url);
	/* What a server sends as Location is encoded where it has to be; what people type is not touched. */
	unsigned flags = base ? CURLU_DISALLOW_USER | CURLU_URLENCODE : CURLU_DISALLOW_USER;
	CURLUcode code;
	CURLU *u;

	if (why)
		return why;
	if (url.n > PROBE_URL_MAX || memchr(url.p, '\0', url.n))
		return "is longer than 2048 bytes";
	memcpy(text, url.p, url.n);
	text[url.n] = '\0';
	u = curl_url();
	if (!u)
		abort();
	code = base ? curl_url_set(u, CURLUPART_URL, base, 0) : CURLUE_OK;
	if (code == CURLUE_OK)
		code = curl_url_set(u, CURLUPART_URL, text, flags);
	if (code == CURLUE_USER_NOT_ALLOWED)
		why = "must not hold a user name or password: use a header";
	else if (code != CURLUE_OK)
		why = "cannot be read: write it like https://example.com/health";
	else
		why = read_parts(u, ret);
	curl_url_cleanup(u);
	return why;
}

static bool is_of_the_house(const char *host)
{
	static const char *const suffixes[] = { ".localhost", ".local", ".internal", ".home.arpa" };
	struct str name = str_of(host);

	if (!strchr(host, '.'))
		return true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (str_ends(name, str_of(suffixes[i])))
			return true;
	return str_eq(name, STR("home.arpa"));
}

const char *probe_url_check(struct arena *arena, const struct probe_rules *rules, struct str url, bool allow_private,
			    struct str *ret_url)
{
	struct place place;
	const char *why = place_read(NULL, url, &place), *word;

	if (why)
		return why;
	if (!allow_private && !probe_port_allowed(rules, place.port))
		return arena_printf(arena, "has port %u, which may not be probed: PROBE_PORTS has those that may",
				    place.port)
			.p;
	if (place.is_address && !probe_address_allowed(rules, &place.address.any, allow_private, &word))
		return arena_printf(arena,
				    "leads to an address that may not be probed (%s): the operator can allow private "
				    "networks with PROBE_ALLOW_CIDRS",
				    word)
			.p;
	/* With networks of his own allowed, the operator's names may well lead there. */
	if (!place.is_address && !allow_private && rules->n_cidrs == 0 && is_of_the_house(place.host))
		return "has a name of a private network, which may not be probed: the operator can allow its addresses "
		       "with PROBE_ALLOW_CIDRS";
	*ret_url = arena_str(arena, str_of(place.url));
	return NULL;
}

bool probe_same_origin(struct arena *arena, struct str a, struct str b)
{
	struct place *one = arena_alloc(arena, sizeof(*one)), *other = arena_alloc(arena, sizeof(*other));

	return !place_read(NULL, a, one) && !place_read(NULL, b, other) && one->is_https == other->is_https &&
	       one->port == other->port && strcmp(one->host, other->host) == 0;
}

bool probe_is_in_clear(const struct probe_rules *rules, struct str url)
{
	struct place place;

	if (place_read(NULL, url, &place) || place.is_https)
		return false;
	if (place.is_address)
		return address_classify(&place.address.any, NULL) == ADDRESS_PUBLIC;
	return rules->n_cidrs == 0 && !is_of_the_house(place.host);
}
