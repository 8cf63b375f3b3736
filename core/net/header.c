/* Names and values of headers, judged byte by byte. Pure. */
#include "net/header.h"

#include <string.h>

bool header_name_is_token(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c != '\0' && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return name.n > 0;
}

bool header_value_is_line(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool header_name_is_reserved(struct str name)
{
	static const struct str names[] = { STR("host"),       STR("content-length"), STR("transfer-encoding"),
					    STR("connection"), STR("keep-alive"),     STR("upgrade"),
					    STR("te"),         STR("trailer"),        STR("expect") };
	static const struct str prefixes[] = { STR("proxy-"), STR("metadata"), STR("x-aws-"), STR("x-google-") };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq_nocase(name, names[i]))
			return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (name.n >= prefixes[i].n && str_eq_nocase((struct str){ name.p, prefixes[i].n }, prefixes[i]))
			return true;
	return false;
}
