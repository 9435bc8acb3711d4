// fd.* of sockets, egress.*, http.*, client.*: what went over the network.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "agent/enrich/address_class.h"
#include "agent/enrich/fields.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kEgress = kKinds<Egress, Finding>;
constexpr KindSet kClients = kKinds<HttpRequest, Finding>;

enum class End { kLocal, kRemote, kServer, kClient };

// The server is whoever did not start the connection.
bool IsLocal(const SocketTuple& s, End end) {
  const bool we_serve = s.direction == EVENT_DIRECTION_IN;
  if (end == End::kServer) return we_serve;
  if (end == End::kClient) return !we_serve;
  return end == End::kLocal;
}

// Of a socket that serves IPv4 by IPv6 the kernel has the mapped form; people write the address.
std::string_view Unmapped(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = address.starts_with(kMapped) && address.find('.') != std::string_view::npos;
  return mapped ? address.substr(kMapped.size()) : address;
}

template <End kEnd>
FieldValue Address(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return {};
  return Known(Unmapped(IsLocal(*s, kEnd) ? s->local_address : s->peer_address));
}

template <End kEnd>
FieldValue Port(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return {};
  const uint16_t port = IsLocal(*s, kEnd) ? s->local_port : s->peer_port;
  return port == 0 ? FieldValue() : Number(port);
}

// Both ends: what Falco calls fd.ip.
FieldValue Addresses(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return {};
  std::vector<std::string_view> both;
  for (const std::string* address : {&s->local_address, &s->peer_address}) {
    if (!address->empty()) both.push_back(Unmapped(*address));
  }
  return List(std::move(both));
}

FieldValue Ports(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return {};
  std::vector<double> both;
  for (const uint16_t port : {s->local_port, s->peer_port}) {
    if (port != 0) both.push_back(port);
  }
  return both.empty() ? FieldValue() : FieldValue(std::move(both));
}

FieldValue IsServer(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr || s->direction == EVENT_DIRECTION_UNKNOWN) return {};
  return s->direction == EVENT_DIRECTION_IN;
}

FieldValue IsConnected(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  return s == nullptr ? FieldValue() : FieldValue(!s->peer_address.empty() && s->peer_port != 0);
}

FieldValue SocketFamily(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return {};
  if (s->family == AF_INET || s->family == AF_INET6) return std::string_view("ip");
  return s->family == AF_UNIX ? FieldValue(std::string_view("unix")) : FieldValue();
}

FieldValue Protocol(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return {};
  if (s->protocol == IPPROTO_TCP) return std::string_view("tcp");
  if (s->protocol == IPPROTO_UDP) return std::string_view("udp");
  return {};
}

FieldValue EgressBytes(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (const Egress* egress = Body<Egress>(e)) return Number(static_cast<double>(egress->bytes));
  if (e.finding != nullptr && e.finding->kind == "egress") return Number(e.finding->value);
  return {};
}

FieldValue EgressShare(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.finding != nullptr && e.finding->kind == "egress") return Number(e.finding->share);
  const Egress* egress = Body<Egress>(e);
  if (egress == nullptr || e.label == nullptr || e.label->ShareSize() == 0) return {};
  return Number(static_cast<double>(egress->bytes) / static_cast<double>(e.label->ShareSize()));
}

std::string_view DestinationOf(const EnrichedEvent& e) {
  if (e.finding != nullptr) return e.finding->destination;
  const Egress* egress = Body<Egress>(e);
  return egress == nullptr ? std::string_view() : std::string_view(egress->socket.peer_address);
}

FieldValue Destination(const EnrichedEvent& e, std::string_view, FieldScratch&) { return Known(DestinationOf(e)); }

FieldValue DestinationPort(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.finding != nullptr && !e.finding->destination.empty()) return Number(e.finding->destination_port);
  const Egress* egress = Body<Egress>(e);
  return egress == nullptr ? FieldValue() : Number(egress->socket.peer_port);
}

FieldValue DestinationClass(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.finding != nullptr && !e.finding->destination_class.empty()) return Known(e.finding->destination_class);
  return Known(AddressClass(DestinationOf(e)));
}

FieldValue EgressLabel(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const bool left = Body<Egress>(e) != nullptr || (e.finding != nullptr && e.finding->kind == "egress");
  return !left || e.label == nullptr ? FieldValue() : Known(e.label->name);
}

FieldValue Serving(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const Egress* egress = Body<Egress>(e);
  return egress == nullptr ? FieldValue() : FieldValue(egress->serving);
}

std::string_view ClientOf(const EnrichedEvent& e) {
  if (e.finding != nullptr) return e.finding->client;
  const HttpRequest* request = Body<HttpRequest>(e);
  return request == nullptr ? std::string_view() : std::string_view(request->client);
}

FieldValue Client(const EnrichedEvent& e, std::string_view, FieldScratch&) { return Known(ClientOf(e)); }

FieldValue ClientKind(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const std::string_view client = ClientOf(e);
  const size_t colon = client.find(':');
  return colon == std::string_view::npos ? FieldValue() : Known(client.substr(0, colon));
}

struct DnsType {
  uint16_t type;
  std::string_view name;
};
constexpr DnsType kDnsTypes[] = {{1, "A"},      {2, "NS"},     {5, "CNAME"},   {6, "SOA"},   {10, "NULL"},
                                 {12, "PTR"},   {15, "MX"},    {16, "TXT"},    {28, "AAAA"}, {33, "SRV"},
                                 {35, "NAPTR"}, {43, "DS"},    {48, "DNSKEY"}, {52, "TLSA"}, {64, "SVCB"},
                                 {65, "HTTPS"}, {251, "IXFR"}, {252, "AXFR"},  {255, "ANY"}, {257, "CAA"}};

FieldValue DnsTypeName(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  const DnsQuery* query = Body<DnsQuery>(e);
  if (query == nullptr || query->type == 0) return {};
  const auto* known = std::find_if(std::begin(kDnsTypes), std::end(kDnsTypes),
                                   [&](const DnsType& type) { return type.type == query->type; });
  return known != std::end(kDnsTypes) ? FieldValue(known->name) : FieldValue(scratch.Keep(std::to_string(query->type)));
}

FieldValue DnsMalformed(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const DnsQuery* query = Body<DnsQuery>(e);
  return query == nullptr ? FieldValue() : FieldValue(query->malformed);
}

constexpr FieldSpec kFields[] = {
    {"fd.sip", FieldType::kString, false, kSocketKinds, "Address of the server's end.", Address<End::kServer>,
     FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.sport", FieldType::kNumber, false, kSocketKinds, "Port of the server's end.", Port<End::kServer>},
    {"fd.cip", FieldType::kString, false, kSocketKinds, "Address of the client's end.", Address<End::kClient>,
     FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.cport", FieldType::kNumber, false, kSocketKinds, "Port of the client's end.", Port<End::kClient>},
    {"fd.lip", FieldType::kString, false, kSocketKinds, "Address of this host's end.", Address<End::kLocal>,
     FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.lport", FieldType::kNumber, false, kSocketKinds, "Port of this host's end.", Port<End::kLocal>},
    {"fd.rip", FieldType::kString, false, kSocketKinds, "Address of the other end.", Address<End::kRemote>,
     FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.rport", FieldType::kNumber, false, kSocketKinds, "Port of the other end.", Port<End::kRemote>},
    {"fd.snet", FieldType::kString, false, kSocketKinds, "Network of the server's end: compared with ADDRESS/BITS.",
     Address<End::kServer>, FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.cnet", FieldType::kString, false, kSocketKinds, "Network of the client's end: compared with ADDRESS/BITS.",
     Address<End::kClient>, FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.lnet", FieldType::kString, false, kSocketKinds, "Network of the local end: compared with ADDRESS/BITS.",
     Address<End::kLocal>, FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.rnet", FieldType::kString, false, kSocketKinds, "Network of the remote end: compared with ADDRESS/BITS.",
     Address<End::kRemote>, FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.ip", FieldType::kStringList, false, kSocketKinds, "Addresses of both ends.", Addresses, FieldArgument::kIndex,
     FieldContent::kAddress},
    {"fd.net", FieldType::kStringList, false, kSocketKinds, "Networks of both ends: compared with ADDRESS/BITS.",
     Addresses, FieldArgument::kIndex, FieldContent::kAddress},
    {"fd.port", FieldType::kNumberList, false, kSocketKinds, "Ports of both ends.", Ports},
    {"fd.is_server", FieldType::kBool, false, kSocketKinds, "The process is the server's end.", IsServer},
    {"fd.connected", FieldType::kBool, false, kSocketKinds, "The socket has another end.", IsConnected},
    {"fd.sockfamily", FieldType::kString, false, kSocketKinds, "ip or unix.", SocketFamily},
    {"fd.l4proto", FieldType::kString, false, kSocketKinds, "Transport protocol: tcp or udp.", Protocol},
    {"egress.bytes", FieldType::kNumber, false, kEgress,
     "Labelled bytes sent: by this socket, or, of a finding, within its window.", EgressBytes},
    {"egress.share", FieldType::kNumber, false, kEgress, "The same as a share of the asset set, 0 to 1.", EgressShare},
    {"egress.delta", FieldType::kNumber, false, kKinds<Egress>, "Labelled bytes since the last such event.",
     Value<Egress, &Egress::delta>},
    {"egress.volume", FieldType::kNumber, false, kKinds<Egress>, "Bytes of the asset set that the sender carries.",
     Value<Egress, &Egress::volume>},
    {"egress.dest", FieldType::kString, false, kEgress,
     "Address that they went to, without the port; of a file system its source.", Destination},
    {"egress.dest.port", FieldType::kNumber, false, kEgress, "Port that they went to.", DestinationPort},
    {"egress.dest.class", FieldType::kString, false, kEgress, "How far that is.", DestinationClass},
    {"egress.label", FieldType::kString, false, kEgress, "Name of the asset set that left.", EgressLabel},
    {"egress.serving", FieldType::kBool, false, kKinds<Egress>, "The socket was accepted on a serving port.", Serving},
    {"dns.name", FieldType::kString, false, kKinds<DnsQuery>,
     "Name that was asked for, in lower case, without a final dot.", Text<DnsQuery, &DnsQuery::name>},
    {"dns.type", FieldType::kString, false, kKinds<DnsQuery>,
     "Type of record that was asked for: A, AAAA, TXT, ..., or its number.", DnsTypeName},
    {"dns.malformed", FieldType::kBool, false, kKinds<DnsQuery>,
     "What went to port 53 is no query with just one question; the name may be missing.", DnsMalformed},
    {"http.method", FieldType::kString, false, kKinds<HttpRequest>, "Request method.",
     Text<HttpRequest, &HttpRequest::method>},
    {"http.path", FieldType::kString, false, kKinds<HttpRequest>, "Request path, decoded once, without the query.",
     Text<HttpRequest, &HttpRequest::path>},
    {"http.client", FieldType::kString, false, kKinds<HttpRequest>, "The same as client.id.",
     Text<HttpRequest, &HttpRequest::client>},
    {"http.content_length", FieldType::kNumber, false, kKinds<HttpRequest>, "Announced bytes of the body.",
     Value<HttpRequest, &HttpRequest::content_length>},
    {"client.id", FieldType::kString, false, kClients,
     "Who asks the model: key:<hash>, proxy:<address> or addr:<address>.", Client},
    {"client.kind", FieldType::kString, false, kClients, "What that identity rests on.", ClientKind},
};

}  // namespace

const SocketTuple* SocketOf(const EnrichedEvent& e) {
  if (const Egress* egress = Body<Egress>(e)) return &egress->socket;
  if (const SocketState* state = Body<SocketState>(e)) return &state->socket;
  if (const HttpRequest* request = Body<HttpRequest>(e)) return &request->socket;
  if (const DnsQuery* query = Body<DnsQuery>(e)) return &query->socket;
  if (const Listener* listener = Body<Listener>(e)) return &listener->socket;
  return nullptr;
}

std::span<const FieldSpec> NetworkFields() { return kFields; }

}  // namespace tensorwarden::fields
