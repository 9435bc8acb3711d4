#include "agent/event/socket_text.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>

namespace tensorwarden {
namespace {

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
  if (as != AF_INET && as != AF_INET6) return "";
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
          .net_ns = sock.net_ns};
}

}  // namespace tensorwarden
