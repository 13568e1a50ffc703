#include "hub/verify.h"

#include <algorithm>
#include <memory>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "base/mutex.h"
#include "hub/manifest.h"
#include "hub/parallel_blocks.h"
#include "hub/part_verifier.h"
#include "hub/repository.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

/// The files of a snapshot in Hugging Face's cache. They are links to blobs, which have the hashes
/// as names (huggingface_hub: the ETag of the hub).
std::vector<RepositoryFile> files_of_snapshot(const fs::path& snapshot) {
  constexpr std::size_t kSha1Digits = 40, kSha256Digits = 64;
  std::vector<RepositoryFile> files;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(snapshot, error)) {
    if (!entry.is_symlink(error)) continue;
    const fs::path blob = fs::read_symlink(entry.path(), error);
    const std::string hash = blob.filename().string();
    const bool is_hash = hash.find_first_not_of("0123456789abcdef") == hash.npos &&
                         (hash.size() == kSha1Digits || hash.size() == kSha256Digits);
    if (blob.parent_path().filename() != "blobs" || !is_hash) continue;
    const bool is_lfs = hash.size() == kSha256Digits;
    const std::uint64_t size = fs::file_size(entry.path(), error);
    files.push_back({entry.path().lexically_relative(snapshot).generic_string(), error ? 0 : size,
                     is_lfs ? hash : "", is_lfs ? "" : hash});
  }
  return files;
}

std::vector<RepositoryFile> published_files(const fs::path& model) {
  if (const auto manifest = read_manifest(model)) {
    std::vector<RepositoryFile> files;
    for (const RepositoryFile& file : manifest->files) files.push_back(file.stored());
    return files;
  }
  std::vector<RepositoryFile> files = files_of_snapshot(model);
  if (!files.empty()) return files;
  throw Error(
      ErrorCode::kFailed,
      tr("{}: no hashes of this model are known", "{}: хеши этой модели неизвестны",
         model.string()),
      tr("models can be verified that oko pull or Hugging Face's tools have downloaded",
         "проверить можно модели, скачанные командой oko pull или средствами Hugging Face"));
}

/// Hashes files and adds up their bytes.
class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options) : options_(options) {}

  std::vector<VerifiedFile> run(const std::vector<RepositoryFile>& files) {
    for (const RepositoryFile& file : files) total_ += file.size;
    std::vector<VerifiedFile> verified(files.size());
    for_each_block(files.size(), options_.threads, options_.stop,
                   [&](std::size_t i) { verified[i] = verify(files[i]); });
    return verified;
  }

 private:
  VerifiedFile verify(const RepositoryFile& expected) {
    const fs::path path = options_.model / expected.path;
    std::error_code error;
    if (!fs::exists(path, error)) return {expected.path, 0, FileState::kMissing};
    const InputFile file(path, ErrorCode::kFailed);
    VerifiedFile result{expected.path, file.size(), FileState::kDamaged};
    if (file.size() == expected.size && hash(file, expected) == hash_of(expected)) {
      result.state = FileState::kRight;
    }
    return result;
  }

  std::string hash(const InputFile& file, const RepositoryFile& expected) {
    FileDigest digest(expected);
    for (std::uint64_t at = 0; at < file.size();) {
      throw_if_stopped(options_.stop);
      const std::string bytes = file.part(at, kReadBytes);
      if (bytes.empty()) break;  // it was cut
      digest.update(std::as_bytes(std::span(bytes)));
      at += bytes.size();
      report(bytes.size());
    }
    return digest.finish();
  }

  void report(std::uint64_t bytes) {
    const MutexLock lock(mutex_);
    done_ += bytes;
    if (options_.progress) options_.progress(done_, total_);
  }

  const VerifyOptions& options_;
  std::uint64_t total_ = 0;
  Mutex mutex_;
  std::uint64_t done_ OKO_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::vector<VerifiedFile> verify_model(const VerifyOptions& options) {
  std::vector<RepositoryFile> files = published_files(options.model);
  // The largest first: the others are done meanwhile.
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.size > b.size; });
  return Verifier(options).run(files);
}

}  // namespace oko::hub
