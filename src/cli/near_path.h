#pragma once

#include <string>

#include "base/error.h"

namespace oko::cli {

enum class EntryKind { kAny, kFolder };

/// A path in the same folder as `path`, which is not there, of nearly the same name; empty: there
/// is none.
std::string nearest_path(const std::string& path, EntryKind kind);

/// `error` of the file `path`. If that is not there, the hint names the one that was meant.
Error with_nearest_path(const Error& error, const std::string& path);

}  // namespace oko::cli
