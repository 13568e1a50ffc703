// A mixed job in the memory that an 8 GB Mac leaves for oko: nothing is killed, nothing swaps, and
// the budget holds.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <random>

#include "base/error.h"
#include "base/stop_token.h"
#include "budget/memory_probe.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/plan.h"
#include "engine/reductions.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "ocr/memory_estimate.h"
#include "tensor/device.h"
#include "tensor/weights.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

using budget::Tag;
using budget::TagBytes;

constexpr std::uint64_t kMegabyte = 1'000'000;

/// While it lives, the kernel refuses private memory beyond `bytes`.
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

/// A picture with a number of pixels in this range, evenly distributed on a logarithmic scale.
models::qwen3_vl::ImageSize some_size(std::mt19937& random, double least, double most) {
  const double pixels = least * std::pow(most / least, (random() % 1000) / 1000.0);
  const double aspect = 0.5 + (random() % 1000) / 1000.0;
  return {static_cast<int>(std::sqrt(pixels * aspect)),
          static_cast<int>(std::sqrt(pixels / aspect))};
}

/// Memory that an 8 GB Mac leaves for work on the real models, without their weights.
std::uint64_t room_for_work() {
  const std::uint64_t physical = std::uint64_t{8} << 30;
  return physical - reserve_of(budget::System::kMac, physical).total() - 3'090 * kMegabyte -
         604 * kMegabyte;
}

TagBytes bytes_of(Tag tag, std::uint64_t bytes) {
  TagBytes result;
  result[tag] = bytes;
  return result;
}

struct Job {
  const char* vision_language;
  const char* embedding;
  int rounds;
  int most_words;  // of a text that is embedded
  bool reduces;    // some of its pictures are too large for the room
};

class MixedJobTest : public ::testing::TestWithParam<Job> {};

TEST_P(MixedJobTest, StaysInItsBudgetThroughAllRounds) {
  const Job& job = GetParam();
  const auto& vision_language = RandomModels::get(job.vision_language, 1);
  const auto& embedding = RandomModels::get(job.embedding, 1);
  const std::uint64_t weights =
      tensor::Weights::bytes_on_disk(vision_language) + tensor::Weights::bytes_on_disk(embedding);
  const auto host = std::make_shared<ModelHost>(
      HostOptions{.budget_bytes = weights + room_for_work(),
                  .fixed_overhead_bytes = runtime_bytes(false) + ocr::kEngineBytes});
  Generator engine(
      {.vision_language_model = vision_language, .image_cache_bytes = 0, .host = host});
  Embedder embedder({.model = embedding, .host = host});
  const auto reader = ocr::make_engine({});
  const image::Image receipt = image::load(std::string(OKO_SOURCE_DIR) + "/demo/pages/receipt.png");

  // The kernel counts stacks of threads as if they were full.
  const PrivateMemoryLimit limit(room_for_work() * 21 / 20 + 150 * kMegabyte);
  budget::PeakSampler sampler;
  std::mt19937 random(7);
  int reduced = 0;
  for (int round = 0; round < job.rounds; ++round) {
    const models::qwen3_vl::ImageSize size = some_size(random, 0.1e6, 12e6);
    auto picture = std::make_shared<const budget::Reservation>(host->reserve(
        bytes_of(Tag::kImage, std::uint64_t{3} * static_cast<std::uint64_t>(size.width) *
                                  static_cast<std::uint64_t>(size.height)),
        ""));
    GenerationRequest question = request_of(GenerationCase{{size}, 10, 4});
    question.images_reservation = std::move(picture);
    const GenerationResult answer = engine.generate(std::move(question));
    EXPECT_GT(answer.stats.generated_tokens, 0);
    reduced += answer.reductions.empty() ? 0 : 1;
    const auto many = static_cast<int>(random() % static_cast<unsigned>(job.most_words));
    const EmbeddingResult vectors = embedder.embed({.texts = {words(1 + many), "one"}});
    EXPECT_EQ(vectors.texts.size(), 2u);
    const budget::Reservation reading =
        host->reserve(bytes_of(Tag::kOcr, ocr::reading_bytes(receipt.width, receipt.height)), "");
    EXPECT_FALSE(reader->read(receipt, {}).lines.empty());
    tensor::trim_memory();
  }
  const std::uint64_t peak = sampler.peak_bytes();
  std::printf("%d rounds, %d with reductions; private memory at most %.0f MB of %.0f\n", job.rounds,
              reduced, static_cast<double>(peak) / 1e6, static_cast<double>(room_for_work()) / 1e6);
  EXPECT_LE(peak, room_for_work() * 21 / 20);
  EXPECT_EQ(reduced > 0, job.reduces);
  EXPECT_LE(reduced, job.rounds / 10) << "small pictures need no reduction";
  EXPECT_EQ(budget::make_memory_probe()->status().swapped_bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, MixedJobTest,
                         ::testing::Values(Job{"qwen3-vl-4b-2layer", "bge-m3-2layer", 100, 6000,
                                               true},
                                           Job{"qwen3-vl-4b", "bge-m3", 2, 2000, false}));

TEST(LoadingTest, LoadingAndUnloadingTwentyTimesLeavesNothing) {
  std::uint64_t after_first = 0;
  for (int i = 0; i < 20; ++i) {
    Generator engine({.vision_language_model = RandomModels::get("qwen3-vl-4b-2layer", 1)});
    engine.generate(request_of(GenerationCase{{{640, 480}}}));
    if (i == 0) after_first = budget::private_bytes();
  }
  EXPECT_LT(budget::private_bytes(), after_first + 50 * kMegabyte);
}

/// Requests with texts to some 9,000 tokens, half of them with a small picture: those that a small
/// room refuses run without a budget, fully reduced.
TEST(RefusalTest, RefusedRequestsDoNotFit) {
  constexpr std::uint64_t kRoom = 85 * kMegabyte;
  const auto& model = RandomModels::get("qwen3-vl-4b-2layer", 1);
  const auto host = std::make_shared<ModelHost>(
      HostOptions{.budget_bytes = tensor::Weights::bytes_on_disk(model) + kRoom});
  Generator guarded({.vision_language_model = model, .image_cache_bytes = 0, .host = host});
  Generator unguarded({.vision_language_model = model, .image_cache_bytes = 0});
  std::mt19937 random(3);
  int refused = 0, right = 0, fitted = 0;
  for (int i = 0; i < 30; ++i) {
    GenerationCase shape{{}, static_cast<int>(random() % 6000)};
    // Too small for an offer of smaller ones.
    if (random() % 2 == 0) shape.pictures = {some_size(random, 0.1e6, 0.24e6)};
    const GenerationRequest request = request_of(shape);
    StopSource admitted;  // stops after admission: the test needs no more
    try {
      guarded.generate(request, {}, admitted.get_token(), [&](double) { admitted.request_stop(); });
      ++fitted;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) ++fitted;
      if (error.code() != ErrorCode::kOverBudget) continue;
      ++refused;
      GenerationRequest reduced = request;
      reduced.prefill_chunk = kSmallChunk;
      reduced.kv_bits = 8;
      if (unguarded.generate(reduced).stats.memory.peak() > kRoom) ++right;
    }
  }
  std::printf("%d requests fitted, %d were refused, %d of them rightly\n", fitted, refused, right);
  EXPECT_EQ(fitted + refused, 30);
  EXPECT_GE(fitted, 8) << "the room is too small to say anything";
  EXPECT_GE(refused, 8) << "the room is too large to say anything";
  EXPECT_GE(10 * right, 9 * refused);
}

}  // namespace
}  // namespace oko::engine
