#include "tasks/shared_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "engine/model_host.h"
#include "tests/support/scratch_folder.h"

namespace oko::tasks {
namespace {

using namespace std::chrono_literals;

class SharedReaderTest : public ScratchFolderTest {
 protected:
  std::uint64_t engine_bytes() const { return host_.memory_budget().held()[budget::Tag::kOcr]; }

  engine::ModelHost host_{engine::HostOptions{.threads = 1}};
  SharedReader reader_{host_};
};

TEST_F(SharedReaderTest, APictureHasItsTurnToItsEnd) {
  SharedPictureReader first(reader_, ReadText::kAlways), second(reader_, ReadText::kAlways, 0ms);
  first.load({});
  EXPECT_GT(engine_bytes(), 0u);
  message_of([&] { second.load({}); }, ErrorCode::kBusy);
  budget::MemoryBudget& budget = host_.memory_budget();
  const auto evict = [&] {
    budget.evict_idle(budget::EvictionOrder::kIdleModel,
                      budget::Evictable::Clock::time_point::max(), {});
  };
  evict();
  EXPECT_GT(engine_bytes(), 0u) << "it is in use";
  first.end_picture();
  EXPECT_TRUE(reader_.is_loaded());
  second.load({});
  second.give_up();
  EXPECT_EQ(second.when(), ReadText::kNever);
  evict();
  EXPECT_EQ(engine_bytes(), 0u);
  first.load({});
  EXPECT_EQ(budget.transient_bytes(), 0u);
}

TEST_F(SharedReaderTest, AStopEndsTheWait) {
  SharedPictureReader first(reader_, ReadText::kAlways), second(reader_, ReadText::kWhereItFits);
  first.load({});
  const StopSource source;
  const JoiningThread stopper([&] { source.request_stop(); });
  message_of([&] { second.load(source.get_token()); }, ErrorCode::kCancelled);
  first.unload();
  second.load({});
}

}  // namespace
}  // namespace oko::tasks
