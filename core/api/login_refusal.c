/* When somebody is not let in: the record, and a page that says why and what to do.
 *
 * Easy to break: the page says nothing that came with the request or from GitHub, so there is nothing to escape. */
#include "api/failures.h"
#include "api/login.h"

static const struct {
	const char *word;
	int status;
	const char *sentence;
} refusals[] = {
	[REFUSED_STATE] = { "state", 400,
			    "This login was not started in this browser, or more than ten minutes ago. Start it again; "
			    "cookies must be allowed." },
	[REFUSED_REPLAY] = { "replay", 400, "This login was used already. Start it again." },
	[REFUSED_DENIED] = { "denied", 403,
			     "You did not allow OpsHub to see who you are at GitHub, so you are not logged in. Start "
			     "again and authorize it: OpsHub reads your name and e-mail address, nothing else." },
	[REFUSED_CODE] = { "code", 400,
			   "GitHub says that this login has expired or was used already. Start it again." },
	[REFUSED_APP] = { "app", 503,
			  "GitHub does not accept this server as the OAuth app it says it is. Whoever runs it has to "
			  "compare GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET and the app's callback URL (API_BASE_URL "
			  "with "
			  "/auth/github/callback) with the app's settings at GitHub." },
	[REFUSED_EMAIL] = { "email", 403,
			    "Your GitHub account has no primary e-mail address that is verified and that OpsHub may "
			    "see. Verify it at GitHub under Settings, Emails, and start again." },
	[REFUSED_GITHUB] = { "github", 503,
			     "GitHub could not be asked who you are. Start again in a minute; if it stays so, this "
			     "server's log says why." },
	[REFUSED_INACTIVE] = { "inactive", 403,
			       "Your user was deactivated here. Ask an owner of your organization, or whoever runs "
			       "this "
			       "server, to activate it." },
	[REFUSED_EMAIL_TAKEN] = { "email-taken", 403,
				  "Your e-mail address belongs to a user here who logs in with another GitHub account. "
				  "Log in with that one, or make another address the primary one at GitHub." },
	[REFUSED_SERVER] = { "server", 503,
			     "This server could not finish your login: its database was not reached. Start again in a "
			     "minute." },
};

static bool wants_page(struct exchange *x)
{
	struct str accept = http_request_header(x, "accept");

	while (accept.n) {
		struct str type = str_split(&accept, ',');

		if (str_eq_nocase(str_trim(str_split(&type, ';')), STR("text/html")))
			return true;
	}
	return false;
}

static void answer_page(struct exchange *x, int status, const char *sentence)
{
	x->answer.status = status;
	x->answer.type = "text/html; charset=utf-8";
	http_answer_header(x, "cache-control", STR("no-store"));
	http_answer_header(x, "content-security-policy",
			   STR("default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
			       "frame-ancestors 'none'"));
	buf_printf(&x->answer.body,
		   "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		   "<title>Not logged in - OpsHub</title>\n<link rel=\"stylesheet\" href=\"/dashboard/style.css\">\n"
		   "</head>\n<body>\n<header><h1>OpsHub</h1></header>\n<main>\n<h2>You are not logged in</h2>\n"
		   "<p id=\"why\">%s</p>\n<p><a href=\"/auth/github\">Log in with GitHub</a> &middot; "
		   "<a href=\"/\">Start page</a></p>\n<p class=\"hint\">Request %.*s</p>\n</main>\n</body>\n</html>\n",
		   sentence, STR_FMT(x->request_id));
}

int login_refuse(struct exchange *x, enum refusal refusal, struct str github_login)
{
	const char *word = refusals[refusal].word, *sentence = refusals[refusal].sentence;
	int status = refusals[refusal].status;

	if (refusal != REFUSED_SERVER && login_failed(x, word, github_login) != OK)
		log_warn("Login", "A refused login could not be recorded", F_TEXT("reason", word),
			 F_TEXT("error", x->call->why));
	if (status == 503)
		http_answer_header(x, "retry-after", STR("60"));
	if (!wants_page(x))
		return http_answer_error(x, status, str_of(sentence));
	answer_page(x, status, sentence);
	return OK;
}
