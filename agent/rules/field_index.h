// Of one field: which rules could its value satisfy?
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/enrich/field_table.h"
#include "agent/rules/condition/anchor.h"
#include "agent/rules/key_table.h"

namespace tensorwarden::rules {

// Hashes that tell keys apart, to count how many rules share them. Of a substring one of each four bytes of it.
std::vector<uint64_t> KeyHashes(const AnchorKey& key);

class FieldIndex {
 public:
  // The key's text must live until Build().
  void Add(const AnchorKey& key, uint32_t rule);
  // Call once, after the last Add().
  void Build();
  // Appends the rules of all keys that `value` fits, and some that it does not; a rule with several keys may come more
  // than once. `round` is another one for each event, greater than 0. Time is bounded by the value's length, whatever
  // stands in it.
  void Find(const FieldValue& value, uint64_t round, std::vector<uint32_t>& rules);

 private:
  struct Pending {
    AnchorKey key;
    uint32_t rule;
  };
  void FindText(std::string_view text, uint64_t round, std::vector<uint32_t>& rules);
  void FindSubstrings(std::string_view text, uint64_t round, std::vector<uint32_t>& rules);
  void FindAddress(std::string_view text, uint64_t round, std::vector<uint32_t>& rules);
  void FindNumber(double number, uint64_t round, std::vector<uint32_t>& rules);
  void BuildSubstrings();
  bool Has(AnchorKey::How how) const { return ((ways_ >> static_cast<int>(how)) & 1) != 0; }

  uint8_t ways_ = 0;  // bit set of AnchorKey::How: what there are keys of
  KeyTable equal_, prefixes_, suffixes_, substrings_, numbers_, networks_;
  // All lengths of prefixes, suffixes and network prefixes, ascending: each is looked up by itself.
  std::vector<size_t> prefix_lengths_, suffix_lengths_, network_bits_;
  std::vector<Pending> pending_;
};

}  // namespace tensorwarden::rules
