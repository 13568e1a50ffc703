// A mixed job in the memory that an 8 GB Mac has to give: nothing is killed, nothing swaps, and the
// budget holds.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <random>

#include "budget/memory_probe.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/embedder.h"
#include "engine/engine.h"
#include "engine/plan.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "tensor/weights.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;

/// While it lives, private memory beyond `bytes` is refused by the kernel.
class PrivateMemoryLimit {
 public:
  explicit PrivateMemoryLimit(std::uint64_t bytes) {
    ::getrlimit(RLIMIT_DATA, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_DATA, &limited);
  }
  ~PrivateMemoryLimit() { ::setrlimit(RLIMIT_DATA, &before_); }

 private:
  rlimit before_{};
};

image::Image noise(std::mt19937& random, int width, int height) {
  image::Image image{width, height, {}};
  image.rgb.resize(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 24);
  return image;
}

GenerationRequest question(image::Image image, int max_tokens) {
  GenerationRequest request;
  request.messages = {
      {text::Role::kUser, {text::Part::make_image(), text::Part::make_text("Что это?")}}};
  request.images.push_back(std::move(image));
  request.max_tokens = max_tokens;
  return request;
}

std::string words(std::mt19937& random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += random() % 2 == 0 ? "слово " : "word ";
  return text;
}

/// What an 8 GB Mac leaves for work on the real models, beside their weights.
std::uint64_t room_for_work() {
  const std::uint64_t physical = std::uint64_t{8} << 30;
  return physical - reserve_of(budget::System::kMac, physical).total() - 3'090 * kMegabyte -
         604 * kMegabyte;
}

struct Job {
  const char* vision_language;
  const char* embedding;
  int rounds;
  int most_tokens;  // of a text that is embedded
};

class MixedJobTest : public ::testing::TestWithParam<Job> {};

TEST_P(MixedJobTest, StaysInItsBudgetThroughAllRounds) {
  const Job& job = GetParam();
  const auto& vision_language = RandomModels::get(job.vision_language, 1);
  const auto& embedding = RandomModels::get(job.embedding, 1);
  const std::uint64_t weights =
      tensor::Weights::bytes_on_disk(vision_language) + tensor::Weights::bytes_on_disk(embedding);
  const std::uint64_t budget = weights + room_for_work();
  const auto host = std::make_shared<ModelHost>(
      HostOptions{.budget_bytes = budget, .beside_bytes = kRuntimeBytes + ocr::kEngineBytes});
  Engine engine({.vision_language_model = vision_language, .image_cache_bytes = 0, .host = host});
  Embedder embedder({.model = embedding, .host = host});
  const auto reader = ocr::make_engine({});
  const image::Image receipt = image::load(std::string(OKO_SOURCE_DIR) + "/demo/pages/receipt.png");

  // The kernel counts stacks of threads as if they were full.
  const PrivateMemoryLimit limit(room_for_work() * 21 / 20 + 150 * kMegabyte);
  budget::PeakSampler sampler;
  std::mt19937 random(7);
  int reduced = 0;
  for (int round = 0; round < job.rounds; ++round) {
    const double pixels = 0.1e6 * std::pow(120.0, (random() % 1000) / 1000.0);  // to 12 megapixels
    const double aspect = 0.5 + (random() % 1000) / 1000.0;
    const auto width = static_cast<int>(std::sqrt(pixels * aspect));
    const auto height = static_cast<int>(std::sqrt(pixels / aspect));
    const GenerationResult answer = engine.generate(question(noise(random, width, height), 4));
    EXPECT_GT(answer.stats.generated_tokens, 0);
    reduced += answer.reductions.empty() ? 0 : 1;
    const auto tokens = 1 + static_cast<int>(random() % static_cast<unsigned>(job.most_tokens));
    const EmbeddingResult vectors = embedder.embed({.texts = {words(random, tokens / 2), "one"}});
    EXPECT_EQ(vectors.texts.size(), 2u);
    EXPECT_FALSE(reader->read(receipt, {}).lines.empty());
  }
  const std::uint64_t peak = sampler.peak_bytes();
  std::printf("%d rounds, %d with reductions; private memory at most %.0f MB of %.0f\n", job.rounds,
              reduced, static_cast<double>(peak) / 1e6, static_cast<double>(room_for_work()) / 1e6);
  EXPECT_LE(peak, room_for_work() * 21 / 20);
  EXPECT_EQ(budget::make_memory_probe()->status().swapped_bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, MixedJobTest,
                         ::testing::Values(Job{"qwen3-vl-4b-2layer", "bge-m3-2layer", 100, 8000},
                                           Job{"qwen3-vl-4b", "bge-m3", 2, 4000}));

TEST(LoadingTest, LoadingAndUnloadingTwentyTimesLeavesNothing) {
  std::uint64_t after_first = 0;
  for (int i = 0; i < 20; ++i) {
    Engine engine({.vision_language_model = RandomModels::get("qwen3-vl-4b-2layer", 1)});
    std::mt19937 random(1);
    engine.generate(question(noise(random, 640, 480), 2));
    if (i == 0) after_first = budget::private_bytes();
  }
  EXPECT_LT(budget::private_bytes(), after_first + 50 * kMegabyte);
}

}  // namespace
}  // namespace oko::engine
