#include "agent/event/socket_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cstring>

namespace tensorwarden {
namespace {

struct FamilyName {
  uint8_t family;
  const char* name;
};
constexpr FamilyName kFamilies[] = {{AF_PACKET, "packet"}, {AF_XDP, "xdp"},   {AF_BLUETOOTH, "bluetooth"},
                                    {AF_CAN, "can"},       {AF_TIPC, "tipc"}, {AF_RDS, "rds"},
                                    {AF_SMC, "smc"},       {AF_KCM, "kcm"},   {AF_QIPCRTR, "qipcrtr"}};

// Where the family has no address that the kernel keeps, its name: who sends there sends to somebody.
std::string ToOtherAddress(const uint8_t (&bytes)[16], uint8_t family) {
  if (family == 0 || family == AF_UNIX) return "";
  if (family == EVENT_FAMILY_MOUNT) {
    uint64_t device = 0;
    std::memcpy(&device, bytes, sizeof(device));
    return fmt::format("device {}:{}", device >> 20, device & 0xfffff);
  }
  if (family == AF_VSOCK) {
    uint32_t vm[2] = {};
    std::memcpy(vm, bytes, sizeof(vm));
    return fmt::format("vsock:{}:{}", vm[0], vm[1]);
  }
  for (const FamilyName& known : kFamilies)
    if (known.family == family) return known.name;
  return fmt::format("family:{}", family);
}

// An IPv4 peer of a dual-stack socket reads as IPv4: one host, one name.
std::string ToAddress(const uint8_t (&bytes)[16], uint8_t family) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const void* address = bytes;
  int as = family;
  if (family == AF_INET6 && std::memcmp(bytes, kMapped, sizeof(kMapped)) == 0) {
    address = bytes + sizeof(kMapped);
    as = AF_INET;
  }
  char text[INET6_ADDRSTRLEN];
  if (as != AF_INET && as != AF_INET6) return ToOtherAddress(bytes, family);
  return inet_ntop(as, address, text, sizeof(text)) == nullptr ? "" : text;
}

}  // namespace

SocketTuple ToTuple(const event_sock_tuple& sock) {
  return {.local_address = ToAddress(sock.local, sock.family),
          .peer_address = ToAddress(sock.peer, sock.family),
          .local_port = sock.local_port,
          .peer_port = sock.peer_port,
          .family = sock.family,
          .protocol = sock.protocol,
          .direction = sock.direction,
          .net_ns = sock.net_ns,
          .leaves = sock.leaves != 0};
}

}  // namespace tensorwarden
