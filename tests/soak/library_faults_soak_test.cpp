// `oko index` killed, and refused by the disk, at each of its calls that change the library.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <limits>
#include <random>
#include <string>
#include <thread>

#include "tests/support/library_faults.h"

namespace oko {
namespace {

constexpr long kAll = std::numeric_limits<long>::max();

using LibraryFaultsSoakTest = LibraryFaultsTest;

TEST_F(LibraryFaultsSoakTest, KilledAtEachCallOfAFirstRun) {
  sweep_kills(Start::kEmpty, "kill", kAll);
}

TEST_F(LibraryFaultsSoakTest, KilledAtEachCallOfAnUpdate) {
  sweep_kills(Start::kLibrary, "kill", kAll);
}

TEST_F(LibraryFaultsSoakTest, KilledInTheMiddleOfEachWriteOfAnUpdate) {
  sweep_kills(Start::kLibrary, "tear", kAll);
}

TEST_F(LibraryFaultsSoakTest, KilledAtTwoHundredMoments) {
  make_reference(Start::kEmpty);
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE("moment " + std::to_string(i));
    prepare(Start::kEmpty);
    Process process(index_command(), index_environment());
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
    process.signal(SIGKILL);
    expect_recovery(process.wait());
    if (HasFailure()) return;
  }
}

TEST_F(LibraryFaultsSoakTest, KilledAtEachCallOfARebuild) {
  sweep_rebuilds("kill", kAll);
}

TEST_F(LibraryFaultsSoakTest, FullDiskAtEachCallOfARebuild) {
  sweep_rebuilds(std::to_string(ENOSPC), kAll);
}

TEST_F(LibraryFaultsSoakTest, FullDiskAtEachCall) {
  sweep_errors(Start::kLibrary, ENOSPC, kAll);
}

TEST_F(LibraryFaultsSoakTest, BrokenDiskAtEachCall) {
  sweep_errors(Start::kLibrary, EIO, kAll);
}

}  // namespace
}  // namespace oko
