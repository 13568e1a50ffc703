#pragma once

#include <cstdint>
#include <string>

namespace oko::index {

// Errors of all stores. `shown`: the library in the message.

/// Throws kNotFound.
[[noreturn]] void fail_no_library(const std::string& shown);

/// Throws kUnsupported: a library of a version above `known`.
[[noreturn]] void fail_newer_library(const std::string& shown, std::int64_t version,
                                     std::int64_t known);

}  // namespace oko::index
