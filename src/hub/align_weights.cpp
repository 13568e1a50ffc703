#include "hub/align_weights.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/mapped_file.h"
#include "base/system_reason.h"
#include "checkpoint/weight_files.h"
#include "hub/file_lock.h"
#include "hub/free_space.h"
#include "hub/hugging_face_cache.h"
#include "hub/source_checkpoint.h"
#include "hub/tensor_copier.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSpareBytes = 64'000'000;  // of disk that the copy leaves free
constexpr const char* kExtension = ".safetensors";

/// True if the copy exists and is complete.
bool is_usable(const fs::path& copy) {
  try {
    const MappedFile file(copy, ErrorCode::kFailed);
    checkpoint::parse_safetensors(file.bytes(), file.bytes().size(), copy.string());
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// True if a file of the folder of copies is no longer of use: `copy` of files that are gone, or of
/// an older snapshot of Hugging Face's cache than `model`, a canonical path, which refs/main names.
/// False for files that are no copies.
bool is_stale(const fs::path& copy, const fs::path& model) {
  std::string source;
  try {
    const MappedFile file(copy, ErrorCode::kFailed);
    source = checkpoint::safetensors_metadata(file.bytes(), checkpoint::kAlignedSourceKey);
    if (source.empty()) return false;
    const fs::path folder = source;
    const bool is_older_snapshot =
        folder != model && folder.parent_path() == model.parent_path() && is_main_snapshot(model);
    return is_older_snapshot ||
           checkpoint::aligned_copy_path(source, checkpoint::find_weight_files(source)) != copy;
  } catch (const Error&) {
    return !source.empty();
  }
}

/// The leftovers of interrupted processes, and stale copies.
std::vector<fs::path> find_garbage(const fs::path& folder, const fs::path& model) {
  std::error_code ignored;
  std::vector<fs::path> garbage;
  const fs::path source = fs::weakly_canonical(model, ignored);
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path& path = entry.path();
    const bool is_temporary = path.stem().extension() == kExtension;  // NAME.safetensors.XXXXXX
    if (is_temporary || (path.extension() == kExtension && is_stale(path, source))) {
      garbage.push_back(path);
    }
  }
  return garbage;
}

/// Call it under the lock.
void sweep(const fs::path& folder, const fs::path& model) {
  std::error_code ignored;
  for (const fs::path& path : find_garbage(folder, model)) fs::remove(path, ignored);
}

/// Sweeps if no other process holds the lock. For a model that needs no new copy.
void sweep_where_possible(const fs::path& folder, const fs::path& model) {
  if (find_garbage(folder, model).empty()) return;
  if (const auto lock = FileLock::try_lock(folder / "lock")) sweep(folder, model);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return;
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed, tr("{}: the folder cannot be made: {}",
                                     "{}: папка не создаётся: {}", folder.string(), reason));
}

/// The reason why a copy of `bytes` bytes cannot be made in `folder`; empty if it can.
LocalizedText obstacle_to(const fs::path& folder, std::uint64_t bytes) {
  std::error_code error;
  fs::path place = fs::absolute(folder, error);  // the deepest existing folder on its path
  while (!fs::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  const int reason = !fs::is_directory(place, error)             ? ENOTDIR
                     : ::access(place.c_str(), W_OK | X_OK) != 0 ? errno
                                                                 : 0;
  if (reason != 0) {
    return tr("{}: cannot be written: {}", "{}: не записывается: {}", place.string(),
              system_reason(reason));
  }
  try {
    require_free_space(place, bytes + kSpareBytes);
  } catch (const Error& full) {
    return full.message();
  }
  return {};
}

std::vector<fs::path> paths_of(const std::vector<checkpoint::SourceFile>& files) {
  std::vector<fs::path> paths;
  paths.reserve(files.size());
  for (const checkpoint::SourceFile& file : files) paths.push_back(file.path);
  return paths;
}

bool are_aligned(const std::map<std::string, SourceTensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return checkpoint::is_aligned(tensor.second.info());
  });
}

}  // namespace

AlignedCopy aligned_copy_of(const fs::path& model) {
  const std::vector<checkpoint::SourceFile> files = checkpoint::find_weight_files(model);
  if (is_usable(checkpoint::aligned_copy_path(model, files))) return {};
  const std::map<std::string, SourceTensor> tensors = open_safetensors(paths_of(files));
  if (are_aligned(tensors)) return {};
  const std::uint64_t bytes = TensorCopier(tensors).bytes();
  return {bytes, obstacle_to(checkpoint::aligned_folder(), bytes)};
}

bool align_weights(const AlignOptions& options) {
  const std::vector<checkpoint::SourceFile> files = checkpoint::find_weight_files(options.model);
  const fs::path copy = checkpoint::aligned_copy_path(options.model, files);
  const fs::path folder = checkpoint::aligned_folder();
  const auto needs_none = [&] {
    sweep_where_possible(folder, options.model);
    return false;
  };
  if (is_usable(copy)) return needs_none();
  const std::map<std::string, SourceTensor> tensors = open_safetensors(paths_of(files));
  if (are_aligned(tensors)) return needs_none();

  make_folder(folder);
  const FileLock lock(folder / "lock", options.stop);
  sweep(folder, options.model);
  if (is_usable(copy)) return false;
  const TensorCopier copier(tensors);
  require_free_space(folder, copier.bytes() + kSpareBytes);
  if (options.on_copy) options.on_copy(copy, copier.bytes());
  const fs::path source = fs::weakly_canonical(options.model);
  copier.run(copy, {{checkpoint::kAlignedSourceKey, source.string()}}, options.progress, 0,
             options.stop);
  return true;
}

}  // namespace oko::hub
