#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/localized_text.h"

namespace oko {

/// Reads one object of a model's configuration file; every value is checked. Errors are kBadModel,
/// name the file, the key ("text_config.hidden_size"), the value and the expected value; the caller
/// gives their hint. A null counts as absent. The object must outlive the reader.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& object, std::string file, LocalizedText hint)
      : object_(object), file_(std::move(file)), hint_(std::move(hint)) {}

  /// The value, or null if it is absent.
  const nlohmann::json* find(const char* key) const;

  /// True if the value is present and null.
  bool is_null(const char* key) const;

  /// An object inside this one; throws if it is absent.
  ConfigReader child(const char* key) const;
  /// The same, an empty object if it is absent.
  ConfigReader child_or_empty(const char* key) const;

  /// An integer in low..high; throws if it is absent.
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer_or(const char* key, std::int64_t otherwise, std::int64_t low,
                          std::int64_t high) const;
  /// A finite number above 0; throws if it is absent.
  float positive(const char* key) const;
  float positive_or(const char* key, float otherwise) const;
  /// A number; nothing if it is absent.
  std::optional<double> number(const char* key) const;
  std::string string_or(const char* key, const std::string& otherwise) const;
  bool boolean_or(const char* key, bool otherwise) const;
  /// Bytes of a number by `dtype`, or `torch_dtype` in older files: 4 for float32, otherwise 2; 0
  /// if there is neither, or an object with a dtype for each part of the model.
  std::uint64_t dtype_bytes() const;
  /// A list of at most `most` integers in low..high; throws if it is absent.
  std::vector<int> integers(const char* key, std::size_t most, int low, int high) const;
  /// One integer in low..high, or a list of them; empty if it is absent.
  std::vector<int> one_or_more(const char* key, int low, int high) const;

  /// Throws kBadModel: the file says `value` for `key`, oko expects `expected`.
  [[noreturn]] void refuse(const char* key, const nlohmann::json& value,
                           const LocalizedText& expected) const;
  /// Throws kBadModel.
  [[noreturn]] void fail(const LocalizedText& what) const;

 private:
  ConfigReader(const nlohmann::json& object, const ConfigReader& parent, const char* key)
      : object_(object),
        file_(parent.file_),
        hint_(parent.hint_),
        path_(parent.path_ + key + ".") {}

  [[noreturn]] void fail_absent(const char* key) const;
  std::int64_t checked_integer(const char* key, const nlohmann::json& value, std::int64_t low,
                               std::int64_t high) const;

  const nlohmann::json& object_;
  std::string file_;
  LocalizedText hint_;
  std::string path_;  ///< of the object in the file: "text_config."
};

}  // namespace oko
