/* One program opens the model and hands the descriptor to another one, which never opened anything, over a unix socket.
 */
#include "../tools/unix.h"

static int take_descriptor(int from) {
  char byte, room[CMSG_SPACE(sizeof(int))];
  struct iovec piece = {&byte, 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
  int fd;

  check(recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
  check(CMSG_FIRSTHDR(&message) != NULL, "no descriptor came");
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
  return fd;
}

static void hand_over(int to, int fd) {
  char room[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec piece = {"x", 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);

  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &fd, sizeof(fd));
  check(sendmsg(to, &message, 0) == 1, "sendmsg");
}

int main(int argc, char** argv) {
  int there;
  pid_t sender;

  if (argc > 1) {
    send_descriptor(take_descriptor(accept_unix(argv[2])));
    return 0;
  }
  sender = start_role("sender", in_work("line"));
  there = reach_unix(in_work("line"));
  hand_over(there, open_model());
  close(there);
  reap(sender);
  return 0;
}
