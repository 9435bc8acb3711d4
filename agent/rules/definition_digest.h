// When is a rule the same as one of another set of files? When it counts the same events in the same way: layout,
// words, and the names of macros and lists say nothing, what stands behind those names does.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <string>

#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/definitions.h"
#include "agent/rules/memory/memory.h"

namespace tensorwarden::rules {

class DefinitionDigests {
 public:
  // `definitions` must outlive this and hold no errors where a rule leads.
  explicit DefinitionDigests(const Definitions& definitions) : definitions_(definitions) {}

  ValueHash Of(const RuleDefinition& rule, const RuleMemoryLimits& limits);

 private:
  void PutCondition(const MappedText& condition, std::string& out);
  void PutNode(const Ast& ast, std::string& out);
  void PutCheck(const Ast& check, std::string& out);
  void PutMemory(const MemoryDefinition& memory, const RuleMemoryLimits& limits, std::string& out);
  std::string Macro(const std::string& name);
  std::string List(const std::string& name, size_t depth);

  const Definitions& definitions_;
  absl::flat_hash_map<std::string, std::string> macros_;  // name -> digest of what it says
  absl::flat_hash_map<std::string, std::string> lists_;
};

}  // namespace tensorwarden::rules
