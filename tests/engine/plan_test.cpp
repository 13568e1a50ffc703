#include "engine/plan.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "budget/memory_size.h"
#include "engine/reductions.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/qwen3_vl/memory_estimate.h"

namespace oko::engine {
namespace {

using budget::System;

constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;

PlanOptions mac_with(std::uint64_t gibibytes) {
  PlanOptions options;
  options.physical_bytes = gibibytes * kGibibyte;
  options.vision_language.config = models::qwen3_vl::qwen3_vl_4b();
  options.vision_language.weight_bytes =
      models::qwen3_vl::weight_bytes(options.vision_language.config);
  options.embedding.config = models::bge_m3::bge_m3();
  options.embedding.weight_bytes = models::bge_m3::weight_bytes(options.embedding.config);
  return options;
}

TEST(PlanTest, PredictsWeightsAsTheFilesAre) {
  const PlanOptions options = mac_with(8);
  // The files that `oko bench make-model` writes for these dimensions.
  EXPECT_NEAR(static_cast<double>(options.vision_language.weight_bytes), 3.09e9, 0.03e9);
  EXPECT_NEAR(static_cast<double>(options.embedding.weight_bytes), 0.594e9, 0.004e9);
}

TEST(PlanTest, EightGigabytesAreOnTheEdgeAndSixteenAreComfortable) {
  const Plan eight = make_plan(mac_with(8));
  EXPECT_EQ(eight.verdict, Verdict::kOnTheEdge);
  EXPECT_FALSE(eight.advice.empty());
  EXPECT_GT(eight.largest_picture, 2'000'000);
  EXPECT_LT(eight.largest_picture, 8'000'000);
  EXPECT_GT(eight.largest_context, 4'000u);
  const Plan sixteen = make_plan(mac_with(16));
  EXPECT_EQ(sixteen.verdict, Verdict::kComfortable);
  EXPECT_EQ(sixteen.mode, Mode::kResident);
  EXPECT_TRUE(sixteen.advice.empty());
  EXPECT_GT(sixteen.largest_context, 32'000u);
}

TEST(PlanTest, ModelsTakeTurnsIfBothDoNotFit) {
  PlanOptions options = mac_with(8);
  options.budget_bytes = 4'000'000'000;
  const Plan plan = make_plan(options);
  EXPECT_EQ(plan.mode, Mode::kSequential);
  EXPECT_GT(plan.resident, options.budget_bytes);
  EXPECT_LE(plan.sequential, options.budget_bytes);
}

TEST(PlanTest, FourGigabytesDoNotFitAndTheShortageIsNamed) {
  const Plan plan = make_plan(mac_with(4));
  EXPECT_EQ(plan.verdict, Verdict::kDoesNotFit);
  EXPECT_LT(plan.spare, 0);
  EXPECT_EQ(plan.largest_picture, 0);
  EXPECT_EQ(plan.largest_context, 0u);
  EXPECT_FALSE(plan.advice.empty());
}

std::string all_advice(const Plan& plan) {
  return std::accumulate(plan.advice.begin(), plan.advice.end(), LocalizedText())
      .in(Language::kEnglish, KnobStyle::kFlag);
}

TEST(PlanTest, NamesLeastBudgetIfTheBudgetIsTooSmall) {
  PlanOptions options = mac_with(16);
  options.budget_bytes = kGibibyte;
  const Plan plan = make_plan(options);
  EXPECT_EQ(plan.verdict, Verdict::kDoesNotFit);
  const std::string least = budget::memory_size_text(plan.taken());
  EXPECT_NE(all_advice(plan).find("; " + least + " is sufficient"), std::string::npos);
  EXPECT_EQ(all_advice(plan).find("machine with"), std::string::npos) << all_advice(plan);
  options.budget_bytes = budget::parse_memory_size(least);
  EXPECT_NE(make_plan(options).verdict, Verdict::kDoesNotFit);
}

TEST(PlanTest, NamesSmallestSufficientMachineIfThisOneIsTooSmall) {
  const std::string advice = all_advice(make_plan(mac_with(4)));
  const std::string before = "a machine with at least ";
  const std::size_t at = advice.find(before);
  ASSERT_NE(at, std::string::npos) << advice;
  const std::uint64_t gibibytes = std::stoull(advice.substr(at + before.size()));
  EXPECT_NE(make_plan(mac_with(gibibytes)).verdict, Verdict::kDoesNotFit) << advice;
  EXPECT_EQ(make_plan(mac_with(gibibytes - 1)).verdict, Verdict::kDoesNotFit) << advice;
}

TEST(PlanTest, ABudgetThatTheMachineDoesNotHaveIsNoted) {
  PlanOptions options = mac_with(16);
  for (const std::uint64_t gibibytes : {12, 64, 1024}) {
    options.budget_bytes = gibibytes * kGibibyte;
    const Plan plan = make_plan(options);
    EXPECT_NE(all_advice(plan).find("--budget 10922MB: the machine has no more"), std::string::npos)
        << all_advice(plan);
    EXPECT_LT(plan.spare, static_cast<std::int64_t>(options.physical_bytes));
  }
}

TEST(PlanTest, AGpuIsNotAdvisedMorePixelsThanItReadsByItself) {
  PlanOptions options = mac_with(8);
  EXPECT_GT(make_plan(options).largest_picture, kGraphPixels);
  EXPECT_EQ(all_advice(make_plan(options)).find("--max-pixels"), std::string::npos);
  options.system = System::kLinux;
  options.budget_bytes = make_plan(options).taken() + (200 << 20);
  EXPECT_NE(all_advice(make_plan(options)).find("--max-pixels"), std::string::npos);
}

TEST(PlanTest, APictureIsNoLargerThanTheModelReads) {
  PlanOptions options = mac_with(8);
  EXPECT_EQ(options.pixels_read(), options.pixels);
  options.vision_language.processor.max_pixels = 100'000;
  EXPECT_EQ(options.pixels_read(), 100'000);
}

TEST(PlanTest, LimitsAreThoseThatJustFit) {
  const PlanOptions options = mac_with(8);
  const Plan plan = make_plan(options);
  PlanOptions larger = options;
  larger.pixels = plan.largest_picture;
  EXPECT_GE(make_plan(larger).spare, 0);
  larger.pixels = plan.largest_picture * 21 / 20;
  EXPECT_LT(static_cast<std::int64_t>(plan.budget) -
                static_cast<std::int64_t>(make_plan(larger).resident),
            0);
}

TEST(PlanTest, EightBitCacheDoublesTheContextOnACpu) {
  PlanOptions options = mac_with(8);
  PlanOptions bytes = options;
  bytes.kv_bits = 8;
  EXPECT_EQ(make_plan(bytes).largest_context, make_plan(options).largest_context) << "on a GPU";
  options.system = bytes.system = System::kLinux;
  EXPECT_GT(make_plan(bytes).largest_context, make_plan(options).largest_context * 3 / 2);
}

TEST(PlanTest, TheContextIsNoLongerThanTheModelsPositions) {
  PlanOptions options = mac_with(64);
  options.vision_language.config.text.max_position_embeddings = 8000;
  EXPECT_EQ(make_plan(options).largest_context, 8000u);
  options.vision_language.config.text.max_position_embeddings = 1000;
  EXPECT_EQ(make_plan(options).largest_context, 0u);
}

TEST(PlanTest, NeverPlansNegativeMemoryOnASmallMachine) {
  for (const std::uint64_t bytes : {std::uint64_t{1}, kGibibyte / 4, 2 * kGibibyte}) {
    PlanOptions options = mac_with(1);
    options.physical_bytes = bytes;
    for (const System system : {System::kMac, System::kLinux}) {
      options.system = system;
      EXPECT_LE(make_plan(options).budget, bytes);
      EXPECT_EQ(make_plan(options).verdict, Verdict::kDoesNotFit);
    }
  }
}

TEST(PlanTest, OnAMacTheBudgetIsNoMoreThanItsGpuMayKeep) {
  budget::MemoryStatus status;
  status.physical_bytes = 16 * kGibibyte;
  EXPECT_EQ(default_budget(System::kMac, status), status.physical_bytes / 3 * 2);
  EXPECT_EQ(default_budget(System::kMac, status, 9 * kGibibyte), 9 * kGibibyte);
  EXPECT_LT(default_budget(System::kMac, status, 16 * kGibibyte), 12 * kGibibyte);
  EXPECT_EQ(make_plan(mac_with(16)).budget, status.physical_bytes / 3 * 2);
  EXPECT_LT(make_plan(mac_with(8)).budget, 5 * kGibibyte);
}

/// Returns the states of a script, one a call.
class ScriptedProbe : public budget::MemoryProbe {
 public:
  explicit ScriptedProbe(std::vector<budget::MemoryStatus> script) : script_(std::move(script)) {}
  budget::MemoryStatus status() const override { return script_.at(next_++); }

 private:
  std::vector<budget::MemoryStatus> script_;
  mutable std::size_t next_ = 0;
};

budget::MemoryStatus mac_status(std::uint64_t available, std::uint64_t own = 0) {
  budget::MemoryStatus status;
  status.physical_bytes = 8 * kGibibyte;
  status.available_bytes = available;
  status.private_bytes = own;
  return status;
}

TEST(PlanTest, OnAMacTheBudgetFollowsAvailableMemoryDownToHalf) {
  const std::uint64_t rest = 8 * kGibibyte - reserve_of(System::kMac, 8 * kGibibyte).total();
  const ScriptedProbe probe({mac_status(6 * kGibibyte), mac_status(9 * kGibibyte / 2),
                             mac_status(4 * kGibibyte, kGibibyte / 4), mac_status(kGibibyte),
                             mac_status(0)});
  const auto budget = [&] { return default_budget(System::kMac, probe.status(), 6 * kGibibyte); };
  EXPECT_EQ(budget(), rest) << "nothing else runs";
  EXPECT_EQ(budget(), 9 * kGibibyte / 2) << "a browser is open";
  EXPECT_EQ(budget(), 17 * kGibibyte / 4) << "oko's own memory counts";
  EXPECT_EQ(budget(), 4 * kGibibyte) << "macOS will compress what is idle";
  EXPECT_EQ(budget(), rest) << "not known";
}

TEST(PlanTest, TheFloorNeverExceedsWhatTheGpuMayKeepOrTheReserveLeaves) {
  EXPECT_EQ(default_budget(System::kMac, mac_status(kGibibyte), 3 * kGibibyte), 3 * kGibibyte);
  budget::MemoryStatus small = mac_status(kGibibyte / 2);
  small.physical_bytes = 4 * kGibibyte;
  EXPECT_LT(default_budget(System::kMac, small), kGibibyte);
}

TEST(PlanTest, OnLinuxTheBudgetIsTheAvailableMemory) {
  budget::MemoryStatus status;
  status.physical_bytes = 16 * kGibibyte;
  status.available_bytes = 5 * kGibibyte;
  status.private_bytes = kGibibyte;
  EXPECT_EQ(default_budget(System::kLinux, status), 6 * kGibibyte);
  status.available_bytes = 16 * kGibibyte;
  EXPECT_LE(default_budget(System::kLinux, status), 15 * kGibibyte);
}

}  // namespace
}  // namespace oko::engine
