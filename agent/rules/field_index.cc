#include "agent/rules/field_index.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <bit>

#include "agent/rules/condition/network_list.h"

namespace tensorwarden::rules {
namespace {

using How = AnchorKey::How;

// Of longer prefixes and suffixes so much is the key.
constexpr size_t kMaxEdge = 64;

uint64_t HashNumber(double number) { return MixHash(kHashStart, std::bit_cast<uint64_t>(number + 0.0)); }  // no -0

// Four bytes of a text, letters in one case: bit 5 is all that tells them apart.
uint64_t HashGram(const char* bytes) {
  uint32_t gram = 0;
  std::memcpy(&gram, bytes, sizeof(gram));
  return MixHash(kHashStart, gram | 0x20202020);
}

uint64_t HashNetwork(const Network& network, size_t bits) {
  std::array<uint8_t, 16> address{};
  const size_t whole = bits / 8;
  std::copy_n(network.address.begin(), whole, address.begin());
  if (bits % 8 != 0) address[whole] = network.address[whole] & static_cast<uint8_t>(0xff << (8 - bits % 8));
  return HashBytes(MixHash(kHashStart, bits), reinterpret_cast<const char*>(address.data()), address.size());
}

// Calls `visit` with the hash of the first bytes of `text`, for each of `lengths` that it has; `from_end`: its last
// ones.
template <typename Visit>
void VisitEdges(std::string_view text, const std::vector<size_t>& lengths, bool from_end, Visit visit) {
  uint64_t hash = kHashStart;
  size_t done = 0;
  for (const size_t length : lengths) {
    if (length > text.size()) return;
    const char* run = text.data() + (from_end ? text.size() - length : done);
    hash = HashBytes(hash, run, length - done);
    done = length;
    if (!visit(hash)) return;
  }
}

// With marks on the way to it, so that a text that leads to no edge is soon given up.
void AddEdge(std::string_view edge, uint32_t rule, const std::vector<size_t>& lengths, bool from_end, KeyTable& table) {
  uint64_t last = 0;
  VisitEdges(edge, lengths, from_end, [&](uint64_t hash) {
    table.AddMark(hash);
    last = hash;
    return true;
  });
  table.Add(last, rule);
}

void FindEdges(std::string_view text, const std::vector<size_t>& lengths, bool from_end, KeyTable& table,
               uint64_t round, std::vector<uint32_t>& rules) {
  const KeyTable::Filter filter = table.filter();
  VisitEdges(text, lengths, from_end, [&](uint64_t hash) {
    if (!filter.MayHave(hash)) return false;
    table.FindNew(hash, round, rules);
    return true;
  });
}

std::string_view Edge(const AnchorKey& key) {
  if (key.how == How::kSuffix) return key.text.substr(key.text.size() - std::min(key.text.size(), kMaxEdge));
  return key.text.substr(0, kMaxEdge);
}

void SortUnique(std::vector<size_t>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

std::vector<uint64_t> KeyHashes(const AnchorKey& key) {
  const auto way = static_cast<uint64_t>(key.how);
  switch (key.how) {
    case How::kNumber:
      return {MixHash(way, HashNumber(key.number))};
    case How::kNetwork:
      return {MixHash(way, HashNetwork(*key.network, key.network->bits))};
    case How::kSubstring: {
      std::vector<uint64_t> grams;
      for (size_t at = 0; at + kMinSubstring <= key.text.size(); ++at) {
        grams.push_back(MixHash(way, HashGram(key.text.data() + at)));
      }
      return grams;
    }
    default:
      return {MixHash(way, HashText(key.text))};
  }
}

void FieldIndex::Add(const AnchorKey& key, uint32_t rule) {
  ways_ |= static_cast<uint8_t>(1 << static_cast<int>(key.how));
  if (key.how == How::kEqual) return equal_.Add(HashText(key.text), rule);
  if (key.how == How::kNumber) return numbers_.Add(HashNumber(key.number), rule);
  if (key.how == How::kPrefix) prefix_lengths_.push_back(Edge(key).size());
  if (key.how == How::kSuffix) suffix_lengths_.push_back(Edge(key).size());
  if (key.how == How::kNetwork) {
    network_bits_.push_back(key.network->bits);
    return networks_.Add(HashNetwork(*key.network, key.network->bits), rule);
  }
  pending_.push_back({key, rule});
}

void FieldIndex::Build() {
  for (std::vector<size_t>* lengths : {&prefix_lengths_, &suffix_lengths_, &network_bits_}) SortUnique(*lengths);
  for (const auto& [key, rule] : pending_) {
    if (key.how == How::kPrefix) AddEdge(Edge(key), rule, prefix_lengths_, false, prefixes_);
    if (key.how == How::kSuffix) AddEdge(Edge(key), rule, suffix_lengths_, true, suffixes_);
  }
  BuildSubstrings();
  pending_ = {};
  for (KeyTable* table : {&equal_, &prefixes_, &suffixes_, &substrings_, &numbers_, &networks_}) table->Build();
}

// Of each substring the four bytes that the fewest others have: "t4711" of "--token=t4711".
void FieldIndex::BuildSubstrings() {
  absl::flat_hash_map<uint64_t, size_t> uses;
  const auto each_gram = [](const AnchorKey& key, auto visit) {
    for (size_t at = 0; at + kMinSubstring <= key.text.size(); ++at) visit(HashGram(key.text.data() + at));
  };
  for (const auto& [key, rule] : pending_) {
    if (key.how == How::kSubstring) each_gram(key, [&](uint64_t gram) { ++uses[gram]; });
  }
  for (const auto& [key, rule] : pending_) {
    if (key.how != How::kSubstring) continue;
    uint64_t rarest = 0;
    size_t fewest = SIZE_MAX;
    each_gram(key, [&](uint64_t gram) {
      if (uses[gram] >= fewest) return;
      rarest = gram;
      fewest = uses[gram];
    });
    substrings_.Add(rarest, rule);
  }
}

void FieldIndex::Find(const FieldValue& value, uint64_t round, std::vector<uint32_t>& rules) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return FindText(*text, round, rules);
  if (const auto* number = std::get_if<double>(&value)) return FindNumber(*number, round, rules);
  if (const auto* flag = std::get_if<bool>(&value)) return FindNumber(*flag ? 1 : 0, round, rules);
  if (const auto* texts = std::get_if<std::vector<std::string_view>>(&value)) {
    for (const std::string_view text : *texts) FindText(text, round, rules);
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    for (const double number : *numbers) FindNumber(number, round, rules);
  }
}

void FieldIndex::FindText(std::string_view text, uint64_t round, std::vector<uint32_t>& rules) {
  if (Has(How::kEqual)) equal_.FindNew(HashText(text), round, rules);
  if (Has(How::kPrefix)) FindEdges(text, prefix_lengths_, false, prefixes_, round, rules);
  if (Has(How::kSuffix)) FindEdges(text, suffix_lengths_, true, suffixes_, round, rules);
  if (Has(How::kSubstring)) FindSubstrings(text, round, rules);
  if (Has(How::kNetwork)) FindAddress(text, round, rules);
}

void FieldIndex::FindSubstrings(std::string_view text, uint64_t round, std::vector<uint32_t>& rules) {
  const KeyTable::Filter filter = substrings_.filter();
  for (size_t at = 0; at + kMinSubstring <= text.size(); ++at) {
    const uint64_t hash = HashGram(text.data() + at);
    if (filter.MayHave(hash)) substrings_.FindNew(hash, round, rules);
  }
}

void FieldIndex::FindAddress(std::string_view text, uint64_t round, std::vector<uint32_t>& rules) {
  const std::optional<Network> address = ParseNetwork(text);
  if (!address) return;
  for (const size_t bits : network_bits_) networks_.FindNew(HashNetwork(*address, bits), round, rules);
}

void FieldIndex::FindNumber(double number, uint64_t round, std::vector<uint32_t>& rules) {
  if (Has(How::kNumber)) numbers_.FindNew(HashNumber(number), round, rules);
}

}  // namespace tensorwarden::rules
