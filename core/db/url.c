/* What DATABASE_URL must be like. */
#include "db/url.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <string.h>
#include <strings.h>

/* Empty when it is not given. */
static struct str option(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val ? str_of(options->val) : STR("");
	return STR("");
}

static bool is_loopback(struct str address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (address.n >= sizeof(text))
		return false;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, text, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

/* As libpq has it: nothing and what begins with '/' or '@' (an abstract name) is a Unix socket. */
static bool is_this_machine(struct str host)
{
	return host.n == 0 || host.p[0] == '/' || host.p[0] == '@' || str_eq_nocase(host, STR("localhost")) ||
	       is_loopback(host);
}

/* Both are lists of one length, separated by commas; where there is an address libpq does not look at the name. */
static bool stays_here(struct str hosts, struct str addresses)
{
	size_t n = 0;

	do {
		struct str host = str_split(&hosts, ','), address = str_split(&addresses, ',');

		if (address.n ? !is_loopback(address) : !is_this_machine(host))
			return false;
	} while ((hosts.n || addresses.n) && ++n < 1000);
	return !hosts.n && !addresses.n;
}

static bool is_protected(const PQconninfoOption *options)
{
	static const char *const strict[] = { "require", "verify-ca", "verify-full" };
	struct str mode = option(options, "sslmode");

	for (size_t i = 0; i < 3; i++)
		if (str_eq(mode, str_of(strict[i])))
			return true;
	/* a service's file may name any host */
	return option(options, "service").n == 0 && stays_here(option(options, "host"), option(options, "hostaddr"));
}

const char *db_url_check(const char *url, bool require_tls)
{
	PQconninfoOption *options;
	const char *why = NULL;

	if (!str_starts(str_of(url), STR("postgresql://")) && !str_starts(str_of(url), STR("postgres://")))
		return "must begin with postgresql:// or postgres://";
	options = PQconninfoParse(url, NULL); /* its message would hold parts of the url */
	if (!options)
		return "is no connection URL that libpq understands: characters of user and password that have a "
		       "meaning in URLs must be percent-encoded, and every parameter behind '?' one that libpq knows";
	if (require_tls && !is_protected(options))
		why = "must have sslmode=verify-full (or require), because DB_REQUIRE_TLS is 1";
	PQconninfoFree(options);
	return why;
}
