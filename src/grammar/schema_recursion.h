#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace oko::grammar {

/// How the schemas of a JSON schema need each other, by their JSON pointers.
class SchemaRecursion {
 public:
  /// A value of `schema` needs values of all of `needed` inside of it.
  void add(const std::string& schema, std::vector<std::string> needed);
  /// A value of `schema` is one of one of `others`.
  void add_same(const std::string& schema, std::vector<std::string> others);

  /// A schema that no value of a finite length has, since it needs itself; empty: there is none.
  std::string endless() const;
  /// A schema that is another one of which it is a case; empty: there is none.
  std::string own_case() const;

 private:
  struct Node {
    bool is_same = false;
    std::vector<std::string> others;
  };
  bool reaches_itself(const std::string& schema, std::set<std::string>& open,
                      std::set<std::string>& done) const;

  std::map<std::string, Node> nodes_;
};

}  // namespace oko::grammar
