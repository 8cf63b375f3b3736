/* Logging in with GitHub: what the parts of it share. */
#ifndef API_LOGIN_H
#define API_LOGIN_H

#include "api/api.h"
#include "store/logins.h"

/* Why somebody was not let in. Each has a word for the audit, a status and a sentence (login_refusal.c). */
enum refusal {
	REFUSED_NOT,
	REFUSED_STATE,       /* not started in this browser, or too long ago */
	REFUSED_REPLAY,      /* this callback came before */
	REFUSED_DENIED,      /* the person said no at GitHub */
	REFUSED_CODE,        /* GitHub does not take the code */
	REFUSED_APP,         /* GitHub does not take our client id, secret or callback address */
	REFUSED_EMAIL,       /* no primary e-mail address that is verified */
	REFUSED_GITHUB,      /* not reached, or not understood */
	REFUSED_INACTIVE,    /* deactivated here */
	REFUSED_EMAIL_TAKEN, /* by a user with another GitHub account */
	REFUSED_SERVER       /* our own database was not reached: nothing can be recorded */
};

/* Writes the audit row and the answer: a page for browsers, the error object for others. github_login may be empty. */
AWAITS int login_refuse(struct exchange *x, enum refusal refusal, struct str github_login);

/* What came back to the callback, and what it was started with. */
struct github_grant {
	struct str code, redirect_uri;
	const char *verifier;
};

/* Exchanges the code and asks who it stands for. Neither code nor tokens are kept. Why it failed is also in the log. */
AWAITS enum refusal github_account_get(struct call *call, struct net *net, const struct github_options *github,
				       const struct github_grant *grant, struct github_account *ret);
/* What an "error" of GitHub's means, be it in the callback's query or in an answer. */
enum refusal github_error(struct str word);

#endif
