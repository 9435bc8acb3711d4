#include "agent/evidence/symbol_protocol.h"

#include "agent/base/bytes.h"

namespace tensorwarden {

std::string EncodeRequest(const SymbolRequest& request) {
  ByteWriter out;
  out.Number(request.process.tgid);
  out.Number(request.process.start_ns);
  out.Number(request.modules);
  out.Number(request.frames.size());
  for (const SymbolQuery& frame : request.frames) {
    out.Number(frame.module);
    out.Number(frame.offset);
  }
  return out.Take();
}

absl::StatusOr<SymbolRequest> DecodeRequest(std::string_view payload) {
  ByteReader in(payload);
  SymbolRequest request;
  request.process.tgid = static_cast<uint32_t>(in.NumberUpTo(UINT32_MAX));
  request.process.start_ns = in.Number();
  request.modules = static_cast<uint32_t>(in.NumberUpTo(kMaxSymbolModules));
  const uint64_t count = in.NumberUpTo(kMaxSymbolFrames);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    SymbolQuery frame;
    frame.module = static_cast<uint32_t>(in.NumberUpTo(request.modules == 0 ? 0 : request.modules - 1));
    frame.offset = in.Number();
    request.frames.push_back(frame);
  }
  if (!in.Done() || (request.modules == 0 && !request.frames.empty()))
    return absl::DataLossError("broken request for symbols");
  return request;
}

std::string EncodeReply(const SymbolReply& reply) {
  ByteWriter out;
  out.Number(reply.size());
  for (const SymbolName& name : reply) {
    out.Text(std::string_view(name.function).substr(0, kMaxSymbolName));
    out.Number(name.offset);
  }
  return out.Take();
}

absl::StatusOr<SymbolReply> DecodeReply(std::string_view payload) {
  ByteReader in(payload);
  SymbolReply reply;
  const uint64_t count = in.NumberUpTo(kMaxSymbolFrames);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    SymbolName name;
    name.function = in.Text(kMaxSymbolName);
    name.offset = in.Number();
    reply.push_back(std::move(name));
  }
  if (!in.Done()) return absl::DataLossError("broken answer with symbols");
  return reply;
}

}  // namespace tensorwarden
