#pragma once

#include <cstdint>
#include <string>

#include "base/localized_text.h"
#include "index/library.h"

namespace oko::index {

/// "picture", "pdf", "text": for users and in JSON.
const char* name_of(DocumentKind kind);
/// "file", "ocr", "caption".
const char* name_of(TextOrigin origin);

/// The first second, UTC, of "2024-03-31", "2024-03" or "2024"; `is_end`: the last second of that
/// day, month or year. Throws kUsage, with `name` for the setting.
std::int64_t second_of(const std::string& text, const LocalizedText& name, bool is_end);

}  // namespace oko::index
