#include "models/qwen3_vl/image_processor.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "tests/image/patterns.h"

namespace oko::models::qwen3_vl {
namespace {

template <typename T>
std::string digest(const std::vector<T>& values) {
  return fmt::format("{:08x}", image::crc32(std::as_bytes(std::span(values))));
}

/// The lines of the golden file that start with `kind`, that word removed.
std::vector<std::istringstream> golden_lines(const std::string& kind) {
  std::ifstream file(OKO_TEST_DATA "/image_processor_golden.txt");
  std::vector<std::istringstream> lines;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(kind + " ")) lines.emplace_back(line.substr(kind.size()));
  }
  return lines;
}

ImageSize size_or_zero(ImageSize size, const ImageProcessorConfig& config) {
  try {
    return smart_resize(size, config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput);
    return {0, 0};
  }
}

TEST(SmartResize, EqualsTransformers) {
  auto lines = golden_lines("sizes");
  ASSERT_EQ(lines.size(), 5u);
  for (std::istringstream& line : lines) {
    SCOPED_TRACE(line.str());
    ImageProcessorConfig config;
    int factor = 0, step = 0, last = 0;
    std::string expected;
    line >> factor >> config.min_pixels >> config.max_pixels >> step >> last >> expected;
    config.patch_size = factor / config.merge_size;
    std::vector<std::int32_t> sizes;
    for (int width = 1; width <= last; width += step) {
      for (int height = 1; height <= last; height += step) {
        const ImageSize size = size_or_zero({width, height}, config);
        sizes.push_back(size.width);
        sizes.push_back(size.height);
      }
    }
    EXPECT_EQ(digest(sizes), expected);
  }
}

TEST(SmartResize, RefusesAspectRatioOver200WithTheNumbers) {
  EXPECT_EQ(smart_resize({2000, 10}, {}), (ImageSize{3648, 32}));
  try {
    smart_resize({2001, 10}, {});
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput);
    EXPECT_STREQ(error.what(),
                 "a picture of 2001 × 10 pixels is too narrow: one side is more than 200 times the "
                 "other");
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(Preprocess, PixelValuesEqualTransformersBitForBit) {
  auto lines = golden_lines("pixels");
  ASSERT_EQ(lines.size(), 9u);
  for (std::istringstream& line : lines) {
    SCOPED_TRACE(line.str());
    ImageProcessorConfig config;
    std::string pattern, expected;
    int width = 0, height = 0;
    GridThw grid;
    line >> pattern >> width >> height >> config.patch_size >> config.merge_size >>
        config.min_pixels >> config.max_pixels;
    for (float& mean : config.mean) line >> mean;
    for (float& std : config.std) line >> std;
    line >> grid.t >> grid.h >> grid.w >> expected;

    const Patches patches = preprocess(image::draw(pattern, width, height), config);
    EXPECT_EQ(patches.grid_thw, grid);
    EXPECT_EQ(patches.merged_tokens(), grid.h * grid.w / (config.merge_size * config.merge_size));
    const auto& values = patches.pixel_values;
    ASSERT_EQ(values.size(),
              std::size_t{6} * grid.h * grid.w * config.patch_size * config.patch_size);
    for (std::size_t i = 0; i < 8; ++i) {
      float sample = 0;
      line >> sample;
      EXPECT_NEAR(values[values.size() * i / 8], sample, 1e-6) << "sample " << i;
    }
    EXPECT_EQ(digest(values), expected);
  }
}

class ImageProcessorConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("oko_image_processor_" + std::to_string(::getpid()) + ".json");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  ImageProcessorConfig load(std::string_view json) {
    write_file_atomically(path_, json);
    return ImageProcessorConfig::load(path_);
  }
  std::string message_of(std::string_view json) {
    try {
      load(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel);
      EXPECT_FALSE(error.hint().empty());
      const std::string text = error.what();
      return text.substr(text.find(": ") + 2);
    }
    return "no error";
  }

  std::filesystem::path path_;
};

TEST_F(ImageProcessorConfigTest, PublishedQwen3VlFileGivesTheDefaults) {
  const ImageProcessorConfig config = load(R"({
    "size": {"longest_edge": 16777216, "shortest_edge": 65536},
    "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "resample": 3,
    "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"})");
  const ImageProcessorConfig defaults = ImageProcessorConfig::load(path_.string() + ".missing");
  for (const ImageProcessorConfig& each : {config, defaults}) {
    EXPECT_EQ(each.patch_size, 16);
    EXPECT_EQ(each.temporal_patch_size, 2);
    EXPECT_EQ(each.merge_size, 2);
    EXPECT_EQ(each.min_pixels, 65536);
    EXPECT_EQ(each.max_pixels, 16777216);
    EXPECT_EQ(each.mean, (std::array<float, 3>{.5f, .5f, .5f}));
    EXPECT_EQ(each.std, (std::array<float, 3>{.5f, .5f, .5f}));
  }
}

TEST_F(ImageProcessorConfigTest, OlderNamesAndNestedObjectAreRead) {
  const ImageProcessorConfig older = load(
      R"({"min_pixels": 3136, "max_pixels": 1003520, "patch_size": 14, "image_mean": [0, 1, 0.25]})");
  EXPECT_EQ(older.min_pixels, 3136);
  EXPECT_EQ(older.max_pixels, 1003520);
  EXPECT_EQ(older.patch_size, 14);
  EXPECT_EQ(older.mean, (std::array<float, 3>{0, 1, .25f}));
  EXPECT_EQ(load(R"({"image_processor": {"merge_size": 4, "size": null}})").merge_size, 4);
}

TEST_F(ImageProcessorConfigTest, WrongValuesAreBadModel) {
  EXPECT_EQ(message_of("{"), "is not JSON (byte 2 of 1)");
  EXPECT_EQ(message_of("[1]"), "holds a list, oko expects an object");
  EXPECT_EQ(message_of(R"({"patch_size": 0})"),
            "patch_size is 0, oko expects an integer from 1 to 64");
  EXPECT_EQ(message_of(R"({"patch_size": "16"})"),
            "patch_size is \"16\", oko expects an integer from 1 to 64");
  EXPECT_EQ(message_of(R"({"merge_size": 18446744073709551615})"),
            "merge_size is 18446744073709551615, oko expects an integer from 1 to 8");
  EXPECT_EQ(message_of(R"({"image_std": [0.5, 0, 0.5]})"),
            "image_std is a list, oko expects three numbers above 0");
  EXPECT_EQ(message_of(R"({"image_mean": [0.5, 0.5]})"),
            "image_mean is a list, oko expects three numbers");
  EXPECT_EQ(message_of(R"({"size": 5})"), "size is 5, oko expects an object");
  const std::string deep(100'000, '[');
  EXPECT_EQ(message_of("{\"patch_size\": " + deep + std::string(100'000, ']') + "}"),
            "patch_size is a list, oko expects an integer from 1 to 64");
  EXPECT_EQ(message_of(R"({"resample": 2})"), "resample is 2, oko expects 3");
  EXPECT_EQ(message_of(R"({"size": {"shortest_edge": 9000, "longest_edge": 100}})"),
            "size.longest_edge is 100, oko expects at least shortest_edge (9000)");
  EXPECT_EQ(message_of(R"({"min_pixels": 9000, "max_pixels": 100})"),
            "max_pixels is 100, oko expects an integer from 9000 to 1099511627776");
}

}  // namespace
}  // namespace oko::models::qwen3_vl
