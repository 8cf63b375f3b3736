/* What a status page looks like: HTML without scripts, JSON, and a badge. Pure: from facts to text.
 *
 * Names and titles are users' texts: they go through base/markup.h or the JSON writer, never through a format. */
#ifndef API_STATUS_VIEW_H
#define API_STATUS_VIEW_H

#include "base/buf.h"
#include "store/status_pages.h"

void status_html(const struct status_facts *facts, struct buf *ret);
void status_json(const struct status_facts *facts, struct buf *ret);
/* "label | up". */
void status_badge(struct str label, enum status_state state, struct buf *ret);

/* The Content-Security-Policy of the HTML: its own style by hash, nothing else. Lives as long as the process. */
struct str status_policy(void);

#endif
