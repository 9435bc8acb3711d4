// What the agent and its symbol helper take from each other, and what the agent reads of /proc: any bytes, no crash,
// nothing beyond the bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/base/framed_pipe.h"
#include "agent/evidence/proc_maps.h"
#include "agent/evidence/symbol_protocol.h"

using namespace tensorwarden;  // NOLINT: a fuzzer is one function

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const absl::StatusOr<PipeFrame> frame = DecodePipeFrame(text);
  if (frame.ok() && EncodePipeFrame(frame->id, frame->payload) != text) std::abort();
  const absl::StatusOr<SymbolRequest> request = DecodeRequest(text);
  if (request.ok()) {
    if (request->modules > kMaxSymbolModules || request->frames.size() > kMaxSymbolFrames) std::abort();
    for (const SymbolQuery& query : request->frames)
      if (query.module >= request->modules) std::abort();
    if (EncodeRequest(*request) != text) std::abort();
  }
  const absl::StatusOr<SymbolReply> reply = DecodeReply(text);
  if (reply.ok() && (reply->size() > kMaxSymbolFrames || EncodeReply(*reply) != text)) std::abort();
  const std::vector<Mapping> mappings = ParseMaps(text);
  if (!mappings.empty()) FindMapping(mappings, mappings[size % mappings.size()].start);
  return 0;
}
