/* Entity tags: what a body is known by, so that who has it already need not be sent it again. */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include "base/str.h"

#define ETAG_SIZE 37 /* W/"32 digits" and a NUL */

/* The same for the same bytes, in every process and version. Weak, because the same tag stands for the packed body too.
 * Not for telling apart what somebody with an interest in it made alike: it is no cryptographic digest. */
void etag_of(struct str body, char ret[ETAG_SIZE]);
/* Does the value of an If-None-Match header name this tag? "*" names every tag. */
bool etag_listed(struct str list, const char *tag);

#endif
