/* What a look found wrong. See health_error.h. */
#include "model/health_error.h"

static const struct wording {
	const char *code, *class, *sentence;
} wordings[] = {
	{ "DNS_FAILED", "DNS", "The name of its host could not be resolved." },
	{ "CONNECTION_REFUSED", "CONNECTION", "Its host refused the connection: nothing listens on that port." },
	{ "CONNECTION_FAILED", "CONNECTION", "No connection to its host could be made." },
	{ "CONNECTION_CLOSED", "CONNECTION", "It closed the connection before its answer was whole." },
	{ "CONNECT_TIMEOUT", "TIMEOUT", "No connection to its host could be made in time." },
	{ "TIMEOUT", "TIMEOUT", "It did not answer in time." },
	{ "TLS_FAILED", "TLS", "The TLS handshake with it failed." },
	{ "CERTIFICATE_EXPIRED", "TLS", "Its certificate has expired, or is not valid yet." },
	{ "CERTIFICATE_MISMATCH", "TLS", "Its certificate is of another host." },
	{ "CERTIFICATE_UNTRUSTED", "TLS", "Its certificate was signed by nobody who is trusted." },
	{ "STATUS", "STATUS", "It did not answer with an expected status." },
	{ "LOGIN_REQUIRED", "LOGIN",
	  "It wants somebody to log in: something protects it, so the check needs a header that lets it pass." },
	{ "BODY", "CONTENT", "Its answer does not contain the expected text." },
	{ "PATTERN", "CONTENT", "Its answer does not match the pattern." },
	{ "PATTERN_COST", "CONTENT",
	  "To compare its answer with the pattern takes too long: make the pattern simpler." },
	{ "JSON", "CONTENT", "The value at the JSON path of its answer is not the expected one." },
	{ "BODY_TOO_LONG", "CONTENT",
	  "What is expected is not in the first MiB of its answer, which is as far as it is read." },
	{ "HEAD_TOO_LONG", "CONTENT", "The head of its answer is too long." },
	{ "NOT_HTTP", "CONTENT", "What it answered is not HTTP." },
	{ "NOT_HTTP_2", "CONTENT", "It does not speak HTTP/2, which the check demands." },
	{ "TOO_MANY_REDIRECTS", "CONTENT", "It redirects more often than the check follows." },
	{ "REDIRECT_REFUSED", "CONTENT", "It redirects to where the check must not go." },
	{ "LATENCY", "LATENCY", "It answered as expected, but too slowly." },
	{ "ADDRESS_NOT_ALLOWED", "OTHER", "Its host has an address that must not be probed." },
	{ "PORT_NOT_ALLOWED", "OTHER", "Its port must not be probed." },
	{ "BAD_URL", "OTHER", "Its address cannot be probed." },
	{ "BAD_HEADER", "OTHER", "One of its headers cannot be sent." },
	{ "HEADERS_NEED_TLS", "OTHER",
	  "A secret header is not sent in plain HTTP to a public address: use https, or make it no secret." },
};

static const struct wording *wording_of(struct str code)
{
	for (size_t i = 0; i < sizeof(wordings) / sizeof(wordings[0]); i++)
		if (str_eq(code, str_of(wordings[i].code)))
			return &wordings[i];
	return NULL;
}

const char *health_error_class(struct str code)
{
	const struct wording *w = wording_of(code);

	return w ? w->class : "OTHER";
}

struct str health_error_sentence(struct arena *arena, struct str code, int64_t status_code)
{
	const struct wording *w = wording_of(code);

	if (str_eq(code, STR("STATUS")) && status_code)
		return arena_printf(arena, "It answered %lld, which is not an expected status.",
				    (long long)status_code);
	if (str_eq(code, STR("LOGIN_REQUIRED")) && status_code)
		return arena_printf(arena, "It answered %lld. %s", (long long)status_code, w->sentence);
	return w ? str_of(w->sentence) : arena_printf(arena, "The probe ended with %.*s.", STR_FMT(code));
}
