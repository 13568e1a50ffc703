#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/stop_token.h"
#include "net/public_file.h"

namespace oko::server {

struct ChatTask;

/// Fetches the pictures and PDF that requests name by their address. Any thread may call.
class RemotePictures {
 public:
  /// Nothing: addresses are refused.
  explicit RemotePictures(std::optional<net::PublicFileOptions> options)
      : options_(std::move(options)) {}

  /// Fetches what `task` has no bytes of. Throws kUsage, with the field: not allowed, not fetched,
  /// or neither a picture nor a PDF; kBusy: too many bytes of all requests; kCancelled.
  void fetch(ChatTask& task, const StopToken& stop);

 private:
  const std::optional<net::PublicFileOptions> options_;
  std::atomic<std::uint64_t> bytes_ = 0;  ///< of all requests
};

}  // namespace oko::server
