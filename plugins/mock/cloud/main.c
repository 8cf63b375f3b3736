/* The program: options, the journal, the socket. See cloud.h. */
#include "cloud.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define DEFAULT_PORT     4010
#define DEFAULT_BUILD_MS 1500

static void usage(FILE *to)
{
	fputs("opshub-mock-cloud: a hosting provider in one process, for tests and demonstrations\n"
	      "  --port N          listen on 127.0.0.1:N (default 4010; 0 = any free port)\n"
	      "  --address A       listen on this address instead of 127.0.0.1\n"
	      "  --data FILE       keep deployments in this journal; without it they are forgotten at the end\n"
	      "  --public-url URL  how browsers reach it (default http://127.0.0.1:PORT)\n"
	      "  --build-ms N      how long a build takes unless the request says so (default 1500)\n"
	      "  --with-parent     end when the process that started it ends\n"
	      "The environment variable MOCK_CLOUD_TOKEN, when set, is the token that requests must carry.\n",
	      to);
}

static int number(const char *option, const char *text, int64_t max)
{
	int64_t value;

	if (str_to_int(str_of(text), 0, max, &value))
		return (int)value;
	fprintf(stderr, "opshub-mock-cloud: %s must be a number from 0 to %lld\n", option, (long long)max);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },     { "address", required_argument, NULL, 'a' },
		{ "data", required_argument, NULL, 'd' },     { "public-url", required_argument, NULL, 'u' },
		{ "build-ms", required_argument, NULL, 'b' }, { "with-parent", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },           { NULL, 0, NULL, 0 },
	};
	struct cloud cloud = { .faults = { .find = "strict" }, .build_ms = DEFAULT_BUILD_MS };
	const char *address = "127.0.0.1", *data = NULL, *token = getenv("MOCK_CLOUD_TOKEN");
	int port = DEFAULT_PORT, listener, option;
	char url[64];

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'p')
			port = number("--port", optarg, 65535);
		else if (option == 'a')
			address = optarg;
		else if (option == 'd')
			data = optarg;
		else if (option == 'u')
			cloud.public_url = optarg;
		else if (option == 'b')
			cloud.build_ms = number("--build-ms", optarg, 86400000);
		else if (option == 'w')
			prctl(PR_SET_PDEATHSIG, SIGTERM);
		else {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	cloud.token = token && *token ? token : NULL;
	cloud.store = store_open(data);
	if (!cloud.store)
		return 1;
	listener = server_listen(address, port, &port);
	if (listener < 0) {
		store_close(cloud.store);
		return 1;
	}
	snprintf(url, sizeof(url), "http://%s:%d", strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : address, port);
	if (!cloud.public_url)
		cloud.public_url = url;
	printf("listening on %s\n", url);
	fflush(stdout);
	server_run(listener, &cloud);
	store_close(cloud.store);
	return 0;
}
