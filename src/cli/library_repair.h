#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "cli/library_option.h"
#include "index/library_rebuild.h"
#include "index/store.h"

namespace oko::cli {

/// How a library is checked and rebuilt.
struct RepairOptions {
  LibraryPlace place = {};
  std::vector<std::string> paths = {};  ///< as the user gives them
  bool has_captions = false;            ///< the run makes descriptions
  bool yes = false;                     ///< no question
  bool json = false;
  bool quiet = false;
};

/// `oko index --check` without PATH: reads all of a library and prints what is damaged. Throws
/// DamagedLibrary or kBadInput if anything is, kUsage for a library on OpenSearch.
void check_library(const RepairOptions& options, const StopToken& stop);

struct MendedLibrary {
  std::vector<std::string> paths = {};  ///< to index: those given, and files that were damaged
  std::size_t damaged = 0;              ///< documents that still are: their files are not there
};

/// `oko index --check PATH`: also takes out the documents that are damaged, so that their files are
/// new ones for the run. Throws DamagedLibrary if only a rebuild mends the library.
MendedLibrary mend_library(const RepairOptions& options, const StopToken& stop);
/// Throws kBadInput if documents are still damaged.
void require_mended(const MendedLibrary& mended, const RepairOptions& options);

/// What the library of a rebuild still tells. Throws as index::read_remains; kNotFound if that is
/// nothing, and `options` has no paths; kUsage for a library on OpenSearch.
index::LibraryRemains remains_to_rebuild(const RepairOptions& options);

/// True if a person at a terminal, or --yes, wants a damaged library to be rebuilt.
bool agrees_to_rebuild(const Error& damage, const RepairOptions& options, const StopToken& stop);

/// Opens a library for writing, and indexes files into it.
using OpenRebuilt = std::function<std::unique_ptr<index::Store>(const std::filesystem::path& file)>;
using FillLibrary = std::function<void(index::Store& store, const std::vector<std::string>& paths)>;

/// Makes a library anew from the given paths and the files that the old one has elsewhere. The old
/// one stays at its place until the new one is complete, and is then kept under another name. What
/// a stopped call has done is there for the next. Throws kNotFound, and keeps the old one, if none
/// of its files is there.
void rebuild_library(const RepairOptions& options, const OpenRebuilt& open, const FillLibrary& fill,
                     const StopToken& stop);

}  // namespace oko::cli
