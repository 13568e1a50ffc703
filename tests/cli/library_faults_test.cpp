// Some of the calls of tests/soak/library_faults_soak_test.cpp.
#include "tests/support/library_faults.h"

#include <cerrno>

namespace oko {
namespace {

TEST_F(LibraryFaultsTest, AKilledFirstRunIsCompletedByTheNext) {
  sweep_kills(Start::kEmpty, "kill", 12);
}

TEST_F(LibraryFaultsTest, AKilledUpdateIsCompletedByTheNext) {
  sweep_kills(Start::kLibrary, "kill", 12);
}

TEST_F(LibraryFaultsTest, AWriteOfWhichOnlyAHalfWasDoneIsUndone) {
  sweep_kills(Start::kLibrary, "tear", 12);
}

TEST_F(LibraryFaultsTest, AKilledRebuildLeavesOneOfBothLibrariesWhole) {
  sweep_rebuilds("kill", 4);
}

TEST_F(LibraryFaultsTest, AFullDiskLosesNothing) {
  sweep_errors(Start::kLibrary, ENOSPC, 8);
}

TEST_F(LibraryFaultsTest, ABrokenDiskLosesNothing) {
  sweep_errors(Start::kLibrary, EIO, 8);
}

}  // namespace
}  // namespace oko
