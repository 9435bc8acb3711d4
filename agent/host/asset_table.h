// Protected files by inode: names, labels, births, replacements; and the files that carry labels without being assets.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/host/host_model.h"
#include "agent/host/label_allocator.h"
#include "agent/host/label_sets.h"

namespace tensorwarden {

class AssetTable {
 public:
  explicit AssetTable(size_t max_assets) : max_assets_(max_assets) {}

  void Found(const Event& event, const AssetFound& found, ProcessKey creator_tree, std::vector<HostEffect>& effects);
  void Gone(const FileKey& file, std::vector<HostEffect>& effects);
  void Name(const Event& event, const FileName& name, ProcessKey actor_tree, std::vector<HostEffect>& effects);
  // A carrier wrote to a file.
  void Derive(const FileKey& file, uint64_t labels);

  const AssetInfo* Find(const FileKey& file) const;
  const LabelInfo* Label(uint32_t bit) const;
  uint64_t DerivedLabels(const FileKey& file) const;
  // Those files, as holders.
  void AddDerivedTo(std::vector<LabelHolder>& holders) const;
  // Bits of labels with a model, a checkpoint or an adapter behind them.
  uint64_t ModelLabels() const { return model_labels_; }
  std::vector<const AssetInfo*> Named() const;
  size_t Size() const { return assets_.size(); }
  void AddTo(HostModelStats& stats) const;

 private:
  struct Entry {
    AssetInfo info;
    uint64_t set = 0;    // id of its set in LabelSets
    uint32_t links = 1;  // names that are known
    bool copy = false;   // of another asset of its label: adds nothing to the label's size
  };
  // A file that was created where it may become an asset, until a scan says so.
  struct Birth {
    FileKey file;
    ProcessKey creator;
    ProcessKey tree;
    uint64_t born_ns = 0;
  };

  Entry* Get(const FileKey& file);
  Entry* AtPath(const std::string& path);
  Entry* Add(const FileKey& file);
  void Update(Entry& entry, const AssetFound& found, std::vector<HostEffect>& effects);
  bool AdoptCopyLabel(Entry& entry);
  void JoinLabel(Entry& entry);
  void LeaveLabel(const Entry& entry);
  void SetPath(Entry& entry, const std::string& path);
  void TakeBirth(Entry& entry, const Event& event, const AssetFound& found, ProcessKey tree);
  void Born(const Event& event, const FileName& name, ProcessKey tree);
  void MoveBirth(const FileName& name);
  void Rename(const Event& event, const FileName& name, ProcessKey tree, std::vector<HostEffect>& effects);
  void TakeOver(const Event& event, const FileName& name, const FileKey& old_key, ProcessKey tree,
                std::vector<HostEffect>& effects);
  void TakeRenamedBirth(Entry& entry, const Event& event, const std::string& path, ProcessKey tree);
  void Orphan(Entry& entry, uint64_t seq, std::vector<HostEffect>& effects);
  void Grow(const Entry& entry, uint64_t former_size);
  void SizeSet(const Entry& entry, uint64_t former_size, uint64_t size);
  void TellSets(uint32_t label);
  void Watch(const Entry& entry, std::vector<HostEffect>& effects) const;
  LabelInfo& LabelOf(const Entry& entry) { return labels_[entry.info.label]; }

  size_t max_assets_;
  AssetId next_id_ = 1;
  uint64_t refused_ = 0;
  uint64_t evicted_derived_ = 0;
  uint64_t evicted_orphans_ = 0;
  uint64_t model_labels_ = 0;
  LabelAllocator allocator_;
  absl::flat_hash_map<FileKey, std::unique_ptr<Entry>> assets_;
  absl::flat_hash_map<std::string, FileKey> by_path_;
  std::array<LabelInfo, 64> labels_;
  std::array<LabelSets, 64> sets_;  // by label; copies count in none
  std::deque<FileKey> orphans_;     // assets without a name, oldest first
  std::map<std::string, Birth> births_;
  std::deque<std::string> birth_order_;
  absl::flat_hash_map<FileKey, uint64_t> derived_;
  std::deque<FileKey> derived_order_;
};

}  // namespace tensorwarden
