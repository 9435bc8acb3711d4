/* Many processes that do nothing: crowd PROCESSES [ASSET]
 *
 * Each stops itself, with ASSET after it has read the asset's first 256 KiB, so that it is a carrier; then the first is
 * started when the agent has had time to see what program this is. Prints "ready N" when all stand; ends them, and
 * itself, when its standard input closes or at SIGTERM. When it is killed the kernel ends them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 30000 /* pid_max is 32768 on many hosts */
#define KNOWN_AFTER_US 300000

static pid_t crowd[PROCESSES_MAX];
static int standing;

/* Not pause(): a stopped process tells its parent that it got there, without a pipe or memory that a label could take.
 */
static void stand(pid_t parent, const char *asset)
{
	static char block[256 << 10];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "bench-crowd");
	/* Also so that no carrier holds the pipe that the caller reads. */
	close_range(0, ~0u, 0);
	if (getppid() != parent)
		_exit(1);
	if (asset && read(open(asset, O_RDONLY | O_CLOEXEC), block, sizeof(block)) <= 0)
		_exit(1);
	raise(SIGSTOP);
	_exit(0);
}

/* All are started before the first is waited for: to change places with each takes longer than all the rest. */
static int gather(int processes, const char *asset)
{
	pid_t parent = getpid(), child;
	int status;

	for (; standing < processes; standing++) {
		child = fork();
		if (child == 0)
			stand(parent, asset);
		if (child < 0)
			return -1;
		crowd[standing] = child;
	}
	for (int i = 0; i < standing; i++)
		if (waitpid(crowd[i], &status, WUNTRACED) != crowd[i] || !WIFSTOPPED(status))
			return -1;
	return 0;
}

static void dismiss(void)
{
	for (int i = 0; i < standing; i++)
		kill(crowd[i], SIGKILL);
	for (int i = 0; i < standing; i++)
		waitpid(crowd[i], NULL, 0);
}

static void on_term(int number)
{
	(void)number; /* only to interrupt read() */
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_term}; /* no SA_RESTART */
	int processes = argc == 2 || argc == 3 ? atoi(argv[1]) : -1, failed = 0;
	char byte;

	if (processes < 0 || processes > PROCESSES_MAX) {
		fprintf(stderr, "usage: crowd PROCESSES (at most %d) [ASSET]\n", PROCESSES_MAX);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (argc == 3 && processes)
		usleep(KNOWN_AFTER_US);
	failed = gather(processes, argc == 3 ? argv[2] : NULL);
	if (failed) {
		fprintf(stderr, "crowd: of %d processes: %s\n", standing, strerror(errno));
	} else {
		printf("ready %d\n", standing);
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	}
	dismiss();
	return failed != 0;
}
