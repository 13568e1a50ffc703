#pragma once

namespace oko {

/// The languages that oko speaks to its user in.
enum class Language { kEnglish, kRussian };

}  // namespace oko
