#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oko::cli {

/// The effect of the Tab key on a line.
struct Completion {
  bool is_path = false;    ///< a path is typed; otherwise Tab is a character
  std::string added = {};  ///< behind the cursor
  /// The names in the folder that begin as the typed one, sorted; those of folders end with /.
  std::vector<std::string> names = {};
};

/// Completes the path behind /image in `line`, the text before the cursor. Reads it as `chat_path`
/// does. Leaves out hidden names unless a dot is typed, and names that a line cannot have.
Completion complete_path(std::string_view line);

}  // namespace oko::cli
