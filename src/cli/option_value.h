#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace oko::cli {

/// Where the value of an option or argument is written. Of the integers each platform has two for
/// std::size_t and std::uint64_t.
using Target = std::variant<std::string*, std::optional<std::string>*, std::vector<std::string>*,
                            std::filesystem::path*, float*, int*, long*, long long*, unsigned long*,
                            unsigned long long*, std::optional<int>*, std::optional<unsigned long>*,
                            std::optional<unsigned long long>*>;

/// How the text of an option or argument becomes a value.
struct OptionValue {
  struct Range {
    double least, most;
  };

  std::string name;  ///< as messages call it
  Target target;
  std::optional<Range> range = {};        ///< of a number; without it what its type holds
  std::vector<std::string> choices = {};  ///< empty: any
  bool comma_separated = false;           ///< of a vector

  /// Writes what the user gave, an item each time. Throws kUsage, without a hint, where that is no
  /// such value; `target` may then hold a part of it.
  void set(const std::vector<std::string>& texts) const;

  /// For the help: "INT in [1 - 1024]".
  std::string type() const;

  /// What the target holds now.
  std::string text() const;
};

/// The message where an option is given without its value.
std::string missing_value(const std::string& name);

}  // namespace oko::cli
