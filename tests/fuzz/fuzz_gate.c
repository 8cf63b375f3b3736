/* The strict gate: what it lets through has one reading. */
#include "fuzz.h"

#include "http/gate.h"

static size_t count(const struct gate_head *head, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < head->n_headers; i++)
		n += str_eq_nocase(head->headers[i].name, name);
	return n;
}

static void expect_inside(struct str raw, struct str part)
{
	MUST(part.p >= raw.p && part.p + part.n <= raw.p + raw.n);
	MUST(!memchr(part.p, '\r', part.n) && !memchr(part.p, '\n', part.n) && !memchr(part.p, '\0', part.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gate_head head;
	struct str raw = { (const char *)data, size };
	const char *why = NULL;
	int refused = gate_read(raw, &head, &why);

	if (refused) {
		MUST(refused >= 400 && refused <= 599 && why && why[0]);
		return 0;
	}
	MUST(head.size <= size && head.size >= 4 && memcmp(raw.p + head.size - 4, "\r\n\r\n", 4) == 0);
	MUST(head.minor == 0 || head.minor == 1);
	MUST(head.n_headers <= GATE_MAX_HEADERS);
	expect_inside(raw, head.method);
	expect_inside(raw, head.target);
	MUST(head.target.n > 0 && head.target.p[0] == '/');
	for (size_t i = 0; i < head.n_headers; i++) {
		expect_inside(raw, head.headers[i].name);
		expect_inside(raw, head.headers[i].value);
		MUST(head.headers[i].name.n > 0);
	}
	MUST(count(&head, STR("content-length")) <= 1 && count(&head, STR("transfer-encoding")) <= 1);
	MUST(count(&head, STR("content-length")) + count(&head, STR("transfer-encoding")) <= 1);
	MUST(count(&head, STR("host")) <= 1 && (head.minor == 0 || count(&head, STR("host")) == 1));
	MUST((head.framing == GATE_LENGTH) == (count(&head, STR("content-length")) == 1));
	MUST((head.framing == GATE_CHUNKED) == (count(&head, STR("transfer-encoding")) == 1));
	return 0;
}
