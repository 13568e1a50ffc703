#pragma once

#include "index/library.h"
#include "index/store.h"

namespace oko::cli {

/// Says that a search has found nothing, and if the library has no file where the search looked,
/// which folders it has.
void say_nothing_found(index::Store& store, const index::Filter& filter);

}  // namespace oko::cli
