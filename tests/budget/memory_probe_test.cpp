#include "budget/memory_probe.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "tests/support/scratch_folder.h"
#ifdef __linux__
#include "budget/memory_probe_linux.h"
#endif

namespace oko::budget {
namespace {

TEST(MemoryProbeTest, ThisMachineHasMemoryAndThisProcessTakesSome) {
  const auto probe = make_memory_probe();
  const MemoryStatus before = probe->status();
  EXPECT_GT(before.physical_bytes, 500'000'000u);
  EXPECT_GT(before.available_bytes, 0u);
  EXPECT_LE(before.available_bytes, before.physical_bytes);
  EXPECT_GT(before.private_bytes, 100'000u);
  constexpr std::size_t kBytes = 100'000'000;
  std::vector<char> taken(kBytes, 1);
  EXPECT_NEAR(static_cast<double>(probe->status().private_bytes - before.private_bytes), kBytes,
              0.1 * kBytes);
}

#ifdef __linux__

class LinuxMemoryProbeTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    write("proc/meminfo",
          "MemTotal:       8000000 kB\nMemFree:  100000 kB\nMemAvailable: 6000000 kB\n");
    write("proc/self/status", "Name:\toko\nRssAnon:\t  50000 kB\nVmSwap:\t     700 kB\n");
    write("proc/self/cgroup", "0::/user/oko\n");
    write("proc/pressure/memory", stalls("0.00", "0.00"));
  }

  static std::string stalls(const std::string& some, const std::string& full) {
    return "some avg10=" + some + " avg60=0.00 avg300=0.00 total=1\nfull avg10=" + full +
           " avg60=0.00 avg300=0.00 total=1\n";
  }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  MemoryStatus status() const {
    return LinuxMemoryProbe(folder_ / "proc", folder_ / "cgroup").status();
  }
};

TEST_F(LinuxMemoryProbeTest, ReadsTheMachineWithoutALimit) {
  write("cgroup/user/oko/memory.max", "max\n");
  const MemoryStatus found = status();
  EXPECT_EQ(found.physical_bytes, 8'192'000'000u);
  EXPECT_EQ(found.available_bytes, 6'144'000'000u);
  EXPECT_EQ(found.private_bytes, 51'200'000u);
  EXPECT_EQ(found.swapped_bytes, 716'800u);
  EXPECT_EQ(found.pressure, Pressure::kNormal);
}

TEST_F(LinuxMemoryProbeTest, TheTightestLimitAboveTheProcessHolds) {
  write("cgroup/user/oko/memory.max", "5000000000\n");
  write("cgroup/user/oko/memory.current", "1000000000\n");
  write("cgroup/user/memory.high", "4000000000\n");
  write("cgroup/user/memory.current", "3500000000\n");
  write("cgroup/user/memory.stat",
        "anon 1000000000\ninactive_file 900000000\nactive_file 600000000\n");
  const MemoryStatus found = status();
  EXPECT_EQ(found.physical_bytes, 4'000'000'000u);
  EXPECT_EQ(found.available_bytes, 2'000'000'000u) << "pages of files can be dropped";
}

TEST_F(LinuxMemoryProbeTest, LimitsOfTheFirstVersionOfControlGroupsHold) {
  write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/oko\n0::/\n");
  write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cgroup/memory/docker/oko/memory.limit_in_bytes", "3000000000\n");
  write("cgroup/memory/docker/oko/memory.usage_in_bytes", "2500000000\n");
  write("cgroup/memory/docker/oko/memory.stat",
        "cache 1\ninactive_file 5\ntotal_inactive_file 900000000\ntotal_active_file 600000000\n");
  const MemoryStatus found = status();
  EXPECT_EQ(found.physical_bytes, 3'000'000'000u);
  EXPECT_EQ(found.available_bytes, 2'000'000'000u);
}

TEST_F(LinuxMemoryProbeTest, FindsLimitIfAContainerShowsItsOwnGroupAsTheRoot) {
  write("proc/self/cgroup", "4:memory:/docker/0123abcd\n");
  write("cgroup/memory/memory.limit_in_bytes", "1000000000\n");
  write("cgroup/memory/memory.usage_in_bytes", "400000000\n");
  EXPECT_EQ(status().physical_bytes, 1'000'000'000u);
  EXPECT_EQ(status().available_bytes, 600'000'000u);
}

TEST_F(LinuxMemoryProbeTest, StallsArePressure) {
  write("proc/pressure/memory", stalls("6.50", "2.00"));
  EXPECT_EQ(status().pressure, Pressure::kWarning);
  write("proc/pressure/memory", stalls("60.00", "12.00"));
  EXPECT_EQ(status().pressure, Pressure::kCritical);
  write("cgroup/user/oko/memory.pressure", stalls("0.00", "0.00"));
  EXPECT_EQ(status().pressure, Pressure::kNormal) << "the group's own counts";
}

TEST_F(LinuxMemoryProbeTest, LittleAvailableMemoryIsPressure) {
  write("proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable: 700000 kB\n");
  EXPECT_EQ(status().pressure, Pressure::kWarning);
  write("proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable: 300000 kB\n");
  EXPECT_EQ(status().pressure, Pressure::kCritical);
}

TEST_F(LinuxMemoryProbeTest, ReportsZerosIfNothingCanBeRead) {
  const MemoryStatus found = LinuxMemoryProbe(folder_ / "none", folder_ / "none").status();
  EXPECT_EQ(found.physical_bytes, 0u);
  EXPECT_EQ(found.pressure, Pressure::kNormal);
}

TEST_F(LinuxMemoryProbeTest, IgnoresMalformedFiles) {
  write("proc/meminfo", "MemTotal: lots\nMemAvailable:\n");
  write("proc/pressure/memory", "some avg10=nan\nfull\n");
  write("cgroup/user/oko/memory.max", "-1\n");
  const MemoryStatus found = status();
  EXPECT_EQ(found.physical_bytes, 0u);
  EXPECT_EQ(found.pressure, Pressure::kNormal);
}

#endif

}  // namespace
}  // namespace oko::budget
