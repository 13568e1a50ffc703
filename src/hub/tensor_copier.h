#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "checkpoint/safetensors_writer.h"
#include "hub/source_checkpoint.h"

namespace oko::hub {

/// Writes tensors, as they are, into one new safetensors file, aligned and sorted as
/// SafetensorsWriter does.
class TensorCopier {
 public:
  /// `tensors` must outlive this.
  explicit TensorCopier(const std::map<std::string, SourceTensor>& tensors);

  std::uint64_t bytes() const { return bytes_; }  ///< of all tensors
  const std::vector<checkpoint::TensorDeclaration>& declarations() const { return declarations_; }

  /// Writes `file` with `metadata`; memory stays within some MB. `progress` is called with the
  /// bytes done and their total, from one thread at a time. Throws kFailed (disk full), kCancelled.
  void run(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata,
           const std::function<void(std::uint64_t, std::uint64_t)>& progress, std::size_t threads,
           const StopToken& stop) const;

 private:
  std::vector<const SourceTensor*> tensors_;
  std::vector<checkpoint::TensorDeclaration> declarations_;
  std::uint64_t bytes_ = 0;
};

}  // namespace oko::hub
