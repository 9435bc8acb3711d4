#include "agent/detect/egress_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tensorwarden {
namespace {

constexpr double kNotable = 0.01;                // of the asset set: growth that is worth another report
constexpr uint64_t kQuietNs = 3'000'000'000;     // the last bytes of a socket are told within a second after its end
constexpr uint64_t kLongestNs = 60'000'000'000;  // who sends on without a pause is told of too
constexpr size_t kMaxKey = 16384;
constexpr uint32_t kNoUid = 0xffffffff;

}  // namespace

void EgressAccount::Tell(uint64_t bytes) {
  told = bytes;
  news_.reset();
}

bool EgressAccount::HasNews(uint64_t size) const {
  if (told == 0 || fired == 0 || sent.Sum() <= told) return false;
  return static_cast<double>(sent.Sum() - told) >= kNotable * static_cast<double>(size == 0 ? told : size);
}

void EgressAccount::Hold(Finding finding, uint64_t now_ns) {
  if (news_ == nullptr) waiting_ns_ = now_ns;
  grown_ns_ = now_ns;
  news_ = std::make_unique<Finding>(std::move(finding));
}

std::unique_ptr<Finding> EgressAccount::TakeDue(uint64_t now_ns) {
  if (news_ == nullptr || (now_ns < grown_ns_ + kQuietNs && now_ns < waiting_ns_ + kLongestNs)) return nullptr;
  told = static_cast<uint64_t>(news_->value);
  return std::move(news_);
}

void EgressAccount::Save(StateWriter& writer) const {
  writer.Number(fired);
  writer.Number(covered);
  writer.Number(told);
  writer.Number(apart ? 1 : 0);
  sent.Save(writer);
}

void EgressAccount::Restore(StateReader& reader) {
  fired = static_cast<size_t>(reader.Number());
  covered = static_cast<size_t>(reader.Number());
  told = reader.Number();
  apart = reader.Number() != 0;
  sent.Restore(reader);
}

EgressParts::EgressParts(size_t max_parts, uint64_t window_ns, EgressLadder ladder)
    : max_parts_(std::max<size_t>(max_parts, 3)),
      window_ns_(window_ns),
      ladder_(std::move(ladder)),
      accounts_(max_parts_) {}

EgressParts::News EgressParts::Take(const Charge& charge, bool told) {
  Part parts[] = {Add(charge, Kind::kDestination, fmt::format("{}:to:{}", charge.matter, charge.destination)),
                  Add(charge, Kind::kUser, fmt::format("{}:by:{}", charge.matter, charge.uid)),
                  Add(charge, Kind::kSmall, fmt::format("{}:small", charge.matter))};
  AddSmall(charge, parts[0], parts[2]);
  if (charge.uid == kNoUid) parts[1].rung = 0;
  News news;
  for (Part& part : parts) {
    // What has left the window may be climbed again.
    part.account->fired = std::min(part.account->fired, part.rung);
    part.account->covered = std::max(part.account->covered, charge.all_jobs);
    const size_t known = std::max(part.account->fired, part.account->covered);
    if (!told && part.rung > known && part.rung > news.climbed.rung) news.climbed = part;
  }
  // A finding names destination and user: it covers all that they did up to now.
  const bool covered = told || news.climbed.account != nullptr;
  for (Part& part : parts) {
    if (covered) part.account->fired = part.rung;
    if (part.account != news.climbed.account && part.account->HasNews(charge.size)) news.grown.push_back(part);
  }
  // The alert on the whole may not exist: its destinations are approved ones. Bytes to others must not open it.
  const EgressAccount& receiver = *parts[parts[0].account->apart ? 0 : 2].account;
  news.of_whole =
      news.climbed.account == nullptr && receiver.fired > 0 && receiver.told == 0 && parts[1].account->told == 0;
  return news;
}

EgressParts::Part EgressParts::Add(const Charge& charge, Kind kind, std::string key) {
  EgressAccount& account = *accounts_.TryEmplace(key, window_ns_).first;
  account.sent.Add(charge.now_ns, kind == Kind::kSmall ? 0 : charge.bytes);
  return {kind, std::move(key), &account, ladder_.Reached(account.sent.Sum(), charge.size)};
}

// A theft that is split over destinations, none of which comes to a rung, adds up apart from those that have.
void EgressParts::AddSmall(const Charge& charge, Part& destination, Part& small) const {
  EgressAccount& account = *destination.account;
  if (!account.apart) small.account->sent.Add(charge.now_ns, charge.bytes);
  if (!account.apart && destination.rung > 0) small.account->sent.Remove(account.sent);
  account.apart |= destination.rung > 0;
  small.rung = ladder_.Reached(small.account->sent.Sum(), charge.size);
}

void EgressParts::Save(StateWriter& writer) const {
  writer.Number(accounts_.Size());
  for (const auto& [key, account] : accounts_.Entries()) {
    writer.Text(key);
    account.Save(writer);
  }
}

void EgressParts::Restore(StateReader& reader) {
  for (size_t left = reader.Count(max_parts_); left > 0 && reader.ok(); --left) {
    const std::string key(reader.Text(kMaxKey));
    accounts_.TryEmplace(key, window_ns_).first->Restore(reader);
  }
}

}  // namespace tensorwarden
