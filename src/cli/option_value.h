#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/localized_text.h"
#include "cli/syntax.h"

namespace oko::cli {

/// The variable that gets the value of an option or argument. The integer types include std::size_t
/// and std::uint64_t of every platform.
using Target = std::variant<std::string*, std::optional<std::string>*, std::vector<std::string>*,
                            std::filesystem::path*, float*, int*, long*, long long*, unsigned long*,
                            unsigned long long*, std::optional<int>*, std::optional<unsigned long>*,
                            std::optional<unsigned long long>*>;

/// Converts the text of an option or argument into a value.
struct OptionValue {
  struct Range {
    double least, most;
  };

  std::string name;  ///< for messages
  Target target;
  std::optional<Range> range = {};        ///< of a number; none: that of its type
  std::vector<std::string> choices = {};  ///< empty: any; their case does not count
  bool comma_separated = false;           ///< of a vector

  /// Writes the user's texts, one item each. Throws kUsage, without a hint, if a text is not a
  /// valid value; `target` may then hold a part of them.
  void set(const std::vector<std::string>& texts) const;

  /// By the name, or by the type of the target.
  ValueKind kind() const;

  /// The present value of the target.
  std::string text() const;
};

/// The message for an option without its value.
LocalizedText missing_value(const std::string& name);

}  // namespace oko::cli
