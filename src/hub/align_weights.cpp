#include "hub/align_weights.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/language.h"
#include "base/mapped_file.h"
#include "base/system_reason.h"
#include "hub/file_lock.h"
#include "hub/free_space.h"
#include "hub/source_checkpoint.h"
#include "hub/tensor_copier.h"
#include "tensor/weight_files.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSpareBytes = 64'000'000;  // of disk: the copy shall not take the last
constexpr const char* kExtension = ".safetensors";

/// Whether the copy is there and whole.
bool is_usable(const fs::path& copy) {
  try {
    const MappedFile file(copy, ErrorCode::kFailed);
    tensor::parse_safetensors(file.bytes(), file.bytes().size(), copy.string());
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Whether `copy` belongs to files that are no longer there. Files that are no copies are left.
bool is_stale(const fs::path& copy) {
  std::string source;
  try {
    const MappedFile file(copy, ErrorCode::kFailed);
    source = tensor::safetensors_metadata(file.bytes(), tensor::kAlignedSourceKey);
    if (source.empty()) return false;
    return tensor::aligned_copy_path(source, tensor::find_weight_files(source)) != copy;
  } catch (const Error&) {
    return !source.empty();
  }
}

/// Removes what an interrupted process left, and stale copies. To be called under the lock.
void sweep(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> garbage;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path& path = entry.path();
    const bool is_temporary = path.stem().extension() == kExtension;  // NAME.safetensors.XXXXXX
    if (is_temporary || (path.extension() == kExtension && is_stale(path))) garbage.push_back(path);
  }
  for (const fs::path& path : garbage) fs::remove(path, ignored);
}

/// For a model that needs no copy: what cannot be removed does no harm.
void sweep_where_possible(const fs::path& folder, const StopToken& stop) {
  try {
    const FileLock lock(folder / "lock", stop);
    sweep(folder);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
  }
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return;
  const std::string reason = system_reason(error);
  throw Error(ErrorCode::kFailed, tr("{}: the folder cannot be made: {}",
                                     "{}: папка не создаётся: {}", folder.string(), reason));
}

/// Whether an earlier copy of the same folder is there. Its name differs from `copy` in the hash.
bool has_stale_copy(const fs::path& copy) {
  constexpr std::size_t kHashDigits = 16;
  std::string name = copy.stem().string();
  name.resize(name.size() - kHashDigits);
  std::error_code none;
  const fs::directory_iterator entries(copy.parent_path(), none);
  return std::any_of(begin(entries), end(entries), [&](const auto& entry) {
    const fs::path& path = entry.path();
    return path.extension() == kExtension && path.stem().string().starts_with(name) &&
           is_stale(path);
  });
}

std::vector<fs::path> paths_of(const std::vector<tensor::SourceFile>& files) {
  std::vector<fs::path> paths;
  paths.reserve(files.size());
  for (const tensor::SourceFile& file : files) paths.push_back(file.path);
  return paths;
}

bool are_aligned(const std::map<std::string, SourceTensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const auto& tensor) { return tensor::is_aligned(tensor.second.info()); });
}

}  // namespace

std::uint64_t aligned_copy_bytes(const fs::path& model) {
  const std::vector<tensor::SourceFile> files = tensor::find_weight_files(model);
  if (is_usable(tensor::aligned_copy_path(model, files))) return 0;
  const std::map<std::string, SourceTensor> tensors = open_safetensors(paths_of(files));
  return are_aligned(tensors) ? 0 : TensorCopier(tensors).bytes();
}

bool align_weights(const AlignOptions& options) {
  const std::vector<tensor::SourceFile> files = tensor::find_weight_files(options.model);
  const fs::path copy = tensor::aligned_copy_path(options.model, files);
  if (is_usable(copy)) return false;
  const std::map<std::string, SourceTensor> tensors = open_safetensors(paths_of(files));
  const bool is_aligned = are_aligned(tensors);
  const fs::path folder = tensor::aligned_folder();
  if (is_aligned) {
    if (has_stale_copy(copy)) sweep_where_possible(folder, options.stop);
    return false;
  }

  make_folder(folder);
  const FileLock lock(folder / "lock", options.stop);
  sweep(folder);
  if (is_usable(copy)) return false;
  const TensorCopier copier(tensors);
  require_free_space(folder, copier.bytes() + kSpareBytes);
  if (options.on_copy) options.on_copy(copy, copier.bytes());
  const fs::path source = fs::weakly_canonical(options.model);
  copier.run(copy, {{tensor::kAlignedSourceKey, source.string()}}, options.progress, options.stop);
  return true;
}

}  // namespace oko::hub
