// A whole program for macOS: the linker must find all symbols of apple_vision.mm and of the files
// for macOS.
#include <fmt/format.h>

#include "base/core_count.h"
#include "budget/memory_probe.h"
#include "ocr/engine.h"

int main() {
  fmt::print("{} {} {}\n", oko::physical_core_count(),
             oko::budget::make_memory_probe()->status().physical_bytes,
             oko::ocr::make_engine({})->read({}, {}).width);
}
