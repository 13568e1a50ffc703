#include "budget/address_space.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace oko::budget {
namespace {

/// While it lives, the process may map no more than `bytes`.
class Limited {
 public:
  Limited(int resource, rlim_t bytes) : resource_(resource) {
    get(&before_);
    const rlimit limited{bytes, before_.rlim_max};
    set(limited);
  }
  ~Limited() { set(before_); }
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;

 private:
  void get(rlimit* limit) const {
    ASSERT_EQ(::getrlimit(static_cast<decltype(RLIMIT_AS)>(resource_), limit), 0);
  }
  void set(const rlimit& limit) const {
    ASSERT_EQ(::setrlimit(static_cast<decltype(RLIMIT_AS)>(resource_), &limit), 0);
  }

  int resource_;
  rlimit before_{};
};

constexpr rlim_t kLarge = rlim_t{1} << 45;  // more than sanitizers map

TEST(AddressSpaceTest, FindsTightestLimitAndItsUsage) {
#ifndef __linux__
  GTEST_SKIP() << "this system enforces no such limit";
#endif
  ASSERT_FALSE(address_space().has_value()) << "run this without ulimit -v and -d";
  const Limited mapped(RLIMIT_AS, kLarge);
  const auto space = address_space();
  ASSERT_TRUE(space.has_value());
  EXPECT_EQ(space->limit, kLarge);
  EXPECT_GT(space->used, 2'000'000u);
  EXPECT_EQ(space->left(), kLarge - space->used);
  EXPECT_STREQ(space->setting, "ulimit -v");
  const Limited data(RLIMIT_DATA, kLarge / 1024);
  EXPECT_STREQ(address_space()->setting, "ulimit -d");
}

TEST(AddressSpaceTest, SubtractsStacksAndLibraries) {
#ifndef __linux__
  GTEST_SKIP() << "this system enforces no such limit";
#endif
  const std::uint64_t few = memory_within(1'000'000'000, 2),
                      many = memory_within(1'000'000'000, 12);
  EXPECT_LT(few, 1'000'000'000u);
  EXPECT_LT(many, few);
  EXPECT_EQ(memory_within(1'000'000, 2), 0u);
}

TEST(AddressSpaceTest, RefusalHasNumbers) {
  const Error error = refused_by_system();
  EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
  EXPECT_TRUE(std::string(error.what()).ends_with("B")) << error.what();
#ifdef __linux__
  const Limited mapped(RLIMIT_AS, kLarge);
  const std::string limited = refused_by_system().what();
  EXPECT_NE(limited.find("address space 35184.4 GB (ulimit -v), "), std::string::npos) << limited;
#endif
}

}  // namespace
}  // namespace oko::budget
