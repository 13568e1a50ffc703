#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "hub/repository.h"
#include "net/http_client.h"

namespace oko::hub {

struct DownloadFile {
  std::string url;
  std::filesystem::path path;
  RepositoryFile expected;
  bool is_weights = false;  ///< safetensors, whose header is padded where its tensors need it
};

struct DownloadOptions {
  std::string token = {};
  int connections = 4;
  std::uint64_t chunk_bytes = std::uint64_t{32} << 20;  ///< of a request, at most
  net::HttpOptions http = {};
  /// Called with the bytes that are there, of all files, and their total. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  /// Called, on another thread, with a file that is right before it gets its name; its `stored_...`
  /// are set if its header was padded. May be empty.
  std::function<void(const RepositoryFile&)> on_right = {};
  StopToken stop = {};
};

/// Downloads files, parts of them at once, and goes on where an earlier process stopped (PartFile).
/// A file gets its name when all of it is on the disk and its hash is right. One with a wrong hash
/// is fetched once more. Returns the bytes that were fetched. Throws kFailed: the network, the
/// server, the disk, a wrong hash; kModelNotFound: a file is not there or not for this user;
/// kCancelled.
std::uint64_t download_files(const std::vector<DownloadFile>& files,
                             const DownloadOptions& options);

}  // namespace oko::hub
