// Limits of an engine in MLX's graph: the size of pictures, and MLX's memory.
#include <gtest/gtest.h>
#include <mlx/memory.h>

#include "base/error.h"
#include "engine/generator.h"
#include "tensor/device.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

namespace mx = mlx::core;

constexpr std::int64_t kDefaultPixels = 40'000;

class GraphLimitsTest : public ::testing::Test {
 protected:
  void SetUp() override { tensor::select_device(tensor::Device::kGraphOnCpu); }
  void TearDown() override { tensor::select_device(tensor::Device::kCpu); }

  static GeneratorOptions options(std::uint64_t budget = 0) {
    GeneratorOptions options{.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
                             .image_cache_bytes = 0,
                             .graph_pixels = kDefaultPixels};
    if (budget > 0) {
      options.host = std::make_shared<ModelHost>(HostOptions{.budget_bytes = budget});
    }
    return options;
  }

  /// The pixels to which a picture of 96,000 pixels was resized.
  static GenerationResult ask(const GeneratorOptions& options, std::int64_t max_pixels) {
    Generator engine(options);
    GenerationRequest request = request_of(GenerationCase{{{320, 300}}});
    request.max_pixels = max_pixels;
    return engine.generate(request);
  }
};

TEST_F(GraphLimitsTest, ReadsPictureAtTheDefaultSizeWithANote) {
  const GenerationResult result = ask(options(), 0);
  ASSERT_EQ(result.reductions.size(), 1u);
  EXPECT_EQ(result.reductions[0].what, "max_pixels");
  EXPECT_EQ(result.reductions[0].reason, ReductionReason::kDefaultSize);
  EXPECT_EQ(result.reductions[0].from, 320 * 288);
  EXPECT_LE(result.reductions[0].to, kDefaultPixels);
  EXPECT_EQ(result.reductions[0].to, result.stats.image_tokens * 32 * 32);
}

TEST_F(GraphLimitsTest, MaxPixelsReplacesTheDefaultSize) {
  for (const std::int64_t pixels : {10'000, 16'000'000}) {
    const GenerationResult result = ask(options(), pixels);
    EXPECT_TRUE(result.reductions.empty()) << pixels;
    EXPECT_EQ(result.stats.image_tokens > kDefaultPixels / 1024, pixels > kDefaultPixels) << pixels;
  }
}

TEST_F(GraphLimitsTest, ASmallPictureIsLeftAsItIs) {
  Generator engine(options());
  EXPECT_TRUE(engine.generate(request_of(GenerationCase{{{160, 160}}})).reductions.empty());
}

/// MLX's limit of kept buffers.
std::size_t cache_limit() {
  const std::size_t limit = mx::set_cache_limit(0);
  mx::set_cache_limit(limit);
  return limit;
}

/// Reads MLX's limits between the steps of a request.
struct LimitWatcher : StepSource {
  bool step() noexcept override {
    if (limits.empty() || limits.back() != cache_limit()) {
      limits.push_back(cache_limit());
      totals.push_back(mx::get_memory_limit());
    }
    return true;
  }
  std::vector<std::size_t> limits, totals;
};

TEST_F(GraphLimitsTest, MlxKeepsBuffersUpToTheReservationOfThePhase) {
  GeneratorOptions with_host = options(1'000'000'000);
  Generator engine(with_host);
  const std::uint64_t whole = mx::get_memory_limit();
  GenerationRequest request = request_of(GenerationCase{{{160, 160}}, 40, 4});
  request.prefill_chunk = 32;  // several steps
  GenerationHandle handle = engine.submit(request);
  LimitWatcher watcher;
  with_host.host->scheduler().wake(watcher);
  const GenerationResult result = handle.wait();
  with_host.host->scheduler().forget(watcher);
  std::vector<std::size_t> limits;  // of the vision tower, the prompt, the answer
  std::vector<std::size_t> totals;
  for (std::size_t i = 0; i < watcher.limits.size(); ++i) {
    if (watcher.limits[i] == 40'000'000) continue;  // before and after it
    limits.push_back(watcher.limits[i]);
    totals.push_back(watcher.totals[i]);
  }
  const PhaseMemory& predicted = result.stats.predicted_memory;
  const std::uint64_t pixels = request.images[0]->rgb.size();
  EXPECT_EQ(limits, (std::vector<std::size_t>{predicted.vision - pixels, predicted.prefill - pixels,
                                              predicted.decode - pixels}));
  for (std::size_t i = 0; i < limits.size(); ++i) {
    EXPECT_GE(totals[i], limits[i]);
    EXPECT_LT(totals[i], limits[i] + 20'000'000) << "what the model holds itself";
  }
  EXPECT_EQ(cache_limit(), 40'000'000u) << "idle";
  EXPECT_EQ(mx::get_memory_limit(), whole);
  EXPECT_EQ(mx::get_cache_memory(), 0u);
}

TEST_F(GraphLimitsTest, AStoppedRequestLeavesTheLimitsOfAnIdleProcess) {
  Generator engine(options());
  const std::uint64_t whole = mx::get_memory_limit();
  StopSource stop;
  EXPECT_THROW(engine.generate(request_of(GenerationCase{{{160, 160}}}), {}, stop.get_token(),
                               [&](double) { stop.request_stop(); }),
               Error);
  EXPECT_EQ(cache_limit(), 40'000'000u);
  EXPECT_EQ(mx::get_memory_limit(), whole);
}

TEST_F(GraphLimitsTest, ReportsMlxsPeakOfEachPhase) {
  const GenerationResult result = ask(options(), 0);
  const PhaseMemory& phases = result.stats.mlx_memory;
  for (const std::uint64_t bytes : {phases.vision, phases.prefill, phases.decode}) {
    EXPECT_GT(bytes, 100'000u);
    EXPECT_LE(bytes, result.stats.mlx_peak_bytes);
  }
  EXPECT_GT(phases.vision, phases.decode);
}

TEST_F(GraphLimitsTest, TheCpuKernelsReadWhatTheModelTakes) {
  tensor::select_device(tensor::Device::kCpu);
  EXPECT_TRUE(ask(options(), 0).reductions.empty());
}

}  // namespace
}  // namespace oko::engine
