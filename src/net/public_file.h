#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/stop_token.h"

struct sockaddr;

namespace oko::net {

/// Limits of a file whose address a stranger names.
struct PublicFileOptions {
  std::uint64_t max_bytes = 64 * 1024 * 1024;
  std::chrono::seconds max_time{30};  ///< for all of it, redirects included
  int max_redirects = 3;
  // For tests.
  std::function<bool(const sockaddr&)> may_dial = {};  ///< empty: is_public_address
  bool any_port = false;
  std::vector<std::string> known_hosts = {};  ///< in place of DNS: "name:port:address,address"
};

/// Fetches a file of the public internet by http or https. The address that is dialled is the one
/// that is judged, for each redirect again, and no proxy is asked. Throws kBadInput, with a text
/// that is the same for all that cannot be reached or may not be; kTooLarge; kCancelled; and what
/// `append` throws.
void fetch_public_file(const std::string& url, const PublicFileOptions& options,
                       const std::function<void(std::span<const std::byte>)>& append,
                       const StopToken& stop);

}  // namespace oko::net
