#include <gtest/gtest.h>

#include <list>

#include "base/error.h"
#include "base/file.h"
#include "tasks/describe.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/white_bitmap.h"

namespace oko::tasks {
namespace {

class DescribeTaskTest : public ScratchFolderTest {
 protected:
  std::string picture(int width, int height) const {
    const std::string path =
        folder_ / (std::to_string(width) + "x" + std::to_string(height) + ".bmp");
    write_file_atomically(path, std::string_view(white_bitmap(width, height)));
    return path;
  }

  static DescribeOptions options() {
    DescribeOptions options;
    options.read_text = ReadText::kNever;
    options.max_tokens = 6;
    return options;
  }

  Describer describer(std::vector<std::string> paths, const DescribeOptions& options,
                      const StopToken& stop = {}) {
    return {*host_, generator_, options, pages_.emplace_back(std::move(paths)), stop};
  }

  std::string alone(const std::string& path) {
    return describer({path}, options()).next().answer.wait().text;
  }

  std::list<document::Pages> pages_;
  std::shared_ptr<engine::ModelHost> host_ =
      std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
  engine::Generator generator_{
      {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
       .image_cache_bytes = 0,
       .host = host_}};
};

TEST_F(DescribeTaskTest, PicturesAreDescribedInTheirOrder) {
  std::vector<std::string> paths, expected;
  for (int i = 0; i < 12; ++i) paths.push_back(picture(64 + 32 * i, 96));
  for (const std::string& path : paths) expected.push_back(alone(path));
  DescribeOptions measured = options();
  measured.measure_memory = true;
  for (const DescribeOptions& each : {options(), measured}) {
    Describer task = describer(paths, each);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      EXPECT_EQ(task.next().answer.wait().text, expected[i]) << paths[i];
    }
  }
}

TEST_F(DescribeTaskTest, PicturesAreLoadedAheadUnlessTheirMemoryIsMeasured) {
  const std::vector<std::string> paths(4, picture(64, 64));
  const auto granted_after_the_first = [&](bool measured) {
    DescribeOptions each = options();
    each.measure_memory = measured;
    const std::uint64_t before = host_->memory_budget().counts().granted;
    Describer task = describer(paths, each);
    task.next().answer.wait();
    // Two a picture: its pixels and the work on it.
    for (int i = 0; i < 200 && !measured; ++i) {
      if (host_->memory_budget().counts().granted >= before + 8) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return host_->memory_budget().counts().granted - before;
  };
  EXPECT_GE(granted_after_the_first(false), 6u);
  EXPECT_EQ(granted_after_the_first(true), 2u);
}

TEST_F(DescribeTaskTest, APictureThatFailsLeavesTheOthers) {
  const std::string good = picture(64, 64);
  Describer task = describer({good, folder_ / "none.png", good}, options());
  const std::string answer = task.next().answer.wait().text;
  try {
    task.next();
    ADD_FAILURE() << "it was described";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("none.png"), std::string::npos) << error.what();
  }
  EXPECT_EQ(task.next().answer.wait().text, answer);
}

TEST_F(DescribeTaskTest, AStopEndsTheWait) {
  StopSource stop;
  Describer task = describer({picture(64, 64)}, options(), stop.get_token());
  task.next().answer.wait();
  stop.request_stop();
  EXPECT_THROW(task.next(), Error);
}

TEST_F(DescribeTaskTest, DestructorCancelsPicturesNotYetTaken) {
  DescribeOptions endless = options();
  endless.max_tokens = 1'000'000;
  endless.temperature = 5;
  { describer(std::vector<std::string>(12, picture(64, 64)), endless).next(); }
  for (int i = 0; i < 400; ++i) {
    if (host_->memory_budget().transient_bytes() == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ADD_FAILURE() << "memory is still reserved";
}

}  // namespace
}  // namespace oko::tasks
