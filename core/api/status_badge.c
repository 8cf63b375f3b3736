/* A badge: a label and a state in words, as a small SVG. */
#include "api/status_view.h"

#include "base/markup.h"

#define CHARACTER 7 /* of 11 px, about; each text is fitted to its part */
#define PADDING   10

static const struct badge {
	const char *word, *color;
} badges[] = {
	[STATUS_OPERATIONAL] = { "up", "#1a7f37" },    [STATUS_DEGRADED] = { "degraded", "#cf222e" },
	[STATUS_FLAPPING] = { "degraded", "#cf222e" }, [STATUS_MAINTENANCE] = { "maintenance", "#57606a" },
	[STATUS_PAUSED] = { "paused", "#57606a" },     [STATUS_UNKNOWN] = { "unknown", "#57606a" },
};

static int characters(struct str text)
{
	int n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += (text.p[i] & 0xc0) != 0x80;
	return n;
}

static void add_part(struct buf *buf, struct str text, int left, int width)
{
	buf_printf(buf, "<text x=\"%d\" y=\"14\" textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\">",
		   left + PADDING / 2, width - PADDING);
	markup_add(buf, text);
	buf_add_str(buf, STR("</text>"));
}

void status_badge(struct str label, enum status_state state, struct buf *ret)
{
	struct str word = str_of(badges[state].word);
	int left = characters(label) * CHARACTER + PADDING, right = characters(word) * CHARACTER + PADDING;

	buf_printf(ret,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"20\" role=\"img\" "
		   "aria-labelledby=\"t\"><title id=\"t\">",
		   left + right);
	markup_add(ret, label);
	buf_printf(ret,
		   ": %s</title><rect width=\"%d\" height=\"20\" fill=\"#24292f\"/><rect x=\"%d\" width=\"%d\" "
		   "height=\"20\" fill=\"%s\"/><g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" "
		   "font-size=\"11\">",
		   word.p, left, left, right, badges[state].color);
	add_part(ret, label, 0, left);
	add_part(ret, word, left, right);
	buf_add_str(ret, STR("</g></svg>\n"));
}
