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
  std::size_t written = 0, unchanged = 0, removed = 0;
  std::size_t left_alone = 0;  ///< of another program, or changed since oko wrote them
  std::size_t failed = 0;      ///< their folders cannot be written to
};

/// Writes the captions of a library's pictures below `paths` beside their files. A sidecar of oko
/// goes where its picture has no caption any more, or is one of `gone`: files that were removed or
/// moved. `on_note` gets one note for each folder that cannot be written to. Throws kCancelled, and
/// as Store.
SidecarSummary write_sidecars(index::Store& store, const std::vector<std::string>& paths,
                              const std::vector<std::string>& gone,
                              const std::function<void(const LocalizedText&)>& on_note,
                              const StopToken& stop);

}  // namespace oko::tasks
