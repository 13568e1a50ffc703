#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oko::tasks {

/// Rules that leave files out, in the syntax of gitignore(5): a pattern a line, "#" for comments,
/// "!" takes a file in again, "/" at the end means folders, "/" elsewhere binds the pattern to the
/// folder of the rule, "**" stands for any folders. The last rule that matches decides.
class IgnoreRules {
 public:
  /// `folder`: absolute, that the rules are of. `text`: the lines.
  void add(std::string_view folder, std::string_view text);

  /// `path`: absolute. Of a file in a folder that is left out it is not asked.
  bool ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::string folder;                 ///< ends with /
    std::vector<std::string> segments;  ///< of the pattern, between its slashes
    bool takes_in = false;
    bool only_folders = false;
  };

  void add_rule(std::string_view folder, std::string_view line);

  std::vector<Rule> rules_;
};

}  // namespace oko::tasks
