// Assets that the config declares.
#pragma once

#include <string>
#include <vector>

namespace tensorwarden {

struct AssetSpec {
  std::string name;  // of the set, for people
  std::string klass =
      "model";  // model, checkpoint, adapter, tokenizer, dataset, vector_store, knowledge_base, code, secret
  std::vector<std::string> paths;  // absolute globs: *, ?, [..] within a component, ** over components
};

}  // namespace tensorwarden
