// The only caller of cereal: its exceptions become statuses here.
#include <fmt/format.h>

#include <istream>
#include <ostream>

#include "agent/capture/capture.h"
#include "agent/capture/fields.h"

namespace tensorwarden {
namespace {

// Appends to a string; std::ostringstream would copy the result once more.
class AppendBuffer final : public std::streambuf {
 public:
  explicit AppendBuffer(std::string& out) : out_(out) {}

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    out_.append(bytes, static_cast<size_t>(count));
    return count;
  }
  int_type overflow(int_type c) override {
    if (c != traits_type::eof()) out_.push_back(static_cast<char>(c));
    return traits_type::not_eof(c);
  }

 private:
  std::string& out_;
};

}  // namespace

std::string EncodeEvent(const Event& event) {
  std::string bytes;
  AppendBuffer buffer(bytes);
  std::ostream stream(&buffer);
  CaptureOutput archive(stream);
  archive(event);
  return bytes;
}

absl::StatusOr<Event> DecodeCapturedEvent(std::string_view bytes) {
  ViewBuffer buffer(bytes);
  std::istream stream(&buffer);
  Event event;
  try {
    cereal::UserDataAdapter<ViewBuffer, CaptureInput> archive(buffer, stream);
    archive(event);
  } catch (
      const std::exception& e) {  // cereal::Exception; bad_alloc cannot exceed the input, but costs nothing to catch
    return absl::DataLossError(fmt::format("event of {} bytes: {}", bytes.size(), e.what()));
  }
  if (buffer.Remaining() != 0) {
    return absl::DataLossError(fmt::format("event of {} bytes: {} left over", bytes.size(), buffer.Remaining()));
  }
  return event;
}

}  // namespace tensorwarden
