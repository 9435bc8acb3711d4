/* A model server as small as can be: server PORT MODEL
 *
 * Reads and maps MODEL, prints "serving", and answers each request on a keep-alive connection with 64 bytes, one
 * connection after the other. Requests are one segment each. It ends when its standard input closes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int hold(const char *model)
{
	static char block[1 << 20];
	int fd = open(model, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *map;

	if (fd < 0 || fstat(fd, &status))
		return -1;
	while (read(fd, block, sizeof(block)) > 0)
		;
	map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	(void)*(volatile char *)map; /* a fault, so that the mapping is in use */
	return 0;
}

static int listen_on(int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
		return -1;
	return fd;
}

/* Waits for `fd`; false when standard input closed meanwhile. */
static int ready(int fd)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};

	return poll(fds, 2, -1) > 0 && !fds[1].revents;
}

static void serve(int fd)
{
	static const char response[64] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n.........................";
	char request[1024];
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (recv(fd, request, sizeof(request), 0) > 0)
		if (send(fd, response, sizeof(response), MSG_NOSIGNAL) < 0)
			break;
	close(fd);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: server PORT MODEL\n");
		return 2;
	}
	if (hold(argv[2])) {
		perror(argv[2]);
		return 1;
	}
	fd = listen_on(atoi(argv[1]));
	if (fd < 0) {
		perror("server: listen");
		return 1;
	}
	puts("serving");
	fflush(stdout);
	while (ready(fd))
		serve(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	return 0;
}
