/* Text that people chose, into HTML, SVG or XML: as content or inside a quoted attribute.
 *
 * Characters that mean something there are escaped. Those that are no text in XML become U+FFFD, and so do the ones
 * that turn the direction of what stands behind them, which nobody could close again. */
#ifndef BASE_MARKUP_H
#define BASE_MARKUP_H

#include "base/buf.h"

void markup_add(struct buf *buf, struct str text);

#endif
