#include "agent/sensor/loader.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/sensor/bpf_log.h"
#include "agent/sensor/skeleton.h"
#include "bpf/abi/config.h"

namespace tensorwarden {
namespace {

std::string Section(const bpf_object* object, std::string_view program) {
  const bpf_program* found = bpf_object__find_program_by_name(object, std::string(program).c_str());
  return found == nullptr ? "" : bpf_program__section_name(found);
}

// SensorConfig::tier as a limit: no better tier than this.
Tier BestTierAllowed(const std::string& tier) {
  if (tier == "data_path") return Tier::kDataPath;
  if (tier == "syscall") return Tier::kSyscall;
  return Tier::kObject;
}

}  // namespace

void LinkDeleter::operator()(bpf_link* link) const { bpf_link__destroy(link); }

void SkeletonDeleter::operator()(sensor_bpf* skeleton) const { sensor_bpf__destroy(skeleton); }

LoadedProbes::~LoadedProbes() = default;

bool LoadedProbes::Usable(const ProbeSpec& spec, const KernelFeatures& kernel) {
  if (refused_.contains(spec.program)) return false;
  if (!spec.only_hook && spec.tier < BestTierAllowed(config_.tier)) {
    refused_[spec.program] = fmt::format("config allows no better tier than {}", config_.tier);
    return false;
  }
  const std::string section = Section(skeleton_->obj, spec.program);
  std::string why = section.empty() ? "not built in" : kernel.WhyNot(section);
  if (why.empty() && !spec.needs.empty() && !kernel.Has(spec.needs))
    why = fmt::format("{}: {}", spec.needs, kernel.WhyAbsent(spec.needs));
  if (why.empty()) return true;
  refused_[spec.program] = std::move(why);
  return false;
}

// What the kernel may refuse to attach is tried before the choice of programs is final.
bool LoadedProbes::MustAttach(When when) const {
  if (when == When::kOpens) return config_.demand.opens;
  if (when == When::kDns) return config_.demand.dns;
  return when == When::kAlways || when == When::kServing;
}

void LoadedProbes::Choose(const KernelFeatures& kernel) {
  chosen_.clear();
  const auto is_chosen = [this](auto matches) { return std::any_of(chosen_.begin(), chosen_.end(), matches); };
  for (const ProbeSpec& spec : ProbeTable()) {
    if (is_chosen([&](const ProbeSpec* row) { return row->group == spec.group; })) continue;
    if (!spec.only_with.empty() && !is_chosen([&](const ProbeSpec* row) { return row->program == spec.only_with; }))
      continue;
    if (Usable(spec, kernel)) chosen_.push_back(&spec);
  }
}

bpf_program* LoadedProbes::Chosen(std::string_view group) const {
  for (const ProbeSpec* spec : chosen_)
    if (spec->group == group)
      return bpf_object__find_program_by_name(skeleton_->obj, std::string(spec->program).c_str());
  return nullptr;
}

// One failing program fails the whole object: take it out and load anew.
absl::Status LoadedProbes::TryLoad(const KernelFeatures& kernel) {
  skeleton_.reset(sensor_bpf__open());
  if (skeleton_ == nullptr) return absl::InternalError(fmt::format("open BPF object: {}", LastWords(BpfLog::Take())));
  Choose(kernel);
  bpf_program* program;
  bpf_object__for_each_program(program, skeleton_->obj) bpf_program__set_autoload(program, false);
  for (const ProbeSpec* spec : chosen_) bpf_program__set_autoload(Chosen(spec->group), true);
  bpf_map__set_max_entries(skeleton_->maps.urgent, config_.urgent_ring_bytes);
  bpf_map__set_max_entries(skeleton_->maps.bulk, config_.bulk_ring_bytes);
  skeleton_->rodata->agent_tgid = static_cast<uint32_t>(getpid());
  skeleton_->rodata->have_sock_length = Chosen("socket_send") != nullptr && Chosen("socket_recv") != nullptr;
  skeleton_->rodata->have_ext4_write = Chosen("file_write") != nullptr;
  skeleton_->rodata->have_fuse_send = Chosen("file_write_fuse") != nullptr;
  BpfLog::Take();
  const int error = sensor_bpf__load(skeleton_.get());
  if (error == 0) return absl::OkStatus();
  const std::vector<std::string> log = BpfLog::Take();
  const std::string failed = FailedProgram(log);
  for (const ProbeSpec* spec : chosen_) {
    if (spec->program != failed) continue;
    refused_[spec->program] = fmt::format("load: {}: {}", std::strerror(-error), LastWords(log));
    return absl::UnavailableError("");
  }
  return absl::InternalError(fmt::format("load BPF object: {}: {}", std::strerror(-error), LastWords(log)));
}

absl::StatusOr<Link> LoadedProbes::AttachOne(const ProbeSpec& spec, int cgroup) const {
  bpf_program* program = Chosen(spec.group);
  BpfLog::Take();
  const bool to_cgroup = NeedOf(bpf_program__section_name(program)) == Need::kCgroup;
  Link link(to_cgroup ? bpf_program__attach_cgroup(program, cgroup) : bpf_program__attach(program));
  if (link != nullptr) return link;
  const int error = errno;
  return absl::InternalError(
      fmt::format("attach {}: {}: {}", spec.program, std::strerror(error), LastWords(BpfLog::Take())));
}

absl::StatusOr<std::vector<Link>> LoadedProbes::Attach(When when) const {
  std::vector<Link> links;
  for (const ProbeSpec* spec : chosen_) {
    if (spec->when != when) continue;
    absl::StatusOr<Link> link = AttachOne(*spec, cgroup_.get());
    if (!link.ok()) return link.status();
    links.push_back(*std::move(link));
  }
  return links;
}

absl::StatusOr<std::vector<Link>> LoadedProbes::AttachListedCalls() const {
  std::vector<Link> links;
  const auto row = std::find_if(chosen_.begin(), chosen_.end(),
                                [](const ProbeSpec* spec) { return spec->when == When::kSecondStage; });
  if (row == chosen_.end()) return links;
  for (const std::string_view call : ListedCalls()) {
    Link link(bpf_program__attach_tracepoint(Chosen((*row)->group), "syscalls", std::string(call).c_str()));
    if (link == nullptr && errno == ENOENT) continue;
    if (link == nullptr)
      return absl::InternalError(fmt::format("attach {} to {}: {}", (*row)->program, call, std::strerror(errno)));
    links.push_back(std::move(link));
  }
  return links;
}

absl::StatusOr<Link> LoadedProbes::AttachServing(const std::string& path) const {
  const auto row =
      std::find_if(chosen_.begin(), chosen_.end(), [](const ProbeSpec* spec) { return spec->when == When::kServing; });
  if (row == chosen_.end()) return Link();
  const std::string below = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  const UniqueFd group(below.empty() ? -1 : openat(cgroup_.get(), below.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return AttachOne(**row, group ? group.get() : cgroup_.get());
}

absl::Status LoadedProbes::TryAttach() {
  links_.clear();
  for (const ProbeSpec* spec : chosen_) {
    if (!MustAttach(spec->when)) continue;
    absl::StatusOr<Link> link = AttachOne(*spec, cgroup_.get());
    if (!link.ok()) {
      refused_[spec->program] = std::string(link.status().message());
      return absl::UnavailableError("");
    }
    if (spec->when == When::kAlways) links_.push_back(*std::move(link));  // else it was a trial
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LoadedProbes>> LoadedProbes::Load(const SensorConfig& config,
                                                                 const KernelFeatures& kernel) {
  auto probes = std::unique_ptr<LoadedProbes>(new LoadedProbes(config));
  if (!kernel.cgroup2().empty())
    probes->cgroup_ = UniqueFd(open(kernel.cgroup2().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Each round refuses one more program, so the table's length bounds the rounds.
  absl::Status status = absl::UnavailableError("");
  for (size_t round = 0; absl::IsUnavailable(status) && round <= ProbeTable().size(); ++round) {
    probes->links_.clear();
    status = probes->TryLoad(kernel);
    if (status.ok()) status = probes->TryAttach();
  }
  if (!status.ok()) return status;
  if (probes->Chosen("process_exec") == nullptr)
    return absl::FailedPreconditionError(
        fmt::format("no probe for process execution works here: {}", probes->refused_["process_exec"]));
  return probes;
}

std::vector<ProbeRow> LoadedProbes::Rows(const std::function<bool(When)>& stand) const {
  std::vector<ProbeRow> rows;
  for (const ProbeSpec& spec : ProbeTable()) {
    const bool is_chosen = std::find(chosen_.begin(), chosen_.end(), &spec) != chosen_.end();
    const auto refused = refused_.find(spec.program);
    if (!is_chosen && refused == refused_.end()) continue;  // not needed: a better row serves
    if (rows.empty() || rows.back().group != spec.group)
      rows.push_back({std::string(spec.group), "", TierName(spec.tier), "missing", ""});
    ProbeRow& row = rows.back();
    if (refused != refused_.end()) {
      if (!row.why.empty()) row.why += "; ";
      row.why += fmt::format("{}: {}", spec.program, refused->second);
      continue;
    }
    row.program = spec.program;
    row.tier = TierName(spec.tier);
    row.state = stand(spec.when) ? "attached" : "on demand";
  }
  return rows;
}

}  // namespace tensorwarden
