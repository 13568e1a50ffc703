#include <gtest/gtest.h>

#include "base/heap.h"

/// A test runs with the heap of the program, which estimates of memory assume.
int main(int argc, char** argv) {
  oko::configure_heap();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
