/* E-mail addresses. Whether one works only a message can tell. */
#include "model/email.h"

#include <string.h>

bool email_ok(struct str text)
{
	const char *at = text.n >= 3 && text.n <= EMAIL_MAX ? memchr(text.p, '@', text.n) : NULL;

	if (!at || at == text.p || at == text.p + text.n - 1)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f || text.p[i] == '<' || text.p[i] == '>')
			return false;
	return true;
}
