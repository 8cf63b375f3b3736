/* The strict gate: one pass over the raw head that refuses whatever is not plain HTTP/1.1 as RFC 9112 has it.
 *
 * Why: h2o 2.2.5 accepts heads that another server in front of it reads differently (two lengths, a length beside
 * chunks, bare LF, folded lines, two hosts), and what two parsers read differently is a smuggled request.
 * Owns nothing: a pure function over bytes, so that tests and fuzzers need no server.
 * Easy to break: leniency. A case that "some client sends" is let in only when no parser anywhere reads it otherwise.
 *
 *   METHOD SP /target SP HTTP/1.x CRLF  *( name ":" OWS value OWS CRLF )  CRLF      anything else is refused */
#include "http/gate.h"

#include <string.h>

enum { TOKEN = 1, VALUE = 2, TARGET = 4 };

static const uint8_t classes[256] = {
	['\t'] = VALUE,
	[' '] = VALUE,
	['!'] = TOKEN | VALUE | TARGET,
	['"'] = VALUE | TARGET,
	['#'] = TOKEN | VALUE,
	['$' ... '\''] = TOKEN | VALUE | TARGET,
	['(' ... ')'] = VALUE | TARGET,
	['*' ... '+'] = TOKEN | VALUE | TARGET,
	[','] = VALUE | TARGET,
	['-' ... '.'] = TOKEN | VALUE | TARGET,
	['/'] = VALUE | TARGET,
	['0' ... '9'] = TOKEN | VALUE | TARGET,
	[':' ... '@'] = VALUE | TARGET,
	['A' ... 'Z'] = TOKEN | VALUE | TARGET,
	['[' ... ']'] = VALUE | TARGET,
	['^' ... 'z'] = TOKEN | VALUE | TARGET,
	['{'] = VALUE | TARGET,
	['|'] = TOKEN | VALUE | TARGET,
	['}'] = VALUE | TARGET,
	['~'] = TOKEN | VALUE | TARGET,
	[0x80 ... 0xff] = VALUE,
};

struct reader {
	const char *p, *end;
	bool cut; /* the head is longer than GATE_MAX_HEAD: what ends early ends because of that */
	const char *why;
	unsigned hosts, lengths, codings;
};

static int refuse(struct reader *in, int status, const char *why)
{
	in->why = why;
	return status;
}

static int refuse_early_end(struct reader *in)
{
	if (in->cut)
		return refuse(in, 431, "The header block is longer than 32 KiB: send fewer or shorter headers.");
	return refuse(in, 400, "The request ends inside its head.");
}

static struct str take(struct reader *in, uint8_t class)
{
	const char *from = in->p;

	while (in->p < in->end && (classes[(uint8_t)*in->p] & class))
		in->p++;
	return (struct str){ from, (size_t)(in->p - from) };
}

static bool take_text(struct reader *in, const char *text, size_t n)
{
	if ((size_t)(in->end - in->p) < n || memcmp(in->p, text, n) != 0)
		return false;
	in->p += n;
	return true;
}

static int read_request_line(struct reader *in, struct gate_head *head)
{
	head->method = take(in, TOKEN);
	if (head->method.n == 0 || head->method.n > 32 || !take_text(in, " ", 1))
		return refuse(in, 400, "The request line does not start with a method and one space.");
	head->target = take(in, TARGET);
	if (head->target.n > GATE_MAX_LINE)
		return refuse(in, 414, "The path and query are longer than 8 KiB.");
	if (in->p == in->end)
		return refuse_early_end(in);
	if (head->target.n == 0 || head->target.p[0] != '/')
		return refuse(in, 400, "The request target must be a path that starts with '/'.");
	if (!take_text(in, " HTTP/1.", 8))
		return refuse(in, 400, "Behind the request target there must be one space and HTTP/1.1.");
	if (in->p == in->end || (*in->p != '0' && *in->p != '1'))
		return refuse(in, 505, "Only HTTP/1.1 and HTTP/1.0 are served here.");
	head->minor = *in->p++ - '0';
	if (!take_text(in, "\r\n", 2))
		return refuse(in, 400, "The request line must end with CR LF.");
	return 0;
}

static int note_host(struct reader *in, struct str value)
{
	in->hosts++;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if ((uint8_t)c >= 0x7f || c <= ' ' || strchr(",/?#@\\<>\"{}|^`", c))
			return refuse(in, 400, "The Host header is not a host name with an optional port.");
	}
	if (value.n == 0)
		return refuse(in, 400, "The Host header is empty.");
	return 0;
}

static int note_length(struct reader *in, struct gate_head *head, struct str value)
{
	size_t length = 0;

	in->lengths++;
	if (value.n == 0 || value.n > 15)
		return refuse(in, 400, "Content-Length is not a decimal number.");
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return refuse(in, 400, "Content-Length is not a decimal number.");
		length = length * 10 + (size_t)(value.p[i] - '0');
	}
	head->framing = GATE_LENGTH;
	head->length = length;
	return 0;
}

static int note_coding(struct reader *in, struct gate_head *head, struct str value)
{
	in->codings++;
	head->framing = GATE_CHUNKED;
	if (head->minor == 0)
		return refuse(in, 400, "Transfer-Encoding does not exist in HTTP/1.0.");
	if (!str_eq_nocase(value, STR("chunked")))
		return refuse(in, 400, "Transfer-Encoding must be exactly \"chunked\".");
	return 0;
}

/* What the headers that decide where the message ends say. */
static int note(struct reader *in, struct gate_head *head, const struct http_header *header)
{
	switch (header->name.n) {
	case 4:
		if (str_eq_nocase(header->name, STR("host")))
			return note_host(in, header->value);
		break;
	case 14:
		if (str_eq_nocase(header->name, STR("content-length")))
			return note_length(in, head, header->value);
		break;
	case 17:
		if (str_eq_nocase(header->name, STR("transfer-encoding")))
			return note_coding(in, head, header->value);
		break;
	}
	return 0;
}

static int read_header(struct reader *in, struct gate_head *head)
{
	const char *start = in->p;
	struct http_header header;

	if (*in->p == ' ' || *in->p == '\t')
		return refuse(in, 400, "A header is folded over several lines.");
	header.name = take(in, TOKEN);
	if (in->p == in->end)
		return refuse_early_end(in);
	if (header.name.n == 0 || *in->p != ':')
		return refuse(in, 400, "A header's name is empty or holds a character that is not allowed.");
	in->p++;
	header.value = take(in, VALUE);
	if (in->p - start > GATE_MAX_LINE)
		return refuse(in, 431, "One header is longer than 8 KiB.");
	if (in->p == in->end)
		return refuse_early_end(in);
	if (!take_text(in, "\r\n", 2))
		return refuse(in, 400, "A header holds a control character or does not end with CR LF.");
	if (head->n_headers == GATE_MAX_HEADERS)
		return refuse(in, 431, "The request has more than 100 headers.");
	header.value = str_trim(header.value);
	head->headers[head->n_headers++] = header;
	return note(in, head, &header);
}

static int check_framing(struct reader *in, const struct gate_head *head)
{
	if (in->hosts > 1)
		return refuse(in, 400, "The request has more than one Host header.");
	if (in->hosts == 0 && head->minor == 1)
		return refuse(in, 400, "The request has no Host header.");
	if (in->lengths > 1)
		return refuse(in, 400, "The request has more than one Content-Length.");
	if (in->codings > 1)
		return refuse(in, 400, "The request has more than one Transfer-Encoding.");
	if (in->lengths && in->codings)
		return refuse(in, 400, "The request has both Content-Length and Transfer-Encoding.");
	return 0;
}

int gate_read(struct str raw, struct gate_head *head, const char **ret_why)
{
	size_t n = raw.n < GATE_MAX_HEAD ? raw.n : GATE_MAX_HEAD;
	struct reader in = { .p = raw.p, .end = raw.p + n, .cut = raw.n > n };
	int status;

	head->n_headers = 0;
	head->framing = GATE_NO_BODY;
	head->length = 0;
	take_text(&in, "\r\n", 2); /* one empty line in front is allowed: RFC 9112, 2.2 */
	status = read_request_line(&in, head);
	while (!status) {
		if (in.p == in.end)
			status = refuse_early_end(&in);
		else if (*in.p == '\r')
			break;
		else
			status = read_header(&in, head);
	}
	if (!status && !take_text(&in, "\r\n", 2))
		status = refuse(&in, 400, "The head does not end with an empty line.");
	if (!status)
		status = check_framing(&in, head);
	if (status) {
		*ret_why = in.why;
		return status;
	}
	head->size = (size_t)(in.p - raw.p);
	return 0;
}
