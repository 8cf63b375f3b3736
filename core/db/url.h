/* What DATABASE_URL must be like, judged as libpq reads it. */
#ifndef DB_URL_H
#define DB_URL_H

#include <stdbool.h>

/* NULL when the url is good, else what is wrong with it: "must begin with ...". Never shows a part of the url.
 * require_tls: every host it names must be this machine (a Unix socket, localhost, a loopback address) or sslmode must
 * be require or stricter. */
const char *db_url_check(const char *url, bool require_tls);

#endif
