#include "engine/prefill_batch.h"

#include <gtest/gtest.h>

#include "engine/model_host.h"

namespace oko::engine {
namespace {

using budget::Tag;
using budget::TagBytes;

constexpr std::uint64_t kMegabyte = 1'000'000;

struct NoModel : LoadableModel {
  void load() override {}
  void unload() noexcept override {}
  bool is_current() const override { return true; }
};

/// A budget of 200 MB. A sequence takes 10 MB, a pass 8 MB more for each prompt, and 2 MB of its
/// work are in both.
class PrefillBatchTest : public ::testing::Test {
 protected:
  GenerationTask& add(std::size_t tokens, int prefill_chunk = 512) {
    auto task = std::make_unique<GenerationTask>();
    task->prompt.ids.resize(tokens);
    task->plan.settings.prefill_chunk = prefill_chunk;
    GenerationMemory& memory = task->plan.memory;
    memory.sequence[Tag::kKv] = 10 * kMegabyte;
    memory.prefill[Tag::kKv] = 8 * kMegabyte;
    memory.prefill[Tag::kPrefill] = 10 * kMegabyte;
    task->lease = host_.admit(registration_, {memory.sequence, memory.workspace()}, "");
    tasks_.push_back(std::move(task));
    return *tasks_.back();
  }

  std::uint64_t held_megabytes() { return host_.memory_budget().held().total() / kMegabyte; }

  NoModel model_;
  ModelHost host_{{.budget_bytes = 200 * kMegabyte}};
  ModelRegistration registration_{host_, model_, 0};
  std::list<std::unique_ptr<GenerationTask>> tasks_;
};

using Tasks = std::vector<GenerationTask*>;

TEST_F(PrefillBatchTest, TakesPromptsThatEndInOneChunk) {
  GenerationTask& too_long = add(600);
  GenerationTask& small_chunk = add(60, 64);
  GenerationTask& first = add(200);
  GenerationTask& second = add(300);
  GenerationTask& third = add(12);
  GenerationTask& no_room = add(20);
  EXPECT_EQ(batch_prompts(first, tasks_).tasks, (Tasks{&first, &second, &third}));
  EXPECT_EQ(batch_prompts(too_long, tasks_).tasks, Tasks{&too_long});
  EXPECT_EQ(batch_prompts(small_chunk, tasks_).tasks, Tasks{&small_chunk});
  EXPECT_EQ(batch_prompts(no_room, tasks_).tasks, (Tasks{&no_room, &first, &third}));
}

TEST_F(PrefillBatchTest, OthersMayAskForASmallerChunk) {
  GenerationTask& first = add(20);
  GenerationTask& small_chunk = add(30, 64);
  GenerationTask& fits = add(14);
  add(15);
  EXPECT_EQ(batch_prompts(first, tasks_).tasks, (Tasks{&first, &small_chunk, &fits}));
}

TEST_F(PrefillBatchTest, LeavesPicturesAnswersAndShortPromptsAlone) {
  GenerationTask& first = add(20);
  GenerationTask& picture = add(20);
  picture.patches.resize(1);
  GenerationTask& few_tokens = add(8);
  GenerationTask& nine_tokens = add(9);
  add(20).reads_alone = true;
  EXPECT_EQ(batch_prompts(first, tasks_).tasks, (Tasks{&first, &nine_tokens}));
  EXPECT_EQ(batch_prompts(few_tokens, tasks_).tasks, Tasks{&few_tokens});
}

TEST_F(PrefillBatchTest, TakesAtMostEightPrompts) {
  for (int i = 0; i < 10; ++i) add(20);
  EXPECT_EQ(batch_prompts(*tasks_.front(), tasks_).tasks.size(), 8u);
}

TEST_F(PrefillBatchTest, ReservesThePassWhileItRuns) {
  for (int i = 0; i < 3; ++i) add(20);
  ASSERT_EQ(held_megabytes(), 3 * 10 + 8u);
  {
    const PrefillBatch batch = batch_prompts(*tasks_.front(), tasks_);
    EXPECT_EQ(batch.tasks.size(), 3u);
    EXPECT_EQ(held_megabytes(), 3 * 18u);
  }
  EXPECT_EQ(held_megabytes(), 3 * 10 + 8u);
}

TEST_F(PrefillBatchTest, IsSmallerIfTheBudgetIsFull) {
  for (int i = 0; i < 3; ++i) add(20);
  TagBytes others;
  others[Tag::kVision] = (200 - 2 * 18 - 10) * kMegabyte;  // room for a pass of two
  budget::Reservation room = host_.reserve(others, "", {}, nullptr);
  EXPECT_EQ(batch_prompts(*tasks_.front(), tasks_).tasks.size(), 2u);
  others[Tag::kVision] = 8 * kMegabyte;
  const budget::Reservation rest = host_.reserve(others, "", {}, nullptr);
  ASSERT_EQ(held_megabytes(), 200u);
  const PrefillBatch alone = batch_prompts(*tasks_.front(), tasks_);
  EXPECT_EQ(alone.tasks.size(), 1u);
  EXPECT_EQ(alone.memory.bytes().total(), 0u);
}

TEST_F(PrefillBatchTest, StopsIfAnyTaskIsStopped) {
  add(20);
  add(20);
  const AnyStop stop({tasks_.front().get(), tasks_.back().get()});
  EXPECT_FALSE(stop.token().stop_requested());
  tasks_.back()->answer->request_stop();
  EXPECT_TRUE(stop.token().stop_requested());
}

}  // namespace
}  // namespace oko::engine
