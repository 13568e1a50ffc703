#include "grammar/schema_recursion.h"

#include <algorithm>
#include <utility>

namespace oko::grammar {

void SchemaRecursion::add(const std::string& schema, std::vector<std::string> needed) {
  nodes_[schema] = {false, std::move(needed)};
}

void SchemaRecursion::add_same(const std::string& schema, std::vector<std::string> others) {
  nodes_[schema] = {true, std::move(others)};
}

std::string SchemaRecursion::endless() const {
  std::set<std::string> ending;
  const auto ends = [&](const std::string& other) { return ending.contains(other); };
  for (bool has_changed = true; has_changed;) {
    has_changed = false;
    for (const auto& [schema, node] : nodes_) {
      if (ending.contains(schema)) continue;
      const bool does = node.is_same ? std::ranges::any_of(node.others, ends)
                                     : std::ranges::all_of(node.others, ends);
      if (does) ending.insert(schema);
      has_changed = has_changed || does;
    }
  }
  for (const auto& [schema, node] : nodes_) {
    if (!ending.contains(schema)) return schema.empty() ? "/" : schema;
  }
  return {};
}

std::string SchemaRecursion::own_case() const {
  std::set<std::string> done;
  for (const auto& [schema, node] : nodes_) {
    std::set<std::string> open;
    if (reaches_itself(schema, open, done)) return schema.empty() ? "/" : schema;
  }
  return {};
}

bool SchemaRecursion::reaches_itself(const std::string& schema, std::set<std::string>& open,
                                     std::set<std::string>& done) const {
  const auto node = nodes_.find(schema);
  if (node == nodes_.end() || !node->second.is_same || done.contains(schema)) return false;
  if (!open.insert(schema).second) return true;
  for (const std::string& other : node->second.others) {
    if (reaches_itself(other, open, done)) return true;
  }
  open.erase(schema);
  done.insert(schema);
  return false;
}

}  // namespace oko::grammar
