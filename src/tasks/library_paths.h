#pragma once

#include <map>
#include <string>
#include <vector>

#include "index/store.h"

namespace oko::tasks {

/// False if nothing has this path. One that cannot be asked about may be there.
bool is_there(const std::string& path);

/// The files and folders that a library is of, absolute, by rising path; none lies in another.
/// Empty for a library that `remember_paths` was never called for.
std::vector<std::string> library_paths(index::Store& store);

/// The same, from the notes of a library that is too damaged to be opened.
std::vector<std::string> library_paths(const std::map<std::string, std::string>& notes);

/// Adds paths to them and commits. Throws as Store does.
void remember_paths(index::Store& store, const std::vector<std::string>& paths);

/// Takes those away that are `paths` or lie in them and are not there any more, and commits. Throws
/// as Store does.
void forget_gone_paths(index::Store& store, const std::vector<std::string>& paths);

}  // namespace oko::tasks
