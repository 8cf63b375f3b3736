/* Making requests.
 *
 * Owns: the template and the values of every request.
 * Easy to break: the signature covers the body as it is sent, so it is made last, over the template with the request's
 * own values in it.
 *
 *   template  POST ... x-github-delivery: [guid] ... x-hub-signature-256: sha256=[signature] ... "number":[number] ...
 *   values    guid signature number number updated_at | guid signature number number updated_at | ... */
#include "requests.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define PAYLOAD_MAX ((size_t)1024 * 1024)
#define HEAD_MAX    2048
#define NUMBER      "1000000000" /* ten digits, as every pull request here has */
#define GUID        "00000000-0000-4000-8000-000000000000"
#define SIGNATURE   "0000000000000000000000000000000000000000000000000000000000000000"
#define NUMBER_MIN  1000000000u
#define NUMBER_MAX  2100000000u

enum slot { SLOT_GUID, SLOT_SIGNATURE, SLOT_NUMBER, SLOT_PR_NUMBER, SLOT_UPDATED_AT };

bool target_parse(const char *url, struct target *ret)
{
	size_t n = strlen("http://"), host, port = 0;

	*ret = (struct target){ .port = "80" };
	if (strncmp(url, "http://", n) != 0)
		return false;
	url += n;
	host = strcspn(url, ":/");
	if (host == 0 || host >= sizeof(ret->host))
		return false;
	memcpy(ret->host, url, host);
	url += host;
	if (*url == ':') {
		port = strspn(++url, "0123456789");
		if (port == 0 || port >= sizeof(ret->port))
			return false;
		memcpy(ret->port, url, port);
		ret->port[port] = '\0';
		url += port;
	}
	ret->path = *url ? url : "/";
	return *ret->path == '/';
}

bool requests_get(struct requests *requests, const struct target *target, const char *token)
{
	int n = asprintf(&requests->text,
			 "GET %s HTTP/1.1\r\nhost: %s:%s\r\nuser-agent: bench_load\r\naccept: */*\r\n%s%s%s\r\n",
			 target->path, target->host, target->port, token ? "authorization: Bearer " : "",
			 token ? token : "", token ? "\r\n" : "");

	if (n < 0) {
		fprintf(stderr, "bench_load: no memory\n");
		return false;
	}
	requests->n_text = (size_t)n;
	requests->count = SIZE_MAX;
	return true;
}

/* ---- the template ---- */

/* GitHub sends no space between tokens; its samples are printed for reading. In place; returns the new length. */
static size_t compact(char *text, size_t n)
{
	bool inside = false;
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (inside && text[i] == '\\' && i + 1 < n)
			text[out++] = text[i++];
		else if (text[i] == '"')
			inside = !inside;
		else if (!inside && strchr(" \t\r\n", text[i]))
			continue;
		text[out++] = text[i];
	}
	return out;
}

static char *read_payload(const char *path, size_t *ret_n)
{
	FILE *file = fopen(path, "rb");
	char *text = malloc(PAYLOAD_MAX + 1);
	size_t n;

	if (!file || !text) {
		perror(path);
		if (file)
			fclose(file);
		free(text);
		return NULL;
	}
	n = fread(text, 1, PAYLOAD_MAX, file);
	fclose(file);
	*ret_n = compact(text, n);
	text[*ret_n] = '\0';
	return text;
}

/* Behind `key` the text up to `end` gives way to as many bytes as `filler` has, and becomes a slot. Returns where the
 * rest of the payload begins; NULL when the key is not there. */
static const char *add_slot(struct requests *requests, enum slot slot, const char *rest, const char *key,
			    const char *end, const char *filler)
{
	const char *at = strstr(rest, key);

	if (!at)
		return NULL;
	at += strlen(key);
	memcpy(requests->text + requests->n_text, rest, (size_t)(at - rest));
	requests->n_text += (size_t)(at - rest);
	requests->slots[slot].at = requests->n_text;
	requests->slots[slot].n = strlen(filler);
	memcpy(requests->text + requests->n_text, filler, strlen(filler));
	requests->n_text += strlen(filler);
	requests->n_values += strlen(filler);
	return at + strcspn(at, end);
}

/* The body's length does not depend on the values, so the head can be written once. Returns where the body begins. */
static size_t put_head(struct requests *requests, const struct target *target, size_t n_body)
{
	char head[HEAD_MAX];
	const char *rest = head;
	int n = snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\nhost: %s:%s\r\nuser-agent: GitHub-Hookshot/bench\r\naccept: */*\r\n"
			 "content-type: application/json\r\nx-github-event: pull_request\r\nx-github-delivery: \r\n"
			 "x-hub-signature-256: sha256=\r\ncontent-length: %zu\r\n\r\n",
			 target->path, target->host, target->port, n_body);

	if (n < 0 || (size_t)n >= sizeof(head))
		return 0;
	rest = add_slot(requests, SLOT_GUID, rest, "x-github-delivery: ", "\r", GUID);
	rest = add_slot(requests, SLOT_SIGNATURE, rest, "sha256=", "\r", SIGNATURE);
	memcpy(requests->text + requests->n_text, rest, strlen(rest));
	requests->n_text += strlen(rest);
	return requests->n_text;
}

static bool put_body(struct requests *requests, const char *payload)
{
	const char *rest = add_slot(requests, SLOT_NUMBER, payload, "\"number\":", ",}", NUMBER);

	if (rest)
		rest = add_slot(requests, SLOT_PR_NUMBER, rest, "\"number\":", ",}", NUMBER);
	if (rest)
		rest = add_slot(requests, SLOT_UPDATED_AT, rest, "\"updated_at\":\"", "\"", "2000-01-01T00:00:00Z");
	if (!rest)
		return false;
	memcpy(requests->text + requests->n_text, rest, strlen(rest));
	requests->n_text += strlen(rest);
	return true;
}

/* Returns where the body begins in the template; 0 when the payload is not a pull request's. */
static size_t make_template(struct requests *requests, const struct target *target, const char *payload, size_t n)
{
	size_t body;

	requests->text = malloc(HEAD_MAX + n + 256);
	if (!requests->text || !put_body(requests, payload))
		return 0;
	n = requests->n_text;
	requests->n_text = requests->n_values = 0;
	body = put_head(requests, target, n);
	if (body == 0 || !put_body(requests, payload))
		return 0;
	requests->n_slots = REQUEST_SLOTS;
	return body;
}

/* ---- the values ---- */

static void put_hex(char *at, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		at[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		at[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
}

/* Writes the values into the template's slots and signs the whole. */
static void make_values(struct requests *requests, char *values, size_t body, const char *secret, uint32_t number,
			time_t now)
{
	unsigned char random[16], digest[32];
	char text[REQUEST_SLOTS][72];
	struct tm tm;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		abort();
	memcpy(text[SLOT_GUID], GUID, sizeof(GUID));
	put_hex(text[SLOT_GUID], random, 4);
	put_hex(text[SLOT_GUID] + 24, random + 4, 6);
	memcpy(text[SLOT_SIGNATURE], SIGNATURE, sizeof(SIGNATURE));
	snprintf(text[SLOT_NUMBER], sizeof(text[0]), "%u", number);
	snprintf(text[SLOT_PR_NUMBER], sizeof(text[0]), "%u", number);
	strftime(text[SLOT_UPDATED_AT], sizeof(text[0]), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	for (size_t i = 0; i < REQUEST_SLOTS; i++)
		memcpy(requests->text + requests->slots[i].at, text[i], requests->slots[i].n);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)requests->text + body, requests->n_text - body,
	     digest, NULL);
	put_hex(text[SLOT_SIGNATURE], digest, sizeof(digest));
	for (size_t i = 0; i < REQUEST_SLOTS; i++) {
		memcpy(values, text[i], requests->slots[i].n);
		values += requests->slots[i].n;
	}
}

bool requests_webhooks(struct requests *requests, const struct target *target, const char *payload_file,
		       const char *secret, size_t count)
{
	uint32_t first;
	size_t n, body;
	char *payload = read_payload(payload_file, &n);

	if (!payload)
		return false;
	body = make_template(requests, target, payload, n);
	free(payload);
	if (body == 0) {
		fprintf(stderr, "bench_load: %s is not the payload of a pull_request event\n", payload_file);
		return false;
	}
	requests->values = malloc(requests->n_values * count + 1);
	if (!requests->values || getrandom(&first, sizeof(first), 0) != (ssize_t)sizeof(first)) {
		fprintf(stderr, "bench_load: no memory for %zu requests\n", count);
		return false;
	}
	/* another part of the numbers in each run: what an earlier run has stored is not met again */
	first = NUMBER_MIN + first % (NUMBER_MAX - NUMBER_MIN - (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		make_values(requests, requests->values + i * requests->n_values, body, secret, first + (uint32_t)i,
			    time(NULL) + (time_t)i);
	requests->count = count;
	return true;
}

void requests_done(struct requests *requests)
{
	free(requests->text);
	free(requests->values);
	*requests = (struct requests){ 0 };
}

/* ---- sending ---- */

static void add_piece(struct iovec *pieces, int *n, char *at, size_t size, size_t *skip)
{
	size_t skipped = *skip < size ? *skip : size;

	*skip -= skipped;
	if (size > skipped)
		pieces[(*n)++] = (struct iovec){ at + skipped, size - skipped };
}

int requests_pieces(const struct requests *requests, size_t i, size_t sent, struct iovec ret[REQUEST_PIECES])
{
	char *values = requests->values ? requests->values + i * requests->n_values : NULL;
	size_t at = 0;
	int n = 0;

	for (size_t s = 0; s < requests->n_slots; s++) {
		add_piece(ret, &n, requests->text + at, requests->slots[s].at - at, &sent);
		add_piece(ret, &n, values, requests->slots[s].n, &sent);
		values += requests->slots[s].n;
		at = requests->slots[s].at + requests->slots[s].n;
	}
	add_piece(ret, &n, requests->text + at, requests->n_text - at, &sent);
	return n;
}
