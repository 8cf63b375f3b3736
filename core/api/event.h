/* What a webhook's body says: the JSON in it, and what that is about. For deliveries that arrive and for stored ones.
 */
#ifndef API_EVENT_H
#define API_EVENT_H

#include "api/api.h"
#include "base/json_read.h"
#include "store/deliveries.h"

/* application/x-www-form-urlencoded: the value of payload=. .p == NULL when it is not there once, or not well encoded.
 */
struct str event_form(struct call *call, struct str body);
/* The JSON of a body that was taken before, and so is one of the two. */
struct str event_stored(struct call *call, struct str body);
/* An object; what cannot be read is answered with 400. */
int event_parse(struct exchange *x, struct str text, const struct json **ret);
/* Sets action, repo and pr of a delivery whose event is set; outcome stays empty when the projects' rules have to
 * decide. A field that is missing or wrong is answered with 400. */
int event_understand(struct exchange *x, const struct json *body, struct delivery *d);

#endif
