#include "tasks/index_plan.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "tasks/file_walk.h"
#include "tasks/library_paths.h"
#include "tasks/path_roots.h"
#include "tasks/read_documents.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

using index::DocumentId;
using index::KnownDocument;

bool is_below(std::string_view path, const std::string& root) {
  return path == root ||
         (path.starts_with(root) && (root.ends_with('/') || path[root.size()] == '/'));
}

/// False for a file that is only out of reach: its disk or folder may come back. One that is there,
/// but not among the files, is left out by the rules of today.
bool is_gone(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 || errno == ENOENT || errno == ENOTDIR;
}

bool is_empty_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) && fs::is_empty(path, error) && !error;
}

/// Nothing for files of other kinds. What cannot be opened, and what its name calls a document, is
/// to be read, which tells the reason.
std::optional<index::DocumentKind> kind_to_read(const WalkedFile& file) {
  try {
    const auto kind = file.size_bytes > 0 ? document_kind_of(file.path) : std::nullopt;
    if (kind) return kind;
  } catch (const Error& error) {
    if (!is_of_input(error.code())) return std::nullopt;
    return index::DocumentKind::kText;
  }
  const auto promised = promised_kind_of(file.path);
  return promised ? std::optional(promised->kind) : std::nullopt;
}

/// Takes paths that are not there out of `paths` if the library remembers them or has documents of
/// them, which are then to be removed.
void take_gone(const std::map<std::string, KnownDocument>& known,
               const std::vector<std::string>& remembered, const IndexCallbacks& callbacks,
               std::vector<std::string>& paths) {
  std::erase_if(paths, [&](const std::string& path) {
    if (is_there(path)) return false;
    const PathRoots root({path});
    const auto count = std::count_if(known.begin(), known.end(),
                                     [&](const auto& each) { return root.contain(each.first); });
    const bool is_remembered = std::any_of(remembered.begin(), remembered.end(),
                                           [&](const auto& each) { return root.contain(each); });
    if (count == 0 && !is_remembered) return false;
    if (callbacks.on_gone) callbacks.on_gone(path, static_cast<std::size_t>(count));
    return true;
  });
}

void add_to_read(IndexPlan& plan, const WalkedFile& file, index::DocumentKind kind) {
  plan.number_of[file.path] = plan.files.size();
  plan.to_read.push_back(file.path);
  plan.files.push_back({kind, file.size_bytes});
  plan.bytes += file.size_bytes;
}

}  // namespace

IndexPlan make_index_plan(index::Store& store, const std::vector<std::string>& paths,
                          const IndexOptions& options, const IndexCallbacks& callbacks,
                          IndexSummary& summary, const StopToken& stop) {
  IndexPlan plan;
  std::map<std::string, KnownDocument> known;
  const PathRoots roots(paths);
  store.visit_documents([&](const KnownDocument& each) {
    if (roots.contain(each.document.path)) known.emplace(each.document.path, each);
    if (each.document.error.empty()) plan.contents.emplace_back(each.document.hash, each.id);
  });
  std::sort(plan.contents.begin(), plan.contents.end());
  std::vector<std::string> unreadable;  // folders, whose files are unknown now
  const auto on_skipped = [&](const SkippedFile& skipped) {
    ++summary.skipped;
    if (skipped.reason == SkipReason::kUnreadable) unreadable.push_back(skipped.path);
    if (callbacks.on_skipped) callbacks.on_skipped(skipped);
  };
  std::vector<std::string> present = paths;
  if (options.prunes) take_gone(known, library_paths(store), callbacks, present);
  for (const WalkedFile& file : walk_files(present, options.walk, on_skipped, stop)) {
    throw_if_stopped(stop);
    const auto entry = known.find(file.path);
    const bool is_known = entry != known.end();
    std::optional<index::DocumentKind> kind;
    if (is_known) {
      const index::Document& document = entry->second.document;
      const bool is_same = document.size_bytes == file.size_bytes &&
                           document.modified_ns == file.modified_ns &&
                           (document.error.empty() || !options.retries_failed);
      if (is_same) {
        ++summary.unchanged;
        summary.failed_before += !document.error.empty();
        known.erase(entry);
        continue;
      }
      kind = document.kind;
    } else {
      kind = kind_to_read(file);
    }
    if (!kind) {
      on_skipped(
          {file.path, file.size_bytes == 0 ? SkipReason::kEmpty : SkipReason::kUnknownKind, {}});
      continue;
    }
    add_to_read(plan, file, *kind);
    if (is_known) plan.known.insert(known.extract(entry));
  }
  for (const std::string& root : roots.paths()) {
    if (options.prunes || !is_empty_folder(root)) continue;
    const auto is_of_root = [&](const auto& each) { return is_below(each.first, root); };
    const auto count = std::count_if(known.begin(), known.end(), is_of_root);
    if (count == 0) continue;
    unreadable.push_back(root);
    if (callbacks.on_empty) callbacks.on_empty(root, static_cast<std::size_t>(count));
  }
  const PathRoots unknown(unreadable);
  for (const auto& [path, document] : known) {
    if (!unknown.contain(path) && is_gone(path)) plan.missing.emplace(document.id, document);
  }
  return plan;
}

std::vector<KnownDocument> documents_below(index::Store& store,
                                           const std::vector<std::string>& paths) {
  const PathRoots roots(paths);
  std::vector<KnownDocument> documents;
  store.visit_documents([&](const KnownDocument& each) {
    if (roots.contain(each.document.path)) documents.push_back(each);
  });
  return documents;
}

KnownContents::KnownContents(const IndexPlan& plan) : known_(plan.known), contents_(plan.contents) {
  for (const auto& [id, known] : plan.missing) {
    if (known.document.error.empty()) moved_.emplace(known.document.hash, id);
  }
}

SameContent KnownContents::find(const index::Document& document) {
  const auto here = known_.find(document.path);
  if (here != known_.end()) {
    const index::Document& known = here->second.document;
    if (known.error.empty() && known.hash == document.hash) return {.document = here->second.id};
  } else if (const DocumentId moved = find_moved(document)) {
    return {.document = moved};
  }
  const auto content =
      std::lower_bound(contents_.begin(), contents_.end(), std::pair(document.hash, DocumentId{0}));
  if (content != contents_.end() && content->first == document.hash) {
    return {.document = content->second, .is_copy = true};
  }
  return {.is_copy = !asked_.insert(document.hash).second};
}

DocumentId KnownContents::find_moved(const index::Document& document) {
  const auto moved = moved_.find(document.hash);
  if (moved == moved_.end()) return 0;
  const DocumentId id = moved->second;
  moved_.erase(moved);
  return id;
}

}  // namespace oko::tasks
