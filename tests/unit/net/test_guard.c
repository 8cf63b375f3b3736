/* Where a request may not go, counted by witnesses: servers that nobody must reach. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/fetch.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static void private_addresses_are_refused_in_every_notation(void **state)
{
	static const char *const hosts[] = {
		"127.0.0.1",
		"127.1",
		"127.0.1",
		"0177.0.0.1",
		"0x7f.0.0.1",
		"0x7f000001",
		"2130706433",
		"017700000001",
		"127.000.000.001",
		"localhost",
		"LOCALHOST",
		"localhost.",
		"0.0.0.0",
		"0",
		"[::1]",
		"[::]",
		"[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]",
		"[0:0:0:0:0:ffff:127.0.0.1]",
		"[::127.0.0.1]",
		"[64:ff9b::127.0.0.1]",
		"[2002:7f00:1::]",
		"127.0.0.1.",
		"%31%32%37.0.0.1",
		"127.0.0.1%2f",
		"0127.0.0.1",
		"127.0.0.01",
		"4294967296",
		"127.0.0.256",
		"10.0.0.1",
		"169.254.169.254",
		"[fe80::1]",
		"[fd00:ec2::254]",
		"[ff02::1]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct fetch f = { .request = { .timeout_ms = 3000 } };
		char url[128];

		snprintf(url, sizeof(url), "http://%s:%d/status/200", hosts[i], server.port);
		f.request.url = url;
		run(&f);
		if (f.code != E_INVALID && f.code != E_NETWORK)
			fail_msg("%s: code %d", hosts[i], f.code);
		/* What is certainly an address is named as the reason, at once. */
		if (i < 8 && (f.code != E_INVALID || !strstr(f.why, "not allowed (loopback)")))
			fail_msg("%s: %s", hosts[i], f.why);
	}
	assert_int_equal(server.accepts, 0);
}

static void permission_for_private_addresses_does_not_open_the_others(void **state)
{
	static const char *const hosts[] = { "0.0.0.0", "[::ffff:127.0.0.1]", "[::]", "169.254.169.254" };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct fetch f = { .request = { .timeout_ms = 3000, .allow_private = true } };
		char url[128];

		snprintf(url, sizeof(url), "http://%s:%d/status/200", hosts[i], server.port);
		f.request.url = url;
		run(&f);
		if (f.code != E_INVALID)
			fail_msg("%s: code %d %s", hosts[i], f.code, f.why);
	}
	assert_int_equal(server.accepts, 0);
}

/* A connection opened with permission must not serve a request without it. */
static void a_reused_connection_is_checked_again(void **state)
{
	struct fetch allowed = { 0 }, guarded = { 0 }, again = { 0 };

	(void)state;
	fetch_path("/status/200", &allowed);
	assert_int_equal(allowed.code, OK);
	guarded.request.url = URL("/status/200");
	run(&guarded);
	assert_int_equal(guarded.code, E_INVALID);
	assert_non_null(strstr(guarded.why, "loopback"));
	assert_int_equal(server.requests, 1);
	fetch_path("/status/200", &again);
	assert_int_equal(again.code, OK);
	done(&allowed);
	done(&again);
}

static void proxies_in_the_environment_are_ignored(void **state)
{
	static const char *const names[] = { "http_proxy",  "HTTP_PROXY", "https_proxy",
					     "HTTPS_PROXY", "all_proxy",  "ALL_PROXY" };
	struct fetch f = { 0 };
	struct server witness;
	char url[64];

	(void)state;
	server_start(&witness);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", witness.port);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], url, 1);
	fetch_path("/status/200", &f);
	assert_int_equal(f.code, OK);
	assert_int_equal(witness.accepts, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	server_stop(&witness);
	done(&f);
}

/* ---- TLS, with openssl's own server as the other side ---- */

static pid_t spawn_quiet(const char *const *argv)
{
	posix_spawn_file_actions_t files;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", 1, 0);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", 1, 0);
	if (posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

static bool wait_for_port(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 300; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool up = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

		close(fd);
		if (up)
			return true;
		usleep(10000);
	}
	return false;
}

static void a_certificate_nobody_vouches_for_is_refused(void **state)
{
	char folder[] = "/tmp/opshub-net-XXXXXX", key[64], cert[64], port[16], url[64];
	const char *make[] = { "openssl",
			       "req",
			       "-x509",
			       "-newkey",
			       "ec",
			       "-pkeyopt",
			       "ec_paramgen_curve:P-256",
			       "-nodes",
			       "-subj",
			       "/CN=127.0.0.1",
			       "-addext",
			       "subjectAltName=IP:127.0.0.1",
			       "-days",
			       "2",
			       "-keyout",
			       key,
			       "-out",
			       cert,
			       NULL };
	const char *serve_tls[] = { "openssl", "s_server", "-accept", port, "-key", key, "-cert", cert, "-www", NULL };
	struct fetch f = { .request = { .allow_private = true, .timeout_ms = 5000 } };
	struct server free_port;
	int status = -1;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(key, sizeof(key), "%s/key", folder);
	snprintf(cert, sizeof(cert), "%s/cert", folder);
	pid = spawn_quiet(make);
	if (pid < 0) {
		rmdir(folder);
		skip();
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	server_start(&free_port);
	server_stop(&free_port);
	snprintf(port, sizeof(port), "%d", free_port.port);
	pid = spawn_quiet(serve_tls);
	assert_true(pid > 0);
	assert_true(wait_for_port(free_port.port));
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", free_port.port);
	f.request.url = url;
	run(&f);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	unlink(key);
	unlink(cert);
	rmdir(folder);
	assert_int_equal(f.code, E_NETWORK);
	assert_non_null(strstr(f.why, "certificate"));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(private_addresses_are_refused_in_every_notation),
		T(permission_for_private_addresses_does_not_open_the_others),
		T(a_reused_connection_is_checked_again),
		T(proxies_in_the_environment_are_ignored),
		T(a_certificate_nobody_vouches_for_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
