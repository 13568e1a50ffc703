#include "tasks/write_sidecars.h"

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "document/sidecar.h"
#include "tasks/caption.h"
#include "tasks/index_plan.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

std::optional<document::SidecarText> sidecar_text_of(index::Store& store, index::DocumentId id) {
  for (const index::StoredChunk& stored : store.chunks_of(id)) {
    if (stored.chunk.origin != index::TextOrigin::kCaption) continue;
    const Caption caption = caption_of(stored.chunk.text);
    const bool is_russian = language_of_text(stored.chunk.text) == Language::kRussian;
    return document::SidecarText{.description = caption.description,
                                 .language = is_russian ? "ru" : "en",
                                 .keywords = caption.keywords};
  }
  return std::nullopt;
}

/// A picture without a caption in this library may have a sidecar by another library of oko.
bool is_newer_than_sidecar(const index::Document& picture) {
  std::error_code error;
  const auto written = fs::last_write_time(document::sidecar_path(picture.path), error);
  if (error) return false;
  const auto changed = fs::last_write_time(picture.path, error);
  return !error && changed > written;
}

class SidecarWriter {
 public:
  explicit SidecarWriter(const SidecarNote& on_note) : on_note_(on_note) {}

  void write(const std::string& picture, const document::SidecarText& text) {
    guarded(picture, [&] {
      switch (document::write_sidecar(picture, text)) {
        case document::SidecarResult::kWritten:
          ++summary.written;
          break;
        case document::SidecarResult::kUnchanged:
          ++summary.unchanged;
          break;
        case document::SidecarResult::kLeftAlone:
          ++summary.left_alone;
          break;
      }
    });
  }

  void remove(const std::string& picture) {
    guarded(picture, [&] { summary.removed += document::remove_sidecar(picture); });
  }

  void follow(const GoneFile& file) {
    if (has_entry(file.path)) return;
    if (file.moved_to.empty()) return remove(file.path);
    guarded(file.moved_to,
            [&] { summary.moved += document::move_sidecar(file.path, file.moved_to); });
  }

  SidecarSummary summary;

 private:
  template <typename Work>
  void guarded(const std::string& picture, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kFailed) throw;
      ++summary.failed;
      if (folders_.insert(fs::path(picture).parent_path()).second && on_note_) {
        on_note_(error.message());
      }
    }
  }

  const SidecarNote& on_note_;
  std::set<fs::path> folders_;  ///< that a note was given of
};

}  // namespace

SidecarSummary follow_files(const std::vector<GoneFile>& files, const SidecarNote& on_note) {
  SidecarWriter writer(on_note);
  for (const GoneFile& file : files) writer.follow(file);
  return writer.summary;
}

SidecarSummary write_sidecars(index::Store& store, const std::vector<std::string>& paths,
                              const SidecarNote& on_note, const StopToken& stop) {
  SidecarWriter writer(on_note);
  for (const index::KnownDocument& known : documents_below(store, paths)) {
    throw_if_stopped(stop);
    if (known.document.kind != index::DocumentKind::kPicture) continue;
    if (const auto text = sidecar_text_of(store, known.id)) {
      writer.write(known.document.path, *text);
    } else if (is_newer_than_sidecar(known.document)) {
      writer.remove(known.document.path);  // its caption was of another picture
    }
  }
  return writer.summary;
}

}  // namespace oko::tasks
