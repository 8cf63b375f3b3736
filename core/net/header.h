/* What the headers of outgoing requests may look like. curl puts them on the wire as they are, line breaks included. */
#ifndef NET_HEADER_H
#define NET_HEADER_H

#include "base/str.h"

#define HEADER_NAME_MAX  128
#define HEADER_VALUE_MAX 8192

bool header_name_is_token(struct str name);    /* letters, digits and what RFC 9110 allows beside them; not empty */
bool header_value_is_line(struct str value);   /* no line break, NUL or other control character but tabs */
bool header_name_is_reserved(struct str name); /* frames or routes the message, or is for cloud metadata services */

#endif
