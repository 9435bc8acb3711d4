/* Reads of an asset and writes of carriers as fast as the machine makes them: pump ASSET SECONDS PROCESSES
 *
 * Each process reads 4 KiB of ASSET at a moving place and writes them to a pipe that a child of it empties. Prints
 * {"reads":N,"writes":N} of all processes together.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096

static void drain(int from)
{
	static char block[64 << 10];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(from, block, sizeof(block)) > 0)
		;
	_exit(0);
}

static int pump(const char *asset, double seconds, uint64_t *rounds)
{
	static char block[BLOCK];
	struct timespec start, now;
	int fd = open(asset, O_RDONLY | O_CLOEXEC), ends[2];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size < BLOCK || pipe(ends))
		return 1;
	if (fork() == 0) {
		close(ends[1]);
		drain(ends[0]);
	}
	close(ends[0]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 64; i++, ++*rounds)
			if (pread(fd, block, BLOCK, (off_t)(*rounds * BLOCK) % (st.st_size - BLOCK)) != BLOCK ||
			    write(ends[1], block, BLOCK) != BLOCK)
				return 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	close(ends[1]);
	wait(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	int processes = argc == 4 ? atoi(argv[3]) : 0, status, failed = 0;
	uint64_t *rounds, all = 0;

	if (processes < 1 || processes > 64) {
		fprintf(stderr, "usage: pump ASSET SECONDS PROCESSES (1 to 64)\n");
		return 2;
	}
	rounds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rounds == MAP_FAILED)
		return 1;
	for (int i = 0; i < processes; i++)
		if (fork() == 0)
			_exit(pump(argv[1], atof(argv[2]), &rounds[i]));
	while (wait(&status) > 0)
		failed |= status;
	for (int i = 0; i < processes; i++)
		all += rounds[i];
	printf("{\"reads\":%lu,\"writes\":%lu}\n", all, all);
	return failed != 0;
}
