/* What is probed in the figure "probes": an HTTP server that does next to nothing, so that whoever asks is what is
 * measured.
 *
 * target [close]    prints "port N" and serves until it is killed; close: it ends each connection behind its answer */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512

static const char kept[] = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";
static const char closed[] =
	"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";

static int listen_on_loopback(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return -1;
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void accept_all(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd });
}

/* A request comes in one piece here: it has no body, and fits a packet. */
static void answer(int fd, bool closes)
{
	char request[2048];
	ssize_t n = read(fd, request, sizeof(request));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 ||
	    send(fd, closes ? closed : kept, (closes ? sizeof(closed) : sizeof(kept)) - 1, MSG_NOSIGNAL) < 0) {
		close(fd);
		return;
	}
	if (closes)
		shutdown(fd, SHUT_WR);
}

int main(int argc, char **argv)
{
	bool closes = argc > 1 && strcmp(argv[1], "close") == 0;
	static struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), port = 0;
	int listener = listen_on_loopback(&port);

	if (listener < 0 || epoll < 0) {
		perror("target: cannot listen");
		return 1;
	}
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){ .events = EPOLLIN, .data.fd = listener });
	printf("port %d\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(epoll, listener);
			else
				answer(events[i].data.fd, closes);
		}
	}
}
