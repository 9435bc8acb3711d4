// Walks over conditions as written.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/definitions.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::author {

std::optional<rules::Ast> Parse(const rules::MappedText& condition);

// Calls `visit` for every check and macro of `ast`.
void EachLeaf(const rules::Ast& ast, const std::function<void(const rules::Ast&)>& visit);
// Calls `visit` for every field of `operand`, also within functions.
void EachField(const rules::Operand& operand, const std::function<void(const rules::Operand&)>& visit);

std::string OperandText(const rules::Operand& operand);
// In the language of conditions, on one line: compiles to the same. Lists and macros stay names.
std::string ConditionText(const rules::Ast& ast);
// The same with macros and lists replaced by what they say, laid out in lines. For people: what is very long is cut.
std::string ExpandedText(const rules::Ast& ast, const rules::Definitions& definitions);

}  // namespace tensorwarden::author
