#include "hub/pull.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_files.h"
#include "hub/file_lock.h"
#include "hub/free_space.h"
#include "hub/hub_access.h"
#include "hub/hugging_face_cache.h"
#include "hub/installed_models.h"
#include "hub/manifest.h"
#include "hub/model_path.h"
#include "hub/repository.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSpareAfterPull = 64'000'000;  // of disk that a download leaves free
constexpr const char* kMainRevision = "main";

std::string repository_of(const std::string& typed) {
  const std::string name = plain_model_name(typed);
  if (is_repository_name(name)) return name;
  if (const std::string repository = repository_of_short_name(name); !repository.empty()) {
    return repository;
  }
  throw Error(ErrorCode::kUsage,
              tr("\"{}\" is not a model name", "«{}» — не имя модели", excerpt(name)),
              tr("name a repository of Hugging Face (ORG/NAME), bge-m3, or {}",
                 "укажите репозиторий Hugging Face (ORG/NAME), bge-m3 или {}",
                 fmt::format("{}", fmt::join(short_names(), ", "))));
}

/// The files of a folder and their bytes.
void count_files(PullReport& report) {
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(report.folder, ignored)) {
    if (!entry.is_regular_file(ignored) || entry.path().filename() == kManifestName) continue;
    ++report.files;
    report.bytes += entry.file_size(ignored);
  }
}

/// True if the model of `manifest` is what `options` ask for. The hub is asked only for a revision
/// other than that which was asked for at that time.
bool has_revision(const std::optional<Repository>& manifest, const std::string& repository,
                  const PullOptions& options) {
  const std::string& revision = options.revision;
  if (!manifest) return revision == kMainRevision;
  const bool is_same_request =
      revision == (manifest->requested.empty() ? kMainRevision : manifest->requested);
  if (is_same_request || revision == manifest->commit) return true;
  const HubAccess access = hub_access();
  if (access.offline || is_commit(revision)) return false;
  HttpClient client(options.download.http);
  return commit_of(client, access, repository, revision, options.stop) == manifest->commit;
}

/// The model that is there already, if it is. Throws kUsage if the folder has something else, and
/// as `commit_of`.
std::optional<PullReport> find_own(const fs::path& folder, const std::string& repository,
                                   const PullOptions& options) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored) || fs::is_empty(folder, ignored)) return std::nullopt;
  const std::optional<Repository> manifest = read_manifest(folder);
  const bool is_whole = checkpoint::is_whole_model(folder);
  if (is_whole && has_revision(manifest, repository, options)) {
    PullReport report{.source = PullReport::Source::kModelFolder,
                      .repository = repository,
                      .revision = manifest ? manifest->commit : "",
                      .folder = folder};
    count_files(report);
    return report;
  }
  throw Error(ErrorCode::kUsage,
              !is_whole ? tr("{}: the folder has something else than a whole model",
                             "{}: в папке не целая модель, а что-то другое", folder.string())
                        : tr("{}: has another revision of the model",
                             "{}: там другая ревизия модели", folder.string()),
              tr("remove or rename the folder, then pull again",
                 "удалите или переименуйте папку и скачайте снова"));
}

/// The whole model in Hugging Face's cache, if it is there.
std::optional<PullReport> find_cached(const std::string& repository) {
  try {
    const std::optional<fs::path> snapshot = find_snapshot(repository);
    if (!snapshot || !checkpoint::is_whole_model(*snapshot)) return std::nullopt;
    PullReport report{.source = PullReport::Source::kHuggingFaceCache,
                      .repository = repository,
                      .revision = snapshot->filename().string(),
                      .folder = *snapshot};
    count_files(report);
    return report;
  } catch (const Error&) {
    return std::nullopt;  // a download that was interrupted
  }
}

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
  require_free_space(working, bytes + kSpareAfterPull);
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

/// Downloads `model` to `working`, and gives that its name.
std::uint64_t download(const PullOptions& options, const HubAccess& access, Repository model,
                       const fs::path& working, const fs::path& folder) {
  remove_others(working, model);
  add_stored(working, model);
  write_manifest(working, model);
  const std::vector<DownloadFile> missing = missing_files(working, access, model);
  std::uint64_t total = 0, left = 0;
  for (const RepositoryFile& file : model.files) total += file.size;
  for (const DownloadFile& file : missing) left += file.expected.size;
  DownloadOptions run = options.download;
  run.token = access.token;
  run.stop = options.stop;
  run.progress = [&](std::uint64_t done, std::uint64_t) {
    if (options.progress) options.progress(total - left + done, total);
  };
  run.on_right = [&](const RepositoryFile& right) {
    const auto same = [&](const RepositoryFile& file) { return file.path == right.path; };
    RepositoryFile& file = *std::find_if(model.files.begin(), model.files.end(), same);
    if (file == right) return;
    file = right;
    write_manifest(working, model);
  };
  const std::uint64_t fetched = download_files(missing, run);
  std::error_code error;
  fs::rename(working, folder, error);
  if (error) {
    const LocalizedText reason = system_reason(error);
    throw Error(ErrorCode::kFailed,
                tr("{}: cannot be renamed to {}: {}", "{}: не переименовывается в {}: {}",
                   working.string(), folder.string(), reason));
  }
  return fetched;
}

fs::path mark_of(const fs::path& source) {
  return source / kConversionMark;
}

/// The lock of a model in `$OKO_HOME/models`. Its file is removed unless unfinished work stays.
class PullLock {
 public:
  PullLock(const std::string& name, const PullOptions& options)
      : working_(working_folder_of(name)), lock_(path_of(name), options.stop, options.on_wait) {}
  ~PullLock() {
    std::error_code ignored;
    if (!fs::exists(working_, ignored)) lock_.remove();
  }
  PullLock(const PullLock&) = delete;
  PullLock& operator=(const PullLock&) = delete;

 private:
  static fs::path path_of(const std::string& name) {
    make_pull_folder(lock_path_of(name).parent_path());
    return lock_path_of(name);
  }

  fs::path working_;
  FileLock lock_;
};

/// For a source that is wanted for itself.
void keep(const fs::path& source) {
  std::error_code ignored;
  fs::remove(mark_of(source), ignored);
}

void remove_marked(const fs::path& source) {
  std::error_code ignored;
  if (!fs::exists(mark_of(source), ignored)) return;
  fs::remove_all(source, ignored);
  fs::remove(source.parent_path(), ignored);  // if it is empty
}

PullReport pull(const PullOptions& options) {
  const std::string repository = repository_of(options.name);
  const fs::path folder = oko_home() / "models" / repository;
  if (auto own = find_own(folder, repository, options)) return *own;
  if (options.revision == kMainRevision) {
    if (auto cached = find_cached(repository)) return *cached;
  }
  const HubAccess access = hub_access();
  if (access.offline) {
    throw Error(ErrorCode::kFailed,
                tr("{}: is not on this machine, and HF_HUB_OFFLINE forbids downloading it",
                   "{}: на этой машине её нет, а HF_HUB_OFFLINE запрещает скачивать", repository),
                tr("unset HF_HUB_OFFLINE", "уберите HF_HUB_OFFLINE"));
  }
  const fs::path working = working_folder_of(repository);
  const PullLock lock(repository, options);
  if (auto own = find_own(folder, repository, options)) return *own;

  HttpClient client(options.download.http);
  Repository model = list_repository(client, access, repository, options.revision, options.stop);
  model.files = files_of_model(model);
  make_pull_folder(working);
  PullReport report{.repository = repository, .revision = model.commit, .folder = folder};
  report.fetched_bytes = download(options, access, model, working, folder);
  count_files(report);
  return report;
}

}  // namespace

PullReport pull_model(const PullOptions& options) {
  const PullReport report = pull(options);
  keep(report.folder);
  return report;
}

PullReport pull_embedding_model(const EmbeddingPullOptions& options) {
  PullReport report{.source = PullReport::Source::kModelFolder, .repository = kEmbeddingSource};
  const fs::path models = oko_home() / "models";
  report.folder = models / kDefaultEmbeddingModel;
  if (!checkpoint::is_whole_model(report.folder)) {
    PullOptions of_source = options.pull;
    of_source.name = kEmbeddingSource;
    const PullLock lock(kDefaultEmbeddingModel, of_source);
    if (!checkpoint::is_whole_model(report.folder)) {
      const PullReport source = pull(of_source);
      if (source.source == PullReport::Source::kHub) {
        write_file_atomically(mark_of(source.folder), std::string_view());
      }
      options.convert(source.folder, report.folder, [&](const fs::path& unnamed) {
        write_manifest(unnamed, {kEmbeddingSource, source.revision,
                                 hash_files(unnamed, of_source.stop), of_source.revision});
      });
      report.source = PullReport::Source::kHub;
      report.revision = source.revision;
      report.fetched_bytes = source.fetched_bytes;
    }
  }
  const fs::path source = models / kEmbeddingSource;
  options.keep_source ? keep(source) : remove_marked(source);
  count_files(report);
  return report;
}

}  // namespace oko::hub
