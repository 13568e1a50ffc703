#include "hub/pull.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_files.h"
#include "hub/file_lock.h"
#include "hub/hub_access.h"
#include "hub/hugging_face_cache.h"
#include "hub/installed_models.h"
#include "hub/manifest.h"
#include "hub/model_path.h"
#include "hub/pull_files.h"
#include "hub/repository.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMainRevision = "main";

std::string repository_of(const std::string& typed) {
  std::string name = plain_model_name(typed);
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

/// True if the model of `manifest` is what `options` ask for. The hub is asked for an update, and
/// for a revision other than that which was asked for at that time.
bool has_revision(const std::optional<Repository>& manifest, const std::string& repository,
                  const PullOptions& options) {
  const std::string& revision = options.revision;
  if (!manifest) return revision == kMainRevision && !options.update;
  const bool is_same_request =
      revision == (manifest->requested.empty() ? kMainRevision : manifest->requested);
  if (revision == manifest->commit || (is_same_request && !options.update)) return true;
  const HubAccess access = hub_access();
  if (access.offline) return is_same_request;
  if (is_commit(revision)) return false;
  net::HttpClient client(options.download.http);
  return commit_of(client, access, repository, revision, options.stop) == manifest->commit;
}

/// Where the hashes of the published files are.
enum class Published {
  kInManifest,
  kAtHub,  ///< the manifest is that of a model that was converted
};

/// The published files that the model of `manifest` is made of; nothing if the hub has them no
/// longer.
std::vector<RepositoryFile> published_files(net::HttpClient& client, const HubAccess& access,
                                            const Repository& manifest, Published published,
                                            const StopToken& stop) {
  if (published == Published::kInManifest) return manifest.files;
  try {
    return files_of_model(list_repository(client, access, manifest.name, manifest.commit, stop));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kModelNotFound) throw;
    return {};
  }
}

/// The commit at the hub if it has other files than the model of `manifest`; otherwise empty.
std::string changed_commit(net::HttpClient& client, const HubAccess& access,
                           const Repository& manifest, Published published,
                           const PullOptions& options) {
  Repository now{
      manifest.name, commit_of(client, access, manifest.name, options.revision, options.stop), {}};
  if (now.commit == manifest.commit) return {};
  now = list_repository(client, access, manifest.name, now.commit, options.stop);
  const std::vector<RepositoryFile> files = files_of_model(now);
  const std::vector<RepositoryFile> before =
      published_files(client, access, manifest, published, options.stop);
  const bool is_same =
      std::is_permutation(files.begin(), files.end(), before.begin(), before.end(),
                          [](const auto& a, const auto& b) { return a.is_same_published(b); });
  return is_same ? "" : now.commit;
}

/// `changed_commit`; also empty if the hub does not say so at once.
std::string newer_commit(const Repository& manifest, Published published,
                         const PullOptions& options) {
  if (!options.looks_for_newer || is_commit(options.revision)) return {};
  try {
    const HubAccess access = hub_access();
    if (access.offline) return {};
    constexpr std::chrono::seconds kPatience{5};
    net::HttpOptions http = options.download.http;
    http.tries = 1;
    http.connect_timeout = http.silence = http.whole_answer = http.whole_list = kPatience;
    http.on_retry = {};
    net::HttpClient client(http);
    return changed_commit(client, access, manifest, published, options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    return {};  // the model that is there does not need the hub
  }
}

LocalizedText update_hint() {
  return tr("repeat the command with --update to replace it",
            "повторите команду с --update, чтобы заменить её");
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
  if (is_whole && options.update) return std::nullopt;
  throw Error(ErrorCode::kUsage,
              !is_whole ? tr("{}: the folder has something else than a whole model",
                             "{}: в папке не целая модель, а что-то другое", folder.string())
                        : tr("{}: has another revision of the model",
                             "{}: там другая ревизия модели", folder.string()),
              !is_whole ? tr("remove or rename the folder, then pull again",
                             "удалите или переименуйте папку и скачайте снова")
                        : update_hint());
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

/// False if an update is asked for and the hub's commit is another than that of Hugging Face's
/// cache, which oko does not change.
bool is_current(const PullReport& cached, const PullOptions& options) {
  if (!options.update) return true;
  const HubAccess access = hub_access();
  if (access.offline) return true;
  net::HttpClient client(options.download.http);
  return commit_of(client, access, cached.repository, options.revision, options.stop) ==
         cached.revision;
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

/// Throws kUsage if the converted model is there and was made of another revision than that which
/// is asked for.
void require_same_revision(const fs::path& converted, const PullOptions& options) {
  const auto manifest = read_manifest(converted);
  if (!manifest || has_revision(manifest, kEmbeddingSource, options)) return;
  throw Error(ErrorCode::kUsage,
              tr("{}: is made of another revision, {}", "{}: сделана из другой ревизии, {}",
                 converted.string(), manifest->commit),
              update_hint());
}

PullReport pull(const PullOptions& options) {
  const std::string repository = repository_of(options.name);
  const fs::path folder = oko_home() / "models" / repository;
  if (auto own = find_own(folder, repository, options)) {
    if (const auto manifest = read_manifest(folder); manifest && !options.update) {
      own->newer_revision = newer_commit(*manifest, Published::kInManifest, options);
    }
    return *own;
  }
  std::error_code ignored;
  if (options.revision == kMainRevision && !fs::exists(folder, ignored)) {
    const auto cached = find_cached(repository);
    if (cached && is_current(*cached, options)) return *cached;
  }
  const HubAccess access = hub_access();
  if (access.offline) {
    throw Error(
        ErrorCode::kModelNotFound,
        tr("model {} is not on this machine, and HF_HUB_OFFLINE forbids its download",
           "модели {} нет на этой машине, а HF_HUB_OFFLINE запрещает скачивать", repository),
        tr("unset HF_HUB_OFFLINE", "уберите HF_HUB_OFFLINE"));
  }
  const fs::path working = working_folder_of(repository);
  const PullLock lock(repository, options);
  if (auto own = find_own(folder, repository, options)) return *own;

  net::HttpClient client(options.download.http);
  Repository model = list_repository(client, access, repository, options.revision, options.stop);
  model.files = files_of_model(model);
  make_pull_folder(working);
  PullReport report{.repository = repository, .revision = model.commit, .folder = folder};
  report.fetched_bytes = fetch_files(options, access, model, working, folder);
  put_in_place(working, folder);
  count_files(report);
  return report;
}

}  // namespace

PullReport pull_model(const PullOptions& options) {
  const PullReport report = pull(options);
  keep(report.folder);
  return report;
}

namespace {

/// True if the converted model is not there, or an update is asked for and its source has changed.
bool needs_conversion(const fs::path& converted, const PullOptions& options) {
  if (!checkpoint::is_whole_model(converted)) return true;
  if (!options.update) return false;
  const HubAccess access = hub_access();
  if (access.offline) return false;
  const auto manifest = read_manifest(converted);
  if (!manifest) return true;
  net::HttpClient client(options.download.http);
  return !changed_commit(client, access, *manifest, Published::kAtHub, options).empty();
}

/// Has the source converted to `folder`, in place of a model that is there.
void convert_source(const PullReport& source, const fs::path& folder,
                    const EmbeddingPullOptions& options) {
  const auto seal = [&](const fs::path& unnamed) {
    write_manifest(unnamed, {kEmbeddingSource, source.revision,
                             hash_files(unnamed, options.pull.stop), options.pull.revision});
  };
  const fs::path working = working_folder_of(kDefaultEmbeddingModel);
  std::error_code ignored;
  fs::remove_all(working, ignored);  // of an update that was killed
  if (!checkpoint::is_whole_model(folder)) return options.convert(source.folder, folder, seal);
  make_pull_folder(working);
  try {
    options.convert(source.folder, working / kDefaultEmbeddingModel, seal);
    put_in_place(working / kDefaultEmbeddingModel, folder);
  } catch (...) {
    fs::remove_all(working, ignored);
    throw;
  }
  fs::remove_all(working, ignored);
}

}  // namespace

PullReport pull_embedding_model(const EmbeddingPullOptions& options) {
  PullReport report{.source = PullReport::Source::kModelFolder, .repository = kEmbeddingSource};
  const fs::path models = oko_home() / "models";
  report.folder = models / kDefaultEmbeddingModel;
  const fs::path source = models / kEmbeddingSource;
  if (!options.pull.update) require_same_revision(report.folder, options.pull);
  if (needs_conversion(report.folder, options.pull)) {
    PullOptions of_source = options.pull;
    of_source.name = kEmbeddingSource;
    const PullLock lock(kDefaultEmbeddingModel, of_source);
    if (needs_conversion(report.folder, options.pull)) {
      const bool is_wanted = has_entry(source) && !has_entry(mark_of(source));
      const PullReport pulled = pull(of_source);
      if (pulled.source == PullReport::Source::kHub && !is_wanted) {
        write_file_atomically(mark_of(source), std::string_view());
      }
      convert_source(pulled, report.folder, options);
      report.source = PullReport::Source::kHub;
      report.revision = pulled.revision;
      report.fetched_bytes = pulled.fetched_bytes;
    }
  }
  if (report.source == PullReport::Source::kModelFolder && !options.pull.update) {
    const auto manifest = read_manifest(report.folder);
    if (manifest) report.newer_revision = newer_commit(*manifest, Published::kAtHub, options.pull);
  }
  options.keep_source ? keep(source) : remove_marked(source);
  count_files(report);
  return report;
}

}  // namespace oko::hub
