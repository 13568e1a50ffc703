#include "hub/pull_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "hub/download.h"
#include "hub/free_space.h"
#include "hub/hugging_face_cache.h"
#include "hub/manifest.h"
#include "hub/part_file.h"
#include "hub/part_verifier.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSpareAfterPull = 64'000'000;  // of disk that a download leaves free

/// Removes what an earlier pull of another commit has left in `working`: all but files of `model`.
/// The parts of files know themselves what they are (PartFile).
void remove_others(const fs::path& working, const Repository& model) {
  std::map<std::string, const RepositoryFile*> wanted;
  for (const RepositoryFile& file : model.files) wanted[file.path] = &file;
  const std::optional<Repository> before = read_manifest(working);
  const auto is_wanted = [&](std::string path) {
    for (const char* end : {".journal", ".part"}) {
      if (path.ends_with(end)) path.erase(path.rfind('.'));
    }
    return wanted.contains(path);
  };
  const auto is_same = [&](const std::string& path) {
    return before &&
           std::any_of(before->files.begin(), before->files.end(), [&](const RepositoryFile& file) {
             return file.is_same_published(*wanted.at(path));
           });
  };
  std::error_code ignored;
  std::vector<fs::path> others;
  for (const auto& entry : fs::recursive_directory_iterator(working, ignored)) {
    const std::string path = entry.path().lexically_relative(working).generic_string();
    if (entry.is_directory(ignored) || path == kManifestName) continue;
    if (!is_wanted(path) || (wanted.contains(path) && !is_same(path))) {
      others.push_back(entry.path());
    }
  }
  for (const fs::path& path : others) fs::remove(path, ignored);
}

/// Bytes of disk that a file takes; 0 if it is not there.
std::uint64_t bytes_on_disk(const fs::path& path) {
  constexpr std::uint64_t kBlock = 512;  // POSIX
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? kBlock * static_cast<std::uint64_t>(info.st_blocks) : 0;
}

/// The files that are not complete yet. Throws kFailed if the disk has no room for them.
std::vector<DownloadFile> missing_files(const fs::path& working, const HubAccess& access,
                                        const Repository& model) {
  std::vector<DownloadFile> missing;
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const RepositoryFile& file : model.files) {
    const fs::path path = working / file.path;
    if (fs::is_regular_file(path, error) && fs::file_size(path, error) == file.stored().size) {
      fs::remove(path.string() + ".part.journal", error);  // of a process that was killed
      continue;
    }
    missing.push_back(
        {file_url(access, model, file.path), path, file, path.extension() == ".safetensors"});
    bytes += file.size - std::min(file.size, bytes_on_disk(path.string() + ".part"));
  }
  require_free_space(working, bytes + kSpareAfterPull,
                     tr("free space on the disk, or set OKO_HOME to a folder on a larger one",
                        "освободите место на диске или укажите в OKO_HOME папку на другом"));
  return missing;
}

/// Takes over what the manifest says of files that are complete.
void add_stored(const fs::path& working, Repository& model) {
  const std::optional<Repository> before = read_manifest(working);
  if (!before) return;
  for (RepositoryFile& file : model.files) {
    const auto found =
        std::find_if(before->files.begin(), before->files.end(),
                     [&](const RepositoryFile& each) { return each.is_same_published(file); });
    if (found != before->files.end()) file = *found;
  }
}

/// Links the files that the model `before`, of another commit, has in common with `model`.
void link_common(const fs::path& before, const fs::path& working, Repository& model) {
  const std::optional<Repository> old = read_manifest(before);
  if (!old) return;
  std::error_code error;
  for (RepositoryFile& file : model.files) {
    const auto same =
        std::find_if(old->files.begin(), old->files.end(),
                     [&](const RepositoryFile& each) { return each.is_same_published(file); });
    if (same == old->files.end()) continue;
    if (fs::file_size(before / file.path, error) != same->stored().size || error) continue;
    fs::create_directories((working / file.path).parent_path(), error);
    fs::create_hard_link(before / file.path, working / file.path, error);
    if (!error) file = *same;
  }
}

/// Nothing, too, if the file cannot be read.
std::string part_or_nothing(const InputFile& file, std::uint64_t offset, std::size_t size) {
  try {
    return file.part(offset, size);
  } catch (const Error&) {
    return {};
  }
}

/// Copies a blob of Hugging Face's cache into the part of a file, whose hash is then compared as
/// that of any other.
void copy_blob(const std::string& repository, const DownloadFile& file, const StopToken& stop) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const fs::path blob = cache_folder_of(repository) / "blobs" / hash_of(file.expected);
  std::error_code error;
  if (!fs::is_regular_file(blob, error) || fs::exists(file.path.string() + ".part", error)) return;
  std::optional<InputFile> source;
  try {
    source.emplace(blob, ErrorCode::kFailed);
  } catch (const Error&) {
    return;  // the hub has it, too
  }
  if (source->size() != file.expected.size) return;
  PartFile part(file.path, source->size(), hash_of(file.expected), file.is_weights);
  for (std::uint64_t at = 0; at < source->size();) {
    throw_if_stopped(stop);
    const std::string bytes = part_or_nothing(*source, at, kPiece);
    if (bytes.empty()) return;  // the hub has it, too
    part.write(at, std::as_bytes(std::span(bytes)));
    at += bytes.size();
  }
}

bool is_weights(const DownloadFile& file) {
  const std::string extension = file.path.extension().string();
  return extension == ".safetensors" || extension == ".bin" || extension == ".pt";
}

/// Downloads the files of one model in steps.
class Fetcher {
 public:
  Fetcher(const PullOptions& options, const HubAccess& access, Repository model, fs::path working)
      : options_(options),
        access_(access),
        model_(std::move(model)),
        working_(std::move(working)) {}

  std::uint64_t run(const fs::path& before) {
    remove_others(working_, model_);
    add_stored(working_, model_);
    link_common(before, working_, model_);
    write_manifest(working_, model_);
    std::vector<DownloadFile> missing = missing_files(working_, access_, model_);
    const auto weights = std::stable_partition(missing.begin(), missing.end(),
                                               [](const auto& file) { return !is_weights(file); });
    for (const RepositoryFile& file : model_.files) total_ += file.size;
    for (const DownloadFile& file : missing) there_ += file.expected.size;
    there_ = total_ - there_;
    std::uint64_t fetched = fetch({missing.begin(), weights});
    check();
    return fetched + fetch({weights, missing.end()});
  }

 private:
  std::uint64_t fetch(const std::vector<DownloadFile>& files) {
    for (const DownloadFile& file : files) copy_blob(model_.name, file, options_.stop);
    DownloadOptions run = options_.download;
    run.token = access_.token;
    run.stop = options_.stop;
    run.progress = [&](std::uint64_t done, std::uint64_t) {
      if (options_.progress) options_.progress(there_ + done, total_);
    };
    run.on_right = [&](const RepositoryFile& right) { record(right); };
    const std::uint64_t fetched = download_files(files, run);
    for (const DownloadFile& file : files) there_ += file.expected.size;
    return fetched;
  }

  void record(const RepositoryFile& right) {
    const auto file = std::find_if(model_.files.begin(), model_.files.end(),
                                   [&](const auto& each) { return each.path == right.path; });
    if (*file == right) return;
    *file = right;
    write_manifest(working_, model_);
  }

  void check() const {
    if (!options_.check) return;
    try {
      options_.check(working_);
    } catch (const Error& error) {
      std::error_code ignored;
      fs::remove_all(working_, ignored);
      fs::remove(working_.parent_path(), ignored);  // if it is empty
      throw Error(error.code(), error.message().with(working_.string(), model_.name),
                  error.hint().with(working_.string(), model_.name));
    }
  }

  const PullOptions& options_;
  const HubAccess& access_;
  Repository model_;
  fs::path working_;
  std::uint64_t total_ = 0;  ///< bytes of all files
  std::uint64_t there_ = 0;  ///< of those that are complete
};

}  // namespace

void make_pull_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return;
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("{}: the folder cannot be made: {}", "{}: папка не создаётся: {}", folder.string(),
                 reason),
              tr("set OKO_HOME to a folder that can be written",
                 "укажите в OKO_HOME папку, в которую можно писать"));
}

std::uint64_t fetch_files(const PullOptions& options, const HubAccess& access, Repository model,
                          const fs::path& working, const fs::path& before) {
  return Fetcher(options, access, std::move(model), working).run(before);
}

void put_in_place(const fs::path& working, const fs::path& folder) {
  // `oko models` takes what a kill leaves here for a part of the model.
  const fs::path old = folder.parent_path() / fmt::format(".{}.0.part", folder.filename().string());
  std::error_code error;
  fs::remove_all(old, error);
  fs::rename(folder, old, error);  // fails if there is none
  fs::rename(working, folder, error);
  if (error) {
    const LocalizedText reason = system_reason(error);
    fs::rename(old, folder, error);
    throw Error(ErrorCode::kFailed,
                tr("{}: cannot be renamed to {}: {}", "{}: не переименовывается в {}: {}",
                   working.string(), folder.string(), reason));
  }
  fs::remove_all(old, error);
}

}  // namespace oko::hub
