/* Attaches empty programs and waits until its standard input closes: attach_empty OBJECT hooks|NAME[,NAME]...
 *
 * "hooks" is every program of OBJECT but sys_exit; a name is one program. What the kernel lacks is left out. Prints
 * "attached N of M" when all stand.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool wanted(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (!strcmp(list, "hooks"))
		return strcmp(name, "sys_exit") != 0;
	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ',') && (at[len] == ',' || !at[len]))
			return true;
	return false;
}

/* A tp_btf program whose tracepoint is missing would fail the whole object. */
static bool kernel_has(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	if (strncmp(section, "tp_btf/", 7))
		return true;
	return libbpf_find_vmlinux_btf_id(section + 7, BPF_TRACE_RAW_TP) > 0;
}

/* Where cgroup2 is mounted; -1 when nowhere. */
static int open_cgroup(void)
{
	char device[256], path[256], type[64], line[1024];
	FILE *mounts = fopen("/proc/mounts", "re");
	int fd = -1;

	while (mounts && fd < 0 && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%255s %255s %63s", device, path, type) == 3 && !strcmp(type, "cgroup2"))
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mounts)
		fclose(mounts);
	return fd;
}

/* Cgroup programs go beside those that others have attached, as the agent's do. */
static bool attach(struct bpf_program *program, int cgroup)
{
	if (strncmp(bpf_program__section_name(program), "cgroup", 6))
		return bpf_program__attach(program) != NULL;
	return cgroup >= 0 && bpf_program__attach_cgroup(program, cgroup) != NULL;
}

static int ignore_messages(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int attached = 0, all = 0, cgroup;
	char byte;

	if (argc != 3) {
		fprintf(stderr, "usage: attach_empty OBJECT hooks|NAME[,NAME]...\n");
		return 2;
	}
	libbpf_set_print(ignore_messages);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object) {
		fprintf(stderr, "attach_empty: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(program, object)
	    bpf_program__set_autoload(program, wanted(argv[2], bpf_program__name(program)) && kernel_has(program));
	if (bpf_object__load(object)) {
		fprintf(stderr, "attach_empty: load: %s\n", strerror(errno));
		return 1;
	}
	cgroup = open_cgroup();
	bpf_object__for_each_program(program, object)
	{
		all += wanted(argv[2], bpf_program__name(program));
		attached += bpf_program__autoload(program) && attach(program, cgroup);
	}
	printf("attached %d of %d\n", attached, all);
	fflush(stdout);
	if (!attached)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
