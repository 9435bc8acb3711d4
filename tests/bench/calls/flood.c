/* As many opens and writes as the machine makes: flood DIR SECONDS PROCESSES
 *
 * Each process, until the time is up, opens, writes and closes a file of its own in DIR and an asset that all share
 * (DIR/shared.safetensors, which must exist). Prints {"opens":N,"writes":N} of all processes together.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct count {
	uint64_t opens;
	uint64_t writes;
};

static int open_and_write(const char *path, struct count *count)
{
	static char block[4096];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	count->opens++;
	count->writes += pwrite(fd, block, sizeof(block), 4096) == sizeof(block);
	return close(fd);
}

static int flood(const char *dir, double seconds, struct count *count)
{
	char own[PATH_MAX], shared[PATH_MAX];
	struct timespec start, now;

	snprintf(own, sizeof(own), "%s/flood.%d", dir, getpid());
	snprintf(shared, sizeof(shared), "%s/shared.safetensors", dir);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 64; i++)
			if (open_and_write(own, count) || open_and_write(shared, count))
				return 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	return unlink(own);
}

int main(int argc, char **argv)
{
	int processes = argc == 4 ? atoi(argv[3]) : 0, status, failed = 0;
	struct count *counts, all = {0, 0};

	if (processes < 1 || processes > 64) {
		fprintf(stderr, "usage: flood DIR SECONDS PROCESSES (1 to 64)\n");
		return 2;
	}
	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 1;
	for (int i = 0; i < processes; i++)
		if (fork() == 0)
			_exit(flood(argv[1], atof(argv[2]), &counts[i]));
	while (wait(&status) > 0)
		failed |= status;
	for (int i = 0; i < processes; i++) {
		all.opens += counts[i].opens;
		all.writes += counts[i].writes;
	}
	printf("{\"opens\":%lu,\"writes\":%lu}\n", all.opens, all.writes);
	return failed != 0;
}
