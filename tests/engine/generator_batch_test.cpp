// Requests at once: fair, each answered as if alone, none blocked by another.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "base/error.h"
#include "budget/memory_probe.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "tensor/cpu/array_pool.h"
#include "tests/support/endless_request.h"
#include "tests/support/graph_device.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

GenerationRequest text_question(const std::string& text, int max_tokens) {
  GenerationRequest request;
  request.messages = {{text::Role::kUser, {text::Part::make_text(text)}}};
  request.max_tokens = max_tokens;
  return request;
}

GenerationRequest picture_question(int width, int height, int max_tokens) {
  GenerationRequest request = text_question("Что здесь?", max_tokens);
  request.messages[0].parts.insert(request.messages[0].parts.begin(), text::Part::make_image());
  image::Image image{width, height, {}};
  for (int i = 0; i < 3 * width * height; ++i) {
    image.rgb.push_back(static_cast<std::uint8_t>(std::int64_t{i} * i / 7));
  }
  request.images = {std::move(image)};
  return request;
}

const fs::path& model() {
  return RandomModels::get("qwen3-vl-small-4bit", 11);
}

/// A request that runs until it is cancelled.
GenerationRequest endless(GenerationRequest request = text_question("Tell me all.", 1)) {
  make_endless(request, model());
  return request;
}

std::vector<GenerationRequest> some_requests() {
  std::vector<GenerationRequest> requests{
      text_question("Hello", 9), picture_question(96, 64, 30), text_question("Что это?", 1),
      picture_question(64, 160, 12), text_question(std::string(300, '.'), 12)};
  requests[0].sampling = {.repetition_penalty = 1.1f, .temperature = 1.0f, .top_p = 0.9f};
  requests[1].kv_bits = 8;
  requests[3].sampling = {.temperature = 1.5f, .seed = 3};
  requests[4].prefill_chunk = 64;
  requests.push_back(requests[1]);
  requests.back().lookup = true;
  return requests;
}

template <typename Condition>
bool eventually(const Condition& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
  return condition();
}

class GeneratorBatchTest : public ::testing::TestWithParam<tensor::Device> {
 protected:
  GeneratorBatchTest() { tensor::select_device(GetParam()); }

  static bool on_graph() { return GetParam() != tensor::Device::kCpu; }

  GeneratorOptions options(std::size_t max_sequences = 8) const {
    return {.vision_language_model = model(), .max_sequences = max_sequences, .host = host_};
  }

  std::uint64_t bytes_at_work() const { return host_->memory_budget().transient_bytes(); }

  std::shared_ptr<ModelHost> host_ = std::make_shared<ModelHost>(HostOptions{.threads = 2});
};

TEST_P(GeneratorBatchTest, RequestsAtOnceAreAnsweredAsEachAlone) {
  Generator generator(options());
  std::vector<std::string> expected;
  for (const GenerationRequest& request : some_requests()) {
    expected.push_back(generator.generate(request).text);
  }
  for (int round = 0; round < (on_graph() ? 1 : 4); ++round) {
    std::vector<GenerationHandle> handles;
    for (GenerationRequest& request : some_requests()) {
      handles.push_back(generator.submit(std::move(request)));
    }
    for (std::size_t i = 0; i < handles.size(); ++i) {
      // With another order of sums a graph may choose another token of about the same probability.
      const std::string answer = handles[i].wait().text;
      if (on_graph()) {
        EXPECT_FALSE(answer.empty()) << i;
      } else {
        EXPECT_EQ(answer, expected[i]) << i;
      }
    }
  }
  EXPECT_EQ(bytes_at_work(), 0u);
}

TEST_P(GeneratorBatchTest, RequestsBeyondTheSequencesWaitTheirTurn) {
  Generator generator(options(2));
  std::vector<GenerationHandle> handles;
  for (int i = 0; i < 6; ++i) handles.push_back(generator.submit(text_question("Hello", 20 + i)));
  for (int i = 5; i >= 0; --i) {
    EXPECT_EQ(handles[static_cast<std::size_t>(i)].wait().stats.generated_tokens, 20 + i);
  }
}

TEST_P(GeneratorBatchTest, RefusesRequestsBeyondTheLimitUntilOneHasEnded) {
  GeneratorOptions two = options(1);
  two.max_requests = 2;
  Generator generator(two);
  GenerationHandle running = generator.submit(endless());
  GenerationHandle waiting = generator.submit(endless());
  try {
    generator.submit(text_question("Hello", 1));
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    EXPECT_STREQ(error.what(), "2 requests run or wait, which is the limit");
  }
  waiting.cancel();
  EXPECT_THROW(waiting.wait(), Error);
  GenerationHandle next = generator.submit(text_question("Hello", 1));
  running.cancel();
  EXPECT_FALSE(next.wait().text.empty());
}

TEST_P(GeneratorBatchTest, AShortRequestIsAnsweredWhileALongAnswerIsWritten) {
  Generator generator(options());
  GenerationHandle longest = generator.submit(endless());
  ASSERT_FALSE(longest.next()->is_finished);
  EXPECT_EQ(generator.generate(text_question("Hello", 3)).stats.generated_tokens, 3);
  const auto update = longest.next();
  EXPECT_FALSE(update->is_finished);
  EXPECT_FALSE(update->text.empty());
}

/// A shared pass reserves more than the workspace of one.
TEST_P(GeneratorBatchTest, PromptsThatWaitAreReadInOnePass) {
  Generator generator(options());
  const GenerationRequest question = text_question(std::string(60, '.'), 4);
  const std::string alone = generator.generate(question).text;
  const auto peak = [&] { return host_->memory_budget().counts().peak[budget::Tag::kPrefill]; };
  std::promise<void> is_busy, have_come;
  JoiningThread command([&] {
    host_->scheduler().run([&] {
      is_busy.set_value();
      have_come.get_future().wait();
    });
  });
  is_busy.get_future().wait();
  std::vector<GenerationHandle> handles;
  for (int i = 0; i < 3; ++i) handles.push_back(generator.submit(question));
  const std::uint64_t before = peak();
  have_come.set_value();
  for (GenerationHandle& handle : handles) EXPECT_EQ(handle.wait().text, alone);
  EXPECT_GT(peak(), before);
}

TEST_P(GeneratorBatchTest, AShortPromptIsReadBetweenTheChunksOfALongOne) {
  Generator generator(options());
  GenerationRequest long_prompt = text_question(std::string(600, '.'), 1);
  long_prompt.prefill_chunk = 16;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  GenerationHandle slow = generator.submit(std::move(long_prompt));
  const double later = std::chrono::duration<double>(Clock::now() - start).count();
  const GenerationResult quick = generator.generate(text_question("Hello", 1));
  const GenerationResult last = slow.wait();
  EXPECT_EQ(last.stats.generated_tokens, 1);
  EXPECT_LT(later + quick.stats.time_to_first_token_seconds,
            last.stats.time_to_first_token_seconds);
}

TEST_P(GeneratorBatchTest, AnEmbeddingWaitsForAStepNotForTheAnswer) {
  Generator generator(options());
  Embedder embedder({.model = RandomModels::get("bge-m3-small-8bit", 5), .host = host_});
  GenerationHandle longest = generator.submit(endless());
  ASSERT_FALSE(longest.next()->is_finished);
  EXPECT_EQ(embedder.embed({.texts = {"один", "two"}}).texts.size(), 2u);
  EXPECT_FALSE(longest.next()->is_finished);
}

/// Freed arrays are kept for the next steps. A request that ends leaves no more of them than the
/// others have reserved.
TEST_P(GeneratorBatchTest, MemoryOfAPictureIsKeptUntilItsRequestEnds) {
  if (on_graph()) GTEST_SKIP() << "MLX keeps what it frees";
  Generator generator(options());
  GenerationHandle longest = generator.submit(endless());
  ASSERT_FALSE(longest.next()->is_finished);
  const std::uint64_t reserved = bytes_at_work();
  const tensor::cpu::ArrayPool& pool = tensor::cpu::array_pool();
  GenerationHandle picture = generator.submit(endless(picture_question(1800, 1600, 1)));
  while (picture.next()->progress < 1) {
  }
  EXPECT_GT(pool.peak_bytes(), reserved);
  picture.cancel();
  EXPECT_TRUE(eventually([&] { return pool.peak_bytes() < reserved; }));
  EXPECT_FALSE(longest.next()->is_finished);
}

TEST_P(GeneratorBatchTest, AHandleThatIsDestroyedCancelsItsRequest) {
  Generator generator(options());
  {
    GenerationHandle longest = generator.submit(endless());
    ASSERT_FALSE(longest.next()->is_finished);
    EXPECT_GT(bytes_at_work(), 0u);
  }
  EXPECT_TRUE(eventually([&] { return bytes_at_work() == 0; }));
}

TEST_P(GeneratorBatchTest, ARequestThatWaitsForASequenceCanBeCancelled) {
  Generator generator(options(1));
  GenerationHandle longest = generator.submit(endless());
  ASSERT_FALSE(longest.next()->is_finished);
  const std::uint64_t before = bytes_at_work();
  GenerationHandle waiting = generator.submit(text_question("Hello", 3));
  EXPECT_GT(bytes_at_work(), before);
  waiting.cancel();
  try {
    waiting.wait();
    ADD_FAILURE() << "it was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(bytes_at_work(), before);
  EXPECT_FALSE(longest.next()->is_finished);
}

TEST_P(GeneratorBatchTest, SlowReaderBlocksNoOtherRequest) {
  Generator generator(options());
  GenerationHandle unread = generator.submit(text_question("Hello", 40));
  const std::string answer = generator.generate(text_question("Hello", 40)).text;
  std::string read;
  while (true) {
    const auto update = unread.next();
    read += update->text;
    if (update->is_finished) break;
  }
  EXPECT_EQ(read, unread.wait().text);
  if (!on_graph()) {
    EXPECT_EQ(read, answer);
  }
}

TEST_P(GeneratorBatchTest, AGeneratorThatIsDestroyedEndsItsRequests) {
  auto generator = std::make_unique<Generator>(options(1));
  GenerationHandle running = generator->submit(endless());
  GenerationHandle waiting = generator->submit(endless());
  ASSERT_FALSE(running.next()->is_finished);
  generator.reset();
  EXPECT_THROW(running.wait(), Error);
  EXPECT_THROW(waiting.wait(), Error);
  EXPECT_EQ(host_->memory_budget().held().total(), 0u);
}

TEST_P(GeneratorBatchTest, ReplacedFilesDoNotAffectRunningAnswers) {
  const fs::path folder = fs::temp_directory_path() / ("oko_batch_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  const fs::path& before = model();
  const fs::path& after = RandomModels::get("qwen3-vl-small-4bit", 12);
  const auto question = [] { return text_question("Hello", 30); };
  const std::string old_answer = Generator(options()).generate(question()).text;
  GeneratorOptions other = options();
  other.vision_language_model = after;
  const std::string new_answer = Generator(other).generate(question()).text;
  fs::copy(before, folder);
  GeneratorOptions replaced = options();
  replaced.vision_language_model = folder;
  {
    Generator generator(replaced);
    GenerationHandle first = generator.submit(endless());
    ASSERT_FALSE(first.next()->is_finished);
    std::vector<GenerationHandle> running;
    for (int i = 0; i < 3; ++i) running.push_back(generator.submit(question()));
    for (GenerationHandle& each : running) {
      while (each.next()->text.empty()) {
      }
    }
    fs::copy_file(after / "model.safetensors", folder / "new");
    fs::rename(folder / "new", folder / "model.safetensors");
    GenerationHandle late = generator.submit(question());
    for (GenerationHandle& each : running) EXPECT_EQ(each.wait().text, old_answer);
    first.cancel();
    EXPECT_EQ(late.wait().text, new_answer);
  }
  fs::remove_all(folder);
}

struct ScriptedProbe : budget::MemoryProbe {
  budget::MemoryStatus status() const override {
    budget::MemoryStatus status;
    status.pressure = pressure;
    return status;
  }
  std::atomic<budget::Pressure> pressure = budget::Pressure::kNormal;
};

TEST_P(GeneratorBatchTest, PressureEvictsThePrefixCacheAndLetsRequestsContinue) {
  const auto probe = std::make_shared<ScriptedProbe>();
  host_ =
      std::make_shared<ModelHost>(HostOptions{.threads = 2, .probe = probe, .watch_interval = 5ms});
  GeneratorOptions kept = options();
  kept.prefix_cache_bytes = 50'000'000;
  Generator generator(kept);
  generator.generate(text_question("Hello", 20));
  const auto cached = [&] { return host_->memory_budget().held()[budget::Tag::kPrefixCache]; };
  ASSERT_GT(cached(), 0u);
  std::vector<GenerationHandle> running;
  for (int i = 0; i < 4; ++i) running.push_back(generator.submit(endless()));
  for (GenerationHandle& each : running) ASSERT_FALSE(each.next()->is_finished);
  probe->pressure = budget::Pressure::kCritical;
  EXPECT_TRUE(eventually([&] { return cached() == 0; }));
  for (GenerationHandle& each : running) EXPECT_FALSE(each.next()->is_finished);
}

/// The next question of a conversation, or another one about the same picture.
TEST_P(GeneratorBatchTest, ReadsOnlyTheNewPartOfAPromptWithACachedPrefix) {
  Generator fresh(options());
  GeneratorOptions kept = options();
  kept.prefix_cache_bytes = 50'000'000;
  Generator generator(kept);
  GenerationRequest first = picture_question(160, 128, 12);
  const GenerationResult answer = generator.generate(first);
  EXPECT_EQ(answer.stats.cached_tokens, 0);
  GenerationRequest second = first;
  second.messages.push_back({text::Role::kAssistant, {text::Part::make_text(answer.text)}});
  second.messages.push_back({text::Role::kUser, {text::Part::make_text("А ещё?")}});
  GenerationRequest other_question = first;
  other_question.messages[0].parts[1].text = "Какого цвета?";
  for (const GenerationRequest& request : {second, other_question, first}) {
    const GenerationResult expected = fresh.generate(request);
    const GenerationResult result = generator.generate(request);
    EXPECT_EQ(result.text, expected.text);
    EXPECT_EQ(result.stats.cached_images, 1);
    EXPECT_GE(result.stats.cached_tokens, result.stats.image_tokens);
    EXPECT_LT(result.stats.cached_tokens, result.stats.prompt_tokens);
    EXPECT_EQ(expected.stats.cached_tokens, 0);
  }
  GenerationRequest other_picture = first;
  image::Image changed = *other_picture.images[0];
  changed.rgb[0] ^= 255;
  other_picture.images = {std::move(changed)};
  const GenerationResult expected = fresh.generate(other_picture);
  const GenerationResult result = generator.generate(other_picture);
  EXPECT_EQ(result.text, expected.text);
  EXPECT_LT(result.stats.cached_tokens, 16 + 4) << "tokens of another picture were used";
  GenerationRequest other_cache = first;
  other_cache.kv_bits = on_graph() ? 16 : 8;
  EXPECT_EQ(generator.generate(other_cache).stats.cached_tokens > 0, on_graph());
}

std::string device_of(const ::testing::TestParamInfo<tensor::Device>& info) {
  return info.param == tensor::Device::kCpu ? "Kernels" : "Graph";
}

INSTANTIATE_TEST_SUITE_P(Devices, GeneratorBatchTest,
                         ::testing::Values(tensor::Device::kCpu, graph_device()), device_of);

}  // namespace
}  // namespace oko::engine
