#include "agent/artifact/pickle_walk.h"

#include <array>
#include <string>

#include "agent/artifact/file_window.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxModules = 256;
constexpr size_t kMaxMemo = 4096;
constexpr size_t kMaxOpcodes = 1 << 16;

enum class Argument : uint8_t {
  kInvalid,
  kNone,
  kByte,
  kTwo,
  kFour,
  kEight,
  kLine,
  kTwoLines,
  kBytes1,
  kBytes4,
  kBytes8
};

constexpr std::array<Argument, 256> MakeTable() {
  std::array<Argument, 256> table{};
  for (char c : std::string_view("(.012NQRabdet]}loqsu)")) table[static_cast<uint8_t>(c)] = Argument::kNone;
  for (uint8_t c : {0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98})
    table[c] = Argument::kNone;
  for (char c : std::string_view("FILPSVgp")) table[static_cast<uint8_t>(c)] = Argument::kLine;
  for (char c : std::string_view("ci")) table[static_cast<uint8_t>(c)] = Argument::kTwoLines;
  for (uint8_t c : {0x80, 0x82, int('K'), int('h'), int('q')}) table[c] = Argument::kByte;
  for (uint8_t c : {0x83, int('M')}) table[c] = Argument::kTwo;
  for (uint8_t c : {0x84, int('J'), int('j'), int('r')}) table[c] = Argument::kFour;
  for (uint8_t c : {0x95, 0x96, int('G')}) table[c] = Argument::kEight;
  for (uint8_t c : {0x8a, 0x8c, int('U'), int('C')}) table[c] = Argument::kBytes1;
  for (uint8_t c : {0x8b, int('T'), int('X'), int('B')}) table[c] = Argument::kBytes4;
  for (uint8_t c : {0x8d, 0x8e, 0x96}) table[c] = Argument::kBytes8;
  table['o'] = table['l'] = Argument::kNone;
  table['q'] = Argument::kByte;
  return table;
}

constexpr auto kTable = MakeTable();
constexpr uint8_t kStop = '.', kProto = 0x80, kStackGlobal = 0x93, kMemoize = 0x94;

class Walker {
 public:
  explicit Walker(std::string_view bytes) : cursor_(bytes), bytes_(bytes) {}

  PickleWalk Run() {
    while (walk_.opcodes < kMaxOpcodes && !walk_.stopped && !walk_.invalid) {
      const auto opcode = cursor_.Number(1);
      if (!opcode || !Step(static_cast<uint8_t>(*opcode))) break;
      ++walk_.opcodes;
    }
    return std::move(walk_);
  }

 private:
  // False when the bytes end, or cannot go on.
  bool Step(uint8_t opcode) {
    std::string_view argument;
    uint64_t number = 0;
    if (!ReadArgument(kTable[opcode], argument, number)) return false;
    switch (opcode) {
      case kStop:
        walk_.stopped = true;
        break;
      case kProto:
        walk_.invalid = number > 5;
        break;
      case 'c':
      case 'i':
        AddModule(argument);
        break;
      case kStackGlobal:
        AddModule(before_last_);
        break;
      case kMemoize:
      case 'q':
      case 'r':
        if (memo_.size() < kMaxMemo) memo_.push_back(last_);
        break;
      case 'h':
      case 'j':
        Push(number < memo_.size() ? memo_[number] : std::string_view());
        break;
      case 0x8c:
      case 'X':
      case 0x8d:
      case 'U':
        Push(argument);
        break;
      default:
        break;
    }
    return !walk_.invalid;
  }

  bool ReadArgument(Argument kind, std::string_view& argument, uint64_t& number) {
    switch (kind) {
      case Argument::kInvalid:
        walk_.invalid = true;
        return false;
      case Argument::kNone:
        return true;
      case Argument::kByte:
        return ReadNumber(1, number);
      case Argument::kTwo:
        return ReadNumber(2, number);
      case Argument::kFour:
        return ReadNumber(4, number);
      case Argument::kEight:
        return ReadNumber(8, number);
      case Argument::kLine:
        return ReadLine(argument);
      case Argument::kTwoLines: {
        std::string_view name;
        return ReadLine(argument) && ReadLine(name);
      }
      case Argument::kBytes1:
        return ReadNumber(1, number) && ReadBytes(number, argument);
      case Argument::kBytes4:
        return ReadNumber(4, number) && ReadBytes(number, argument);
      case Argument::kBytes8:
        return ReadNumber(8, number) && ReadBytes(number, argument);
    }
    return false;
  }

  bool ReadNumber(size_t width, uint64_t& number) {
    const auto value = cursor_.Number(width);
    number = value.value_or(0);
    return value.has_value();
  }
  bool ReadBytes(uint64_t count, std::string_view& out) {
    const auto bytes = cursor_.Bytes(count);
    if (bytes) out = *bytes;
    return bytes.has_value();
  }
  bool ReadLine(std::string_view& out) {
    const size_t end = bytes_.find('\n', cursor_.at());
    if (end == std::string_view::npos) return false;
    out = bytes_.substr(cursor_.at(), end - cursor_.at());
    return cursor_.Bytes(out.size() + 1).has_value();
  }

  void Push(std::string_view text) {
    before_last_ = last_;
    last_ = text;
  }
  void AddModule(std::string_view module) {
    if (walk_.modules.size() < kMaxModules) walk_.modules.push_back(module);
  }

  ByteCursor cursor_;
  std::string_view bytes_;
  PickleWalk walk_;
  std::string_view last_, before_last_;  // strings pushed, which a STACK_GLOBAL takes
  std::vector<std::string_view> memo_;   // by number, as picklers count
};

}  // namespace

PickleWalk WalkPickle(std::string_view bytes) { return Walker(bytes).Run(); }

}  // namespace tensorwarden
