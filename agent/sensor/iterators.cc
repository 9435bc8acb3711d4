#include "agent/sensor/iterators.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "agent/base/unique_fd.h"
#include "agent/sensor/loader.h"

namespace tensorwarden {

absl::Status RunIterator(const bpf_program* program, uint32_t tgid, size_t record_bytes,
                         const std::function<void(const char*)>& visit) {
  if (program == nullptr) return absl::FailedPreconditionError("the iterator did not load");
  bpf_iter_link_info info{};
  info.task.pid = tgid;
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
  Link link(bpf_program__attach_iter(program, tgid == 0 ? nullptr : &options));
  if (link == nullptr) return absl::ErrnoToStatus(errno, "attach iterator");
  UniqueFd fd(bpf_iter_create(bpf_link__fd(link.get())));
  if (!fd) return absl::ErrnoToStatus(errno, "create iterator");
  std::string pending;  // a read may end inside a record
  char buffer[65536];
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "read iterator");
    if (n == 0) return absl::OkStatus();
    pending.append(buffer, static_cast<size_t>(n));
    size_t at = 0;
    for (; at + record_bytes <= pending.size(); at += record_bytes) visit(pending.data() + at);
    pending.erase(0, at);
  }
}

}  // namespace tensorwarden
