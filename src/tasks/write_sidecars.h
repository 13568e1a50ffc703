#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "index/store.h"

namespace oko::tasks {

struct SidecarSummary {
  SidecarSummary& operator+=(const SidecarSummary& other) {
    written += other.written;
    unchanged += other.unchanged;
    moved += other.moved;
    removed += other.removed;
    left_alone += other.left_alone;
    failed += other.failed;
    return *this;
  }

  std::size_t written = 0, unchanged = 0, moved = 0, removed = 0;
  std::size_t left_alone = 0;  ///< of another program, or changed since oko wrote them
  std::size_t failed = 0;      ///< their folders cannot be written to
};

/// Gets a note for each folder that cannot be written to.
using SidecarNote = std::function<void(const LocalizedText&)>;

/// A file that was removed or moved.
struct GoneFile {
  std::string path;           ///< where it was
  std::string moved_to = {};  ///< empty: it was removed
};

/// Moves and removes the sidecars of oko of files that were moved and removed; those of files that
/// are there after all stay. At once after that: the library does not know them any more.
SidecarSummary follow_files(const std::vector<GoneFile>& files, const SidecarNote& on_note);

/// Writes the captions of a library's pictures below `paths` beside their files. A sidecar of oko
/// goes where its picture has changed since and has no caption. Throws kCancelled, and as Store.
SidecarSummary write_sidecars(index::Store& store, const std::vector<std::string>& paths,
                              const SidecarNote& on_note, const StopToken& stop);

}  // namespace oko::tasks
