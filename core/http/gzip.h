/* Packing bodies with gzip. */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include "base/buf.h"

/* What one Accept-Encoding header, or several of them, say; starts zeroed. */
struct encodings {
	int gzip, identity, any; /* weight in thousandths + 1; 0 = not named */
};
void encodings_read(struct encodings *encodings, struct str value);
/* Is gzip allowed, and wanted no less than the plain body? */
bool encodings_want_gzip(const struct encodings *encodings);

/* A packer: about 270 KB, to be used again and again by one thread. Aborts without memory. */
struct gzip;
struct gzip *gzip_new(void);
struct gzip *gzip_free(struct gzip *gzip); /* accepts NULL, returns NULL */
/* Into `ret`, which has been initialised with the most it may hold. False, with ret's content undefined, when it does
 * not fit. */
bool gzip_pack(struct gzip *gzip, struct str plain, struct buf *ret);

#endif
