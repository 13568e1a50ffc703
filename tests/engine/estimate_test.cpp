// What is foretold of a generation's memory holds: it is never exceeded, and not by far too much.
#include "engine/estimate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "budget/process_memory.h"
#include "engine/engine.h"
#include "tests/support/kept_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

/// Most of the sizes that matter, without its depth.
const std::filesystem::path& model() {
  return RandomModels::get("qwen3-vl-4b-2layer", 3);
}

struct Case {
  std::vector<models::qwen3_vl::ImageSize> pictures;
  int words = 0;  ///< of the prompt, some tokens each
  int max_tokens = 2;
  int kv_bits = 16;
};

GenerationRequest request_of(const Case& shape) {
  GenerationRequest request;
  request.messages = {{text::Role::kUser, {}}};
  for (const auto& size : shape.pictures) {
    image::Image image{size.width, size.height, {}};
    image.rgb.resize(3 * static_cast<std::size_t>(size.width) *
                     static_cast<std::size_t>(size.height));
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      image.rgb[i] = static_cast<std::uint8_t>(i * 7919 >> 8);
    }
    request.images.push_back(std::move(image));
    request.messages[0].parts.push_back(text::Part::make_image());
  }
  std::string text = "What is here? ";
  for (int i = 0; i < shape.words; ++i) text += "слово word ";
  request.messages[0].parts.push_back(text::Part::make_text(text));
  request.max_tokens = shape.max_tokens;
  request.kv_bits = shape.kv_bits;
  return request;
}

class EstimateTest : public ::testing::TestWithParam<Case> {};

TEST_P(EstimateTest, IsAtLeastWhatIsTakenAndAtMostThirdMore) {
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "AddressSanitizer takes memory of its own";
  const GenerationRequest request = request_of(GetParam());
  Engine engine({.vision_language_model = model(), .image_cache_bytes = 0});
  const GenerationStats stats = engine.generate(request).stats;
  const auto base = static_cast<double>(stats.peak_private_bytes - stats.memory.peak());
  const double foretold = base + static_cast<double>(stats.predicted_memory.peak());
  const auto taken = static_cast<double>(stats.peak_private_bytes);
  RecordProperty("prompt_tokens", stats.prompt_tokens);
  RecordProperty("foretold_by_taken", std::to_string(foretold / taken));
  EXPECT_GE(foretold, taken) << stats.prompt_tokens << " tokens";
  EXPECT_LE(foretold, 1.3 * taken) << stats.prompt_tokens << " tokens";
}

INSTANTIATE_TEST_SUITE_P(Shapes, EstimateTest,
                         ::testing::Values(Case{{{320, 320}}}, Case{{{800, 640}}},
                                           Case{{{1024, 1024}}}, Case{{{1536, 1024}}},
                                           Case{{{640, 480}, {1024, 768}, {320, 640}}},
                                           Case{{}, 60}, Case{{}, 300}, Case{{}, 130, 600},
                                           Case{{}, 130, 2, 8}, Case{{{800, 640}}, 200, 2, 32},
                                           Case{{{4000, 300}}, 50}));

TEST(EstimateTest, ThePhaseThatHoldsMostIsTheLargest) {
  GenerationMemory memory;
  memory.preprocess[budget::Tag::kImage] = 5;
  memory.prefill[budget::Tag::kKv] = 4;
  memory.prefill[budget::Tag::kPrefill] = 3;
  EXPECT_EQ(memory.largest().total(), 7u);
}

}  // namespace
}  // namespace oko::engine
