#include "tensor/weight_windows.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "checkpoint/model_part.h"

namespace oko::tensor {
namespace {

constexpr std::uint64_t kPage = MappedFile::kHeaderBytes;

/// Tensors of `sizes` bytes one after the other, from `start` on.
struct File {
  checkpoint::TensorTable tensors;
  std::uint64_t size;

  File(std::uint64_t start, std::initializer_list<std::pair<const char*, std::uint64_t>> sizes)
      : size(start) {
    for (const auto& [name, bytes] : sizes) {
      tensors[name] = {checkpoint::Dtype::kUint8, {static_cast<std::int64_t>(bytes)}, size, bytes};
      size += bytes;
    }
  }
};

/// Checks the invariants of every plan.
void expect_sound(const WindowPlan& plan, const File& file, std::uint64_t max_bytes) {
  ASSERT_EQ(plan.window_of.size(), file.tensors.size());
  for (const Window& window : plan.windows) {
    EXPECT_EQ(window.begin % kPage, 0U);
    EXPECT_TRUE(window.end % kPage == 0 || window.end == file.size) << window.end;
    EXPECT_LE(window.end - window.begin, max_bytes);
    EXPECT_LE(window.end, file.size);
  }
  for (const auto& [name, info] : file.tensors) {
    const Window& window = plan.windows.at(plan.window_of.at(name));
    EXPECT_LE(window.begin, info.offset) << name;
    EXPECT_GE(window.end, info.offset + info.size) << name;
  }
}

TEST(WeightWindowsTest, OneWindowCoversAFileWithinTheLimit) {
  const File file(22'000, {{"a", 100'000}, {"vision_tower.b", 50'001}});
  const WindowPlan plan = plan_windows(file.tensors, file.size, {1 << 20, false}, "file");
  expect_sound(plan, file, 1 << 20);
  ASSERT_EQ(plan.windows.size(), 1U);
  EXPECT_EQ(plan.windows[0].begin, 0U);
  EXPECT_EQ(plan.windows[0].end, file.size);
}

TEST(WeightWindowsTest, EveryTensorLiesInOneWindowOfAnyLimit) {
  const File file(333, {{"a", 70'000},
                        {"b", 1},
                        {"c", 16'383},
                        {"d", 16'384},
                        {"e", 40'000},
                        {"f", 3},
                        {"g", 65'000}});
  for (std::uint64_t limit = 6 * kPage; limit < 20 * kPage; limit += kPage) {
    SCOPED_TRACE(limit);
    expect_sound(plan_windows(file.tensors, file.size, {limit, false}, "file"), file, limit);
  }
  EXPECT_GT(plan_windows(file.tensors, file.size, {6 * kPage, false}, "file").windows.size(), 2U);
}

TEST(WeightWindowsTest, PartsHaveWindowsOfTheirOwn) {
  const File file(100, {{"language_model.model.a", 100'000},
                        {"language_model.model.b", 5'000},
                        {"vision_tower.a", 5'000},
                        {"vision_tower.b", 90'000},
                        {"language_model.lm_head.weight", 30'000}});
  const WindowPlan plan = plan_windows(file.tensors, file.size, {1 << 20, true}, "file");
  expect_sound(plan, file, 1 << 20);
  EXPECT_EQ(plan.windows.size(), 3U);
  for (const auto& [a, window_of_a] : plan.window_of) {
    for (const auto& [b, window_of_b] : plan.window_of) {
      EXPECT_EQ(checkpoint::part_of(a) == checkpoint::part_of(b), window_of_a == window_of_b)
          << a << ", " << b;
    }
  }
}

TEST(WeightWindowsTest, PartsThatAlternateOftenShareAWindow) {
  File file(100, {});
  for (int i = 0; i < 100; ++i) {
    const std::string name = (i % 2 == 0 ? "vision_tower." : "model.") + std::to_string(i);
    file.tensors[name] = {checkpoint::Dtype::kUint8, {100}, file.size, 100};
    file.size += 100;
  }
  EXPECT_EQ(plan_windows(file.tensors, file.size, {1 << 20, true}, "file").windows.size(), 1U);
}

TEST(WeightWindowsTest, TensorLargerThanABufferIsRefusedWithBothSizes) {
  const File file(100, {{"small", 1'000}, {"large", 3 * kPage}});
  try {
    plan_windows(file.tensors, file.size, {3 * kPage, false}, "some.safetensors");
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    const std::string message = error.what();
    EXPECT_NE(message.find("some.safetensors"), std::string::npos) << message;
    EXPECT_NE(message.find("large"), std::string::npos) << message;
    EXPECT_NE(message.find("49 kB"), std::string::npos) << message;
  }
  // With its pages it takes one more.
  EXPECT_NO_THROW(plan_windows(file.tensors, file.size, {4 * kPage, false}, "some.safetensors"));
}

TEST(WeightWindowsTest, FileWithoutTensorsHasNoneToPlace) {
  EXPECT_TRUE(plan_windows({}, 8, {1 << 20, true}, "file").window_of.empty());
}

}  // namespace
}  // namespace oko::tensor
