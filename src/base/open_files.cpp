#include "base/open_files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace oko {
namespace {

constexpr rlim_t kWanted = 10'240;  // OPEN_MAX of macOS, which takes no more

}  // namespace

std::size_t open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
}

void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWanted) return;
  limit.rlim_cur = std::min(kWanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool can_open_files(std::size_t count) {
  std::vector<int> files;
  files.reserve(count);
  while (files.size() < count) {
    const int file = ::open("/", O_RDONLY | O_CLOEXEC);
    if (file < 0) break;
    files.push_back(file);
  }
  for (const int file : files) ::close(file);
  return files.size() == count;
}

}  // namespace oko
