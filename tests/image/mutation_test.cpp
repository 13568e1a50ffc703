#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "tests/image/samples.h"

// dav1d keeps a few bytes of a damaged AVIF.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is LeakSanitizer's
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libdav1d";
}

namespace oko::image {
namespace {

constexpr int kMutationsASample = 60;

/// Changes a few bytes, mostly near the start where the headers are, and now and then cuts.
std::string mutated(std::string bytes, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return random() % limit; };
  const std::size_t changes = 1 + below(4);
  for (std::size_t i = 0; i < changes; ++i) {
    const std::size_t range =
        below(2) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 64);
    static constexpr char kEdges[] = {'\0', '\1', '\x7f', '\x80', '\xff'};
    bytes[below(range)] = below(2) == 0 ? kEdges[below(5)] : static_cast<char>(random());
  }
  if (below(4) == 0) bytes.resize(below(bytes.size()));
  return bytes;
}

TEST(Mutation, DamagedFilesGiveAPictureOrAnErrorNothingElse) {
  const Limits limits{.max_pixels = 1'000'000};
  int pictures = 0;
  int errors = 0;
  for (const Sample& sample : all_samples()) {
    const std::string bytes = read_data(sample.file);
    std::mt19937 random(20'240'601);
    for (int i = 0; i < kMutationsASample; ++i) {
      SCOPED_TRACE(sample.file + ", mutation " + std::to_string(i));
      const std::string damaged = mutated(bytes, random);
      try {
        const Image image = decode_text(damaged, sample.file, limits);
        ASSERT_GT(image.width, 0);
        ASSERT_GT(image.height, 0);
        ASSERT_LE(std::uint64_t(image.width) * image.height, limits.max_pixels);
        ASSERT_EQ(image.rgb.size(), std::size_t{3} * image.width * image.height);
        ++pictures;
      } catch (const Error& error) {
        ASSERT_TRUE(is_of_input(error.code())) << error.what();
        ++errors;
      }
    }
  }
  EXPECT_GT(pictures, 1000);
  EXPECT_GT(errors, 1000);
}

}  // namespace
}  // namespace oko::image
