// A whole program for macOS: all that apple_vision.mm and the files for macOS ask for must be
// somewhere.
#include <fmt/format.h>

#include "base/core_count.h"
#include "budget/memory_probe.h"
#include "ocr/engine.h"

int main() {
  fmt::print("{} {} {}\n", oko::physical_core_count(),
             oko::budget::make_memory_probe()->status().physical_bytes,
             oko::ocr::make_engine({})->read({}, {}).width);
}
