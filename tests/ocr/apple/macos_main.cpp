// A whole program for macOS: all that apple_vision.mm asks for must be somewhere.
#include <fmt/format.h>

#include "base/core_count.h"
#include "budget/process_memory.h"
#include "ocr/engine.h"

int main() {
  fmt::print("{} {}\n", oko::physical_core_count(), oko::ocr::make_engine({})->read({}, {}).width);
}
