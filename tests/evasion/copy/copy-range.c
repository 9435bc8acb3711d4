/* copy_file_range into a new file; another process sends that. */
#include "../tools/act.h"

int main(int argc, char** argv) {
  int model, copy;
  size_t left;

  if (argc > 1) {
    send_descriptor(open_or_die(argv[2], O_RDONLY));
    return 0;
  }
  model = open_model();
  copy = open_or_die(in_work("scrap"), O_RDWR | O_CREAT);
  for (left = size_of(model); left > 0;) {
    ssize_t n = copy_file_range(model, NULL, copy, NULL, left, 0);

    check(n > 0, "copy_file_range");
    left -= (size_t)n;
  }
  close(model);
  close(copy);
  reap(start_role("sender", in_work("scrap")));
  return 0;
}
