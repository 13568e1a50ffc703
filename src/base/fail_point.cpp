#include "base/fail_point.h"

#include <atomic>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko {
namespace {

std::atomic<std::uint64_t> failing{0};
std::atomic<std::uint64_t> counted{0};

}  // namespace

void FailPoint::arm(std::uint64_t nth) {
  counted = 0;
  failing = nth;
}

std::uint64_t FailPoint::count() {
  return counted;
}

void FailPoint::allocation() {
  if (++counted != failing) return;
  failing = 0;
  throw Error(ErrorCode::kFailed, tr("the system has no memory left (a test says so)",
                                     "у системы не осталось памяти (так решил тест)"));
}

}  // namespace oko
