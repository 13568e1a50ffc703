#include "budget/address_space.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace oko::budget {
namespace {

constexpr std::uint64_t kLibraries = 40'000'000;  // modules of libvips and their mappings
constexpr std::uint64_t kStackBytes = 8 << 20;    // of a thread; fewer if the limit is smaller

std::uint64_t kilobytes_of(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::uint64_t kilobytes = 0;
    if (word == key && status >> kilobytes) return kilobytes;
    status.clear();
    status.ignore(4096, '\n');
  }
  return 0;
}

}  // namespace

std::optional<AddressSpace> address_space() {
  std::optional<AddressSpace> least;
  const auto consider = [&](auto resource, const char* used, const char* setting) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    const AddressSpace found{limit.rlim_cur, kilobytes_of(used) * 1024, setting};
    if (!least || found.left() < least->left()) least = found;
  };
  consider(RLIMIT_AS, "VmSize:", "ulimit -v");
  consider(RLIMIT_DATA, "VmData:", "ulimit -d");
  return least;
}

std::uint64_t memory_within(std::uint64_t left, std::size_t threads) {
  rlimit stack{};
  const bool known = ::getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur != RLIM_INFINITY;
  const std::uint64_t stacks =
      threads * std::min<std::uint64_t>(known ? stack.rlim_cur : kStackBytes, kStackBytes);
  return left - std::min(left, kLibraries + stacks);
}

}  // namespace oko::budget
