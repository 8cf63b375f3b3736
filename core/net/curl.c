/* The one place that starts libcurl, with an allocator that wipes what it gives back. */
#include "net/curl.h"

#include "base/secret_memory.h"

#include <curl/curl.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void curl_start(void)
{
	static bool started;

	if (started)
		return;
	/* its buffers have held tokens of providers */
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiped_free, wiped_realloc, strdup, calloc) != CURLE_OK) {
		fprintf(stderr, "opshub: curl could not be started: out of memory, or its TLS library is broken\n");
		abort();
	}
	started = true;
}
