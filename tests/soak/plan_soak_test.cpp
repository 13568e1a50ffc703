// The prediction of `oko plan` for a machine, compared with the measured memory: both large models
// loaded, the usual request, and the largest ones that fit. Prints a line of
// docs/MEMORY.md for each.
#include "engine/plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "budget/peak_sampler.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "ocr/memory_estimate.h"
#include "tensor/weights.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

PlanOptions mac_with(std::uint64_t gibibytes) {
  PlanOptions options;
  options.physical_bytes = gibibytes << 30;
  options.vision_language.config = models::qwen3_vl::qwen3_vl_4b();
  options.vision_language.weight_bytes =
      tensor::Weights::bytes_on_disk(RandomModels::get("qwen3-vl-4b", 1));
  options.embedding.config = models::bge_m3::bge_m3();
  options.embedding.weight_bytes = tensor::Weights::bytes_on_disk(RandomModels::get("bge-m3", 1));
  return options;
}

/// Words of `tokens` tokens, or one more.
std::string text_of(const Generator& engine, std::size_t tokens) {
  int count = static_cast<int>(tokens) / 2;
  while (engine.count_tokens(words(count)) < tokens) count += 8;
  while (engine.count_tokens(words(count)) > tokens) --count;
  return words(count);
}

struct Request {
  const char* name;
  std::uint64_t gibibytes;  ///< of the machine
};

class PlanHoldsTest : public ::testing::TestWithParam<Request> {};

TEST_P(PlanHoldsTest, RequestThatFitsThePlanTakesThePredictedMemory) {
  PlanOptions options = mac_with(GetParam().gibibytes);
  // A Mac's budget, with the memory that oko's kernels take here.
  options.budget_bytes = make_plan(options).budget;
  options.system = budget::System::kLinux;
  const Plan plan = make_plan(options);
  ASSERT_EQ(plan.mode, Mode::kResident);
  const std::string name = GetParam().name;
  if (name == "largest picture") options.pixels = plan.largest_picture;
  if (name == "largest context") {
    options.text_tokens = static_cast<int>(plan.largest_context) - options.answer_tokens -
                          static_cast<int>(options.pixels / 1024);
  }
  const auto host = std::make_shared<ModelHost>(
      HostOptions{.budget_bytes = plan.budget,
                  .fixed_overhead_bytes = runtime_bytes(false) + ocr::kEngineBytes});
  Generator engine({.vision_language_model = RandomModels::get("qwen3-vl-4b", 1),
                    .image_cache_bytes = 0,
                    .host = host});
  Embedder embedder({.model = RandomModels::get("bge-m3", 1), .host = host});
  embedder.embed(request_of(EmbeddingCase{1, 1400}));
  budget::PeakSampler sampler;
  const auto side = static_cast<int>(std::lround(std::sqrt(options.pixels)));
  GenerationRequest request = request_of(GenerationCase{{{side, side}}, 0, options.answer_tokens});
  // The rest of the template and the question are a dozen tokens.
  request.messages[0].parts.back() =
      text::Part::make_text(text_of(engine, static_cast<std::size_t>(options.text_tokens) - 16));
  const GenerationResult result = engine.generate(request);
  const std::uint64_t weights =
      options.vision_language.weight_bytes + options.embedding.weight_bytes;
  const std::uint64_t predicted = make_plan(options).resident,
                      taken = weights + sampler.peak_bytes();
  std::printf("| %llu GB, %s | %.1f Mpx, %d tokens of prompt, %d of answer | %.2f GB | %.2f GB |\n",
              static_cast<unsigned long long>(GetParam().gibibytes), GetParam().name,
              static_cast<double>(options.pixels) / 1e6, result.stats.prompt_tokens,
              result.stats.generated_tokens, static_cast<double>(predicted) / 1e9,
              static_cast<double>(taken) / 1e9);
  EXPECT_TRUE(result.reductions.empty());
  EXPECT_EQ(host->loads(), 2u) << "both stay";
  EXPECT_LE(predicted, plan.budget);
  EXPECT_LE(taken, predicted);
}

INSTANTIATE_TEST_SUITE_P(Machines, PlanHoldsTest,
                         ::testing::Values(Request{"usual", 8}, Request{"usual", 16},
                                           Request{"usual", 24}, Request{"largest picture", 8},
                                           Request{"largest context", 8}));

}  // namespace
}  // namespace oko::engine
