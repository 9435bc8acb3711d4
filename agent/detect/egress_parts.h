// The parts of a matter of egress: what one destination got, what one user sent, and what went to destinations that got
// little. What was told of the whole must not hide a part that comes later and is a theft by itself: a copy to an
// approved destination climbs the whole ladder of its job.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/lru_map.h"
#include "agent/detect/egress_budget.h"
#include "agent/event/event.h"

namespace tensorwarden {

// The bytes of a matter or of a part of it, and how far they were told.
struct EgressAccount {
  explicit EgressAccount(uint64_t window_ns) : sent(window_ns) {}

  // A finding on this account gives `bytes`.
  void Tell(uint64_t bytes);
  // It grew since its last finding by so much that the figures are to be told anew, once it is quiet. `size` 0:
  // unknown.
  bool HasNews(uint64_t size) const;
  // Those figures, as of now.
  void Hold(Finding finding, uint64_t now_ns);
  // Some seconds after they grew last, or a minute after they began to wait; else nullptr.
  std::unique_ptr<Finding> TakeDue(uint64_t now_ns);

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

  WindowRing sent;
  size_t fired = 0;    // highest rung that a finding covered, of those that the window still holds
  size_t covered = 0;  // of a part: highest rung of findings on all jobs together that named it
  uint64_t told = 0;   // bytes in the last finding of its own; 0: it has had none
  bool apart = false;  // of a destination: it reached a rung by itself and is no longer among the small ones

 private:
  std::unique_ptr<Finding> news_;
  uint64_t waiting_ns_ = 0;  // since when there are news
  uint64_t grown_ns_ = 0;
};

class EgressParts {
 public:
  enum class Kind : uint8_t { kDestination, kUser, kSmall };
  struct Charge {
    std::string_view matter;  // key of its findings
    std::string_view destination;
    uint32_t uid = 0xffffffff;  // not known
    uint64_t now_ns = 0;
    uint64_t bytes = 0;
    uint64_t size = 0;    // of the asset set
    size_t all_jobs = 0;  // rung of the finding on all jobs together that this charge has brought; 0: none
  };
  struct Part {
    Kind kind = Kind::kDestination;
    std::string key;
    EgressAccount* account = nullptr;  // valid until the next charge; nullptr: there is no such part
    size_t rung = 0;                   // that it has reached by itself
  };

  // `max_parts`: the one that was charged longest ago goes. At least 3, so that one charge's stay.
  EgressParts(size_t max_parts, uint64_t window_ns, EgressLadder ladder);

  struct News {
    Part climbed;             // to a rung by itself that no finding has covered, of several the highest
    std::vector<Part> grown;  // told once, and much larger by now
    bool of_whole = false;  // these bytes went where findings on the whole led: they make its figures old, not a part's
  };

  // Charges the parts. `told`: this charge has brought a finding on the whole, so that none on a part is needed.
  News Take(const Charge& charge, bool told);

  LruMap<std::string, EgressAccount>& Accounts() { return accounts_; }
  void Clear() { accounts_.Clear(); }
  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

 private:
  Part Add(const Charge& charge, Kind kind, std::string key);
  void AddSmall(const Charge& charge, Part& destination, Part& small) const;

  const size_t max_parts_;
  const uint64_t window_ns_;
  const EgressLadder ladder_;
  LruMap<std::string, EgressAccount> accounts_;  // by key of their findings
};

}  // namespace tensorwarden
