/* What one call costs now: callcost [-d DIR] [-c CHUNKS] [-p PORT] [-a ASSET] [-i] [CASE]...
 *
 * One JSON line per case: {"case":"getppid","best":165.2,"median":166.0,"calls":40000}, in nanoseconds per call, or
 * with -i in ticks of the time-stamp counter, which under QEMU's -icount are guest instructions. Each case runs CHUNKS
 * times a number of calls; "best" is the quietest chunk, which is what a comparison on a busy machine can trust.
 *
 * DIR (default /tmp) must lie on a disk file system: the page cache of tmpfs has no tracepoints. The file that is read
 * stays there for the next run: another one would lie in other pages, which makes more of a difference than a probe.
 * PORT is where the small HTTP server of the `http` case listens (default 18080). ASSET, of 4 MiB or more, is what
 * `pread_asset` reads; it is opened when the agent has had time to see what program this is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define FILE_BYTES (16 << 20)
#define BLOCK 4096
#define CHUNKS_MAX 1000
#define KNOWN_AFTER_US 300000

static const char *dir = "/tmp";
static int port = 18080;
static bool ticks;

static int file_fd, asset_fd = -1, zero_fd, null_fd, pipe_fds[2], udp_fd, udp_sink, tcp_fd, tcp_peer, listen_fd,
		    http_fd = -1;
static struct sockaddr_in udp_to, tcp_to;
static char file_path[PATH_MAX];
static char buffer[BLOCK];

static void die(const char *what)
{
	fprintf(stderr, "callcost: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* For results that decide whether the figure means anything. */
static void must(bool ok, const char *what)
{
	if (!ok)
		die(what);
}

static uint64_t now(void)
{
	struct timespec t;

	if (ticks)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- the calls --- */
static void run_getppid(int i)
{
	(void)i;
	syscall(SYS_getppid);
}

static void run_open_close(int i)
{
	(void)i;
	int fd = open(file_path, O_RDONLY | O_CLOEXEC);

	must(fd >= 0, "open");
	close(fd);
}

static void run_pread_file(int i)
{
	must(pread(file_fd, buffer, BLOCK, (off_t)(i % 1024) * BLOCK) == BLOCK, "pread");
}

static void run_pread_asset(int i)
{
	must(pread(asset_fd, buffer, BLOCK, (off_t)(i % 1024) * BLOCK) == BLOCK, "pread of the asset");
}

static void run_pread_zero(int i)
{
	(void)i;
	must(pread(zero_fd, buffer, 16, 0) == 16, "pread /dev/zero");
}

static void run_pwrite_file(int i)
{
	must(pwrite(file_fd, buffer, BLOCK, (off_t)(i % 256) * BLOCK) == BLOCK, "pwrite");
}

static void run_write_null(int i)
{
	(void)i;
	must(write(null_fd, buffer, 64) == 64, "write /dev/null");
}

/* Two faults, far enough apart that the kernel's fault-around does not serve both. */
static void run_mmap_faults(int i)
{
	(void)i;
	char *p = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, file_fd, 0);

	must(p != MAP_FAILED, "mmap");
	(void)*(volatile char *)p;
	(void)*(volatile char *)(p + FILE_BYTES / 2);
	munmap(p, FILE_BYTES);
}

static void run_ioctl(int i)
{
	int waiting = i;

	must(ioctl(pipe_fds[0], FIONREAD, &waiting) == 0, "ioctl");
}

static void run_pipe(int i)
{
	(void)i;
	must(write(pipe_fds[1], buffer, 64) == 64, "write pipe");
	must(read(pipe_fds[0], buffer, 64) == 64, "read pipe");
}

static void run_udp(int i)
{
	(void)i;
	must(sendto(udp_fd, buffer, 64, 0, (struct sockaddr *)&udp_to, sizeof(udp_to)) == 64, "sendto");
}

static void run_tcp(int i)
{
	(void)i;
	must(send(tcp_fd, buffer, BLOCK, 0) == BLOCK, "send");
	must(recv(tcp_peer, buffer, BLOCK, MSG_WAITALL) == BLOCK, "recv");
}

static void run_tcp_connect(int i)
{
	int peer, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct linger reset = {1, 0}; /* no TIME_WAIT: thousands of them would run out of ports */

	(void)i;
	must(connect(fd, (struct sockaddr *)&tcp_to, sizeof(tcp_to)) == 0, "connect");
	peer = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	must(peer >= 0, "accept");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	close(peer);
}

static void run_fork(int i)
{
	int status;
	pid_t child = fork();

	(void)i;
	must(child >= 0, "fork");
	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
}

static void run_exec(int i)
{
	static char *const argv[] = {"true", NULL};
	int status;
	pid_t child = vfork();

	(void)i;
	must(child >= 0, "vfork");
	if (child == 0) {
		execve("/bin/true", argv, NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "exec /bin/true");
}

static void run_http(int i)
{
	static const char request[] =
	    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bench\r\n"
	    "Content-Type: application/json\r\nContent-Length: 32\r\n\r\n"
	    "{\"prompt\":\"aaaaaaaaaaaaaaaaaa\"}\n";

	(void)i;
	must(send(http_fd, request, sizeof(request) - 1, 0) == (ssize_t)sizeof(request) - 1, "send request");
	must(recv(http_fd, buffer, 64, MSG_WAITALL) == 64, "receive response");
}

/* --- setting up --- */
static int bound_socket(int type, struct sockaddr_in *address)
{
	int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*address);

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0, "bind");
	getsockname(fd, (struct sockaddr *)address, &len);
	return fd;
}

static void set_up_files(void)
{
	snprintf(file_path, sizeof(file_path), "%s/callcost.data", dir);
	file_fd = open(file_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(file_fd >= 0, file_path);
	for (int i = (int)(lseek(file_fd, 0, SEEK_END) / BLOCK); i < FILE_BYTES / BLOCK; i++)
		must(pwrite(file_fd, buffer, BLOCK, (off_t)i * BLOCK) == BLOCK, "fill file");
	must(fsync(file_fd) == 0, "fsync"); /* write-back in the middle of a chunk is no cost of a call */
	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	must(zero_fd >= 0 && null_fd >= 0, "open /dev/zero, /dev/null");
	must(pipe2(pipe_fds, O_CLOEXEC) == 0, "pipe");
}

static void set_up_sockets(void)
{
	int one = 1, size = 8 << 20;

	udp_to = tcp_to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	udp_sink = bound_socket(SOCK_DGRAM, &udp_to);
	setsockopt(udp_sink, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	listen_fd = bound_socket(SOCK_STREAM, &tcp_to);
	must(listen(listen_fd, 16) == 0, "listen");
	tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(tcp_fd, (struct sockaddr *)&tcp_to, sizeof(tcp_to)) == 0, "connect");
	tcp_peer = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	must(tcp_peer >= 0, "accept");
	setsockopt(tcp_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* The `http` case needs server.c on PORT: a process of its own, because the agent knows servers by what they run. */
static void set_up_http(void)
{
	int one = 1;
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	http_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(http_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(http_fd, (struct sockaddr *)&address, sizeof(address))) {
		close(http_fd);
		http_fd = -1;
	}
}

/* Between chunks, outside the measured time. */
static void drain_udp(void)
{
	while (recv(udp_sink, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

struct call {
	const char *name;
	void (*run)(int i);
	int calls; /* per chunk: about a millisecond, so that a chunk may fall between two disturbances */
};

static const struct call cases[] = {
    {"getppid", run_getppid, 5000},
    {"open_close", run_open_close, 500},
    {"pread_file", run_pread_file, 2000},
    {"pread_asset", run_pread_asset, 2000},
    {"pread_zero", run_pread_zero, 4000},
    {"pwrite_file", run_pwrite_file, 1000},
    {"write_null", run_write_null, 4000},
    {"mmap_faults", run_mmap_faults, 40},
    {"ioctl", run_ioctl, 4000},
    {"pipe", run_pipe, 1000},
    {"udp_send", run_udp, 400},
    {"tcp_send_recv", run_tcp, 200},
    {"tcp_connect", run_tcp_connect, 30},
    {"fork_exit", run_fork, 10},
    {"exec", run_exec, 4},
    {"http_request", run_http, 50},
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const struct call *call, int chunks)
{
	static double cost[CHUNKS_MAX];

	for (int i = 0; i < call->calls; i++)
		call->run(i); /* warm */
	for (int chunk = 0; chunk < chunks; chunk++) {
		drain_udp();
		uint64_t start = now();

		for (int i = 0; i < call->calls; i++)
			call->run(i);
		cost[chunk] = (double)(now() - start) / call->calls;
	}
	qsort(cost, (size_t)chunks, sizeof(cost[0]), by_value);
	printf("{\"case\":\"%s\",\"best\":%.1f,\"median\":%.1f,\"calls\":%d}\n", call->name, cost[0], cost[chunks / 2],
	       chunks * call->calls);
	fflush(stdout);
}

static bool possible(const struct call *call)
{
	return (call->run != run_http || http_fd >= 0) && (call->run != run_pread_asset || asset_fd >= 0);
}

static bool chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *asset = NULL;
	int option, chunks = 40;

	while ((option = getopt(argc, argv, "d:c:p:a:i")) != -1) {
		if (option == 'd')
			dir = optarg;
		else if (option == 'c')
			chunks = atoi(optarg);
		else if (option == 'p')
			port = atoi(optarg);
		else if (option == 'a')
			asset = optarg;
		else if (option == 'i')
			ticks = true;
		else
			return 2;
	}
	if (chunks < 1 || chunks > CHUNKS_MAX) {
		fprintf(stderr, "callcost: -c takes 1 to %d\n", CHUNKS_MAX);
		return 2;
	}
	set_up_files();
	set_up_sockets();
	set_up_http();
	if (asset) {
		usleep(KNOWN_AFTER_US);
		asset_fd = open(asset, O_RDONLY | O_CLOEXEC);
		must(asset_fd >= 0, asset);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (chosen(cases[i].name, argv + optind) && possible(&cases[i]))
			measure(&cases[i], chunks);
	return 0;
}
