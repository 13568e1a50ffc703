#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/localized_text.h"
#include "text/tokenizer_source.h"

// Shared by the readers of tokenizer files. `name` is the file, for messages.

namespace oko::text {

/// Throws kBadModel: the file is damaged.
[[noreturn]] void fail(const std::string& name, const LocalizedText& what);

/// Throws kBadModel: the file needs something that oko does not support.
[[noreturn]] void refuse(const std::string& name, const LocalizedText& what,
                         const nlohmann::json& value);

/// The value of `key`, or null.
const nlohmann::json& field(const nlohmann::json& object, const char* key);

/// True if the object's "type" is `type`.
bool is_type(const nlohmann::json& object, std::string_view type);

/// A boolean, `missing` if there is none.
bool flag(const nlohmann::json& object, const char* key, bool missing);

/// An entry of "added_tokens" or "added_tokens_decoder". Throws kBadModel.
AddedToken read_added_token(const nlohmann::json& entry, std::int64_t id, const std::string& name);

/// The list "added_tokens", which may be missing. Throws kBadModel.
void read_added_tokens(const nlohmann::json& list, const std::string& name,
                       TokenizerSource& source);

}  // namespace oko::text
