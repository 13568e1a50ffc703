#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/stop_token.h"
#include "cli/command_line.h"
#include "hub/file_lock.h"
#include "index/opensearch_address.h"
#include "index/store.h"

namespace oko::cli {

/// Adds --library.
void add_library_option(Command& command, std::string& library);

/// Where a library is: in a file, or on OpenSearch.
struct LibraryPlace {
  std::filesystem::path file = {};
  std::optional<index::OpenSearchAddress> address = {};

  /// For people and programs: without the user and password of an address.
  std::string shown() const { return address ? address->shown() : file.string(); }
};

/// The place of --library, or without it the file `$OKO_HOME/library.db`. Throws kUsage for a
/// folder, or an address that is not written right.
LibraryPlace library_place(const std::string& library);

/// Memory of the budget for an open library: its cache of pages.
std::uint64_t library_bytes(const LibraryPlace& place);

/// Opens a library for searches. With a note, unless `is_quiet`, before a cluster is asked again;
/// not after a `stop`.
std::unique_ptr<index::Store> open_library(const LibraryPlace& place, bool is_quiet,
                                           const StopToken& stop);

using LibraryOpener = std::function<std::unique_ptr<index::Store>(const StopToken& stop)>;

/// Opens the library anew each time: for programs that serve it.
LibraryOpener library_opener(const LibraryPlace& place, bool is_quiet);

/// Makes the library if there is none, with the lock of its file held; `learn` completes the model
/// then. Throws kBusy for one on OpenSearch that another process writes to.
std::unique_ptr<index::Store> open_locked_library(const LibraryPlace& place,
                                                  const index::LibraryModel& model,
                                                  const index::LearnModel& learn, bool is_quiet,
                                                  const StopToken& stop);

/// A library that this process writes to: one at a time does.
struct WrittenLibrary {
  std::unique_ptr<hub::FileLock> lock;  ///< of a file
  std::unique_ptr<index::Store> store;
};

/// The lock of those who write to a library in a file. Makes its folder. Waits for another process
/// that has it, unless `is_quiet` with a note.
std::unique_ptr<hub::FileLock> lock_library(const std::filesystem::path& file, bool is_quiet,
                                            const StopToken& stop);
/// The same at once; throws kBusy if another process has it.
std::unique_ptr<hub::FileLock> try_lock_library(const std::filesystem::path& file);

/// Makes the library if there is none; `learn` completes the model then. Waits for another process
/// that writes to a file, unless `is_quiet` with a note; throws kBusy for one that writes to
/// OpenSearch.
WrittenLibrary open_library_to_write(const LibraryPlace& place, const index::LibraryModel& model,
                                     const index::LearnModel& learn, bool is_quiet,
                                     const StopToken& stop);

}  // namespace oko::cli
