#include "checkpoint/weight_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/localized_text.h"
#include "checkpoint/checkpoint_files.h"

namespace oko::checkpoint {
namespace {

namespace fs = std::filesystem;

/// FNV-1a of 64 bits. It names a file of oko's own, so a collision does not help an attacker.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

/// The name of a folder's model, as a part of a file's name: the folder's own name, or
/// "ORG--NAME-01234567" for a snapshot of Hugging Face's cache, whose folder is called REVISION.
std::string plain_name(const fs::path& folder) {
  constexpr std::size_t kMaxLength = 60, kRevisionDigits = 8;
  constexpr std::string_view kModels = "models--";
  std::string name = folder.filename().string();
  const std::string repository = folder.parent_path().parent_path().filename().string();
  if (folder.parent_path().filename() == "snapshots" && repository.starts_with(kModels)) {
    name = repository.substr(kModels.size(), kMaxLength) + "-" + name.substr(0, kRevisionDigits);
  } else {
    name.resize(std::min(name.size(), kMaxLength));
  }
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return !is_plain(c); }, '_');
  return name;
}

[[noreturn]] void fail_without_files(const fs::path& model_dir) {
  std::error_code ignored;
  if (fs::exists(model_dir / "pytorch_model.bin", ignored) ||
      fs::exists(model_dir / "pytorch_model.bin.index.json", ignored)) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: has weights of PyTorch only (pytorch_model.bin)",
                   "{}: есть только веса PyTorch (pytorch_model.bin)", model_dir.string()),
                tr("make a model of it with oko convert {} DST",
                   "сделайте из него модель командой oko convert {} DST", model_dir.string()));
  }
  const std::vector<std::string> others = unread_weights(model_dir);
  throw Error(
      ErrorCode::kBadModel,
      others.empty()
          ? tr("{}: has neither model.safetensors nor model.safetensors.index.json",
               "{}: нет ни model.safetensors, ни model.safetensors.index.json", model_dir.string())
          : tr("{}: has no model.safetensors; oko does not read {}",
               "{}: нет model.safetensors; oko не читает {}", model_dir.string(),
               fmt::format("{}", fmt::join(others, ", "))),
      tr("name the folder of an MLX model or of a Hugging Face one",
         "укажите папку модели MLX или Hugging Face"));
}

}  // namespace

bool SourceFile::is_current() const {
  try {
    return identify_file(path, ErrorCode::kFailed) == identity;
  } catch (const Error&) {
    return false;
  }
}

std::vector<SourceFile> find_weight_files(const fs::path& model_dir) {
  refuse_adapter(model_dir);
  std::vector<SourceFile> files;
  for (const fs::path& path : checkpoint_files(model_dir, kSafetensorsFormat)) {
    files.push_back({path, identify_file(path, ErrorCode::kBadModel)});
  }
  if (files.empty()) fail_without_files(model_dir);
  return files;
}

fs::path aligned_folder() {
  return oko_home() / "aligned";
}

fs::path aligned_copy_path(const fs::path& model_dir, const std::vector<SourceFile>& files) {
  std::error_code error;
  fs::path folder = fs::weakly_canonical(model_dir, error);
  if (error) folder = model_dir;
  if (!folder.has_filename()) folder = folder.parent_path();  // "folder/"
  // Neither device nor inode: a home that is moved to a new disk keeps its copies.
  std::string identity = folder.string();
  for (const SourceFile& file : files) {
    identity += fmt::format("\n{} {} {}", file.path.filename().string(), file.identity.size,
                            file.identity.modified_ns);
  }
  return aligned_folder() /
         fmt::format("{}-{:016x}.safetensors", plain_name(folder), hash_of(identity));
}

}  // namespace oko::checkpoint
