/* redis://[[user]:password@]host[:port][/db], with %XX in user and password. */
#include "kv/inner.h"

#include <string.h>

#define FORM "write redis://[user:password@]host[:port][/db]"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when it does not fit, holds a bad %XX or a NUL. */
static bool decode(struct str from, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < from.n; i++) {
		int c = (unsigned char)from.p[i];

		if (c == '%') {
			if (i + 2 >= from.n || hex(from.p[i + 1]) < 0 || hex(from.p[i + 2]) < 0)
				return false;
			c = hex(from.p[i + 1]) << 4 | hex(from.p[i + 2]);
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return false;
		to[n++] = (char)c;
	}
	to[n] = '\0';
	return true;
}

static const char *parse_login(struct str login, struct kv_url *url)
{
	struct str user = str_split(&login, ':');

	if (!decode(user, url->user, sizeof(url->user)) || !decode(login, url->password, sizeof(url->password)))
		return "the Redis url has a user or password that cannot be decoded: write special characters as %XX";
	if (url->user[0] && !url->password[0])
		return "the Redis url has a user but no password: write redis://user:password@host, or "
		       "redis://:password@host";
	return NULL;
}

static const char *parse_host(struct str text, struct kv_url *url)
{
	struct str host, port;
	int64_t number;
	bool bracket = text.n && text.p[0] == '[';

	if (bracket) {
		text.p++;
		text.n--;
		if (!memchr(text.p, ']', text.n))
			return "the Redis url has a [ without its ]: write an IPv6 address as [::1]";
		host = str_split(&text, ']');
		if (text.n && text.p[0] != ':')
			return "the Redis url has something between ] and the port: " FORM;
		port = text.n ? (struct str){ text.p + 1, text.n - 1 } : STR("6379");
	} else {
		bool has_port = text.n && memchr(text.p, ':', text.n);

		host = str_split(&text, ':');
		port = has_port ? text : STR("6379");
	}
	if (!host.n || host.n >= sizeof(url->host))
		return "the Redis url names no host: " FORM;
	if (!str_to_int(port, 1, 65535, &number))
		return "the Redis url has a port that is no number from 1 to 65535: " FORM;
	memcpy(url->host, host.p, host.n);
	url->host[host.n] = '\0';
	url->port = (int)number;
	return NULL;
}

/* The part behind the last '@' is the host: a password may hold an '@' that nobody encoded. */
static bool split_login(struct str *rest, struct str *ret_login)
{
	const char *at = rest->n ? memrchr(rest->p, '@', rest->n) : NULL;

	if (!at)
		return false;
	*ret_login = (struct str){ rest->p, (size_t)(at - rest->p) };
	*rest = (struct str){ at + 1, rest->n - ret_login->n - 1 };
	return true;
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	return true;
}

const char *kv_url_parse(const char *text, struct kv_url *ret)
{
	struct kv_url url = { .port = 6379 };
	struct str rest = str_of(text), login;
	const char *why, *slash;
	int64_t db = 0;

	if (str_starts(rest, STR("rediss://")))
		return "rediss:// is not supported: use redis:// to a TLS tunnel on this machine, such as stunnel";
	if (!str_starts(rest, STR("redis://")))
		return "the Redis url does not begin with redis://: " FORM;
	if (!is_plain(rest))
		return "the Redis url contains a space or control character: write it as %XX";
	rest = (struct str){ rest.p + 8, rest.n - 8 };
	if (split_login(&rest, &login)) {
		why = parse_login(login, &url);
		if (why)
			return why;
	}
	slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
	if (slash) {
		struct str number = { slash + 1, rest.n - (size_t)(slash - rest.p) - 1 };

		rest.n = (size_t)(slash - rest.p);
		if (number.n && !str_to_int(number, 0, 1023, &db))
			return "the Redis url has a database that is no number from 0 to 1023: " FORM;
	}
	url.db = (int)db;
	why = parse_host(rest, &url);
	if (!why)
		*ret = url;
	return why;
}

const char *kv_url_check(const char *url)
{
	struct kv_url parsed;

	return kv_url_parse(url, &parsed);
}
