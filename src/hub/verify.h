#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/stop_token.h"

namespace oko::hub {

struct VerifyOptions {
  std::filesystem::path model;  ///< folder that `oko pull` made, or a snapshot of Hugging Face's
  std::size_t threads = 0;      ///< 0: one a physical core that the process may use
  /// Called with the bytes that are hashed and their total, from one thread at a time. May be
  /// empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  StopToken stop = {};
};

enum class FileState {
  kRight,
  kDamaged,  ///< another size or hash
  kMissing,
};

struct VerifiedFile {
  std::string path;         ///< inside the folder
  std::uint64_t bytes = 0;  ///< of the file as it is
  FileState state = FileState::kRight;
};

/// Compares every file of a model with its hash: that of the manifest that `oko pull` wrote, or
/// that which Hugging Face's cache has as the name of its blob. Throws kFailed: no hashes are
/// known, a file cannot be read; kCancelled.
std::vector<VerifiedFile> verify_model(const VerifyOptions& options);

}  // namespace oko::hub
