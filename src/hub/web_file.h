#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/stop_token.h"
#include "net/http_client.h"

namespace oko::hub {

/// Limits of a file that a user names by its address.
struct WebFileLimits {
  std::uint64_t max_bytes = 200'000'000;
  std::chrono::seconds max_time{300};  ///< for one try
  net::HttpOptions http = {.tries = 3};
};

/// Takes a file as it comes.
struct WebFileReceiver {
  /// Called before the first byte of each try, which begins the file anew.
  std::function<void()> begin;
  std::function<void(std::span<const std::byte>)> append;
  /// Gets the bytes so far and their total, 0 if that is unknown. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
};

/// True for an address of http or https.
bool is_web_address(const std::string& text);

/// True for an address of another protocol ("ftp://a/b"), and for one of http or https without both
/// slashes.
bool is_other_address(const std::string& text);

/// Downloads the file of an address. Sends no token; messages show the address by `shown_url`.
/// Throws kNotFound: status 404 or 410; kTooLarge; kBadInput: other statuses; kFailed: no answer,
/// not a URL, too slow; kCancelled; and what the receiver throws.
void fetch_web_file(const std::string& url, const WebFileLimits& limits,
                    const WebFileReceiver& receiver, const StopToken& stop);

}  // namespace oko::hub
