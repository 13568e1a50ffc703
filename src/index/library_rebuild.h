#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "index/library.h"

/// A library that is made anew from the files, while the one that it replaces stays at its place.
namespace oko::index {

/// What can still be read of a library, however damaged it is.
struct LibraryRemains {
  std::optional<LibraryModel> model = {};
  std::vector<std::string> paths = {};  ///< of its documents, by rising path
  std::size_t captions = 0;
  std::map<std::string, std::string> notes = {};  ///< of Store::set_note
};

/// Empty if there is no library. Throws kBadInput for a database of another program, kUnsupported
/// for a library of a newer oko, and as SqliteDatabase, but no DamagedLibrary.
LibraryRemains read_remains(const std::filesystem::path& library);

/// Where the new one grows.
std::filesystem::path rebuilt_path(const std::filesystem::path& library);

/// The name that the old one will have: the first that is free.
std::filesystem::path kept_path(const std::filesystem::path& library);

/// Removes a library with the files beside it. Throws kFailed.
void remove_library(const std::filesystem::path& library);

/// Puts the new library, which nobody has open, in the place of the old one, which is kept under
/// `kept_path` with its journal. Returns that; empty if there was none. A kill at any moment leaves
/// one of both at the place. Throws kFailed, such as for a full disk; kBusy.
std::filesystem::path replace_by_rebuilt(const std::filesystem::path& library);

}  // namespace oko::index
