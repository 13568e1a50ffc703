#include "tasks/conversation.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "budget/process_memory.h"
#include "ocr/memory_estimate.h"
#include "tests/support/kept_memory.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tesseract.h"
#include "tests/support/white_bitmap.h"

namespace oko::tasks {
namespace {

using namespace std::chrono_literals;

class ConversationTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    picture_ = folder_ / "picture.bmp";
    write_file_atomically(picture_, std::string_view(white_bitmap(160, 96)));
  }

  static ConversationOptions options() {
    ConversationOptions options;
    options.read_text = ReadText::kNever;
    options.max_tokens = 6;
    return options;
  }

  /// Options for answers that run until they are stopped.
  static ConversationOptions endless() {
    ConversationOptions endless = options();
    endless.max_tokens = 1'000'000;
    endless.temperature = 5.0f;  // no loop
    return endless;
  }

  static bool is_reading(const engine::ModelHost& host) {
    return host.memory_budget().held()[budget::Tag::kOcr] > 0;
  }

  /// Adds a picture, and stops while its text is read.
  static void stop_reading(Conversation& conversation, const engine::ModelHost& host,
                           const std::string& picture) {
    conversation.set_read_text(ReadText::kAlways);
    const StopSource source;
    const JoiningThread stopper([&](const StopToken& ended) {
      while (!ended.stop_requested() && !is_reading(host)) std::this_thread::yield();
      std::this_thread::sleep_for(100ms);  // Tesseract looks for lines, and for no stop
      source.request_stop();
    });
    message_of([&] { conversation.add_picture(picture, "picture", source.get_token()); },
               ErrorCode::kCancelled);
  }

  /// Grains as large as letters, which keep Tesseract busy for a second.
  std::string noise_picture(int side) const {
    constexpr std::size_t kHeader = 62;
    std::string bitmap = white_bitmap(side, side);
    std::minstd_rand random(1);
    for (std::size_t i = kHeader; i < bitmap.size(); ++i) {
      bitmap[i] = static_cast<char>(random() >> 8);
    }
    const std::string path = folder_ / "noise.bmp";
    write_file_atomically(path, std::string_view(bitmap));
    return path;
  }

  static engine::GenerationStats stats_of(const Answer& answer) {
    return answer.result.value().stats;
  }

  /// Bytes held by pictures, among others, but not by caches.
  std::uint64_t held() const { return host_->memory_budget().held()[budget::Tag::kRuntime]; }

  std::string picture_;
  std::shared_ptr<engine::ModelHost> host_ =
      std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
  engine::Generator generator_{
      {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
       .image_cache_bytes = 1 << 20,
       .prefix_cache_bytes = 16 << 20,
       .host = host_}};
  Conversation conversation_{*host_, generator_, options()};
};

TEST_F(ConversationTest, AQuestionIsAskedWithTheTurnsBeforeIt) {
  const Answer first = conversation_.ask("What is this?", {}, {});
  const Answer second = conversation_.ask("And now?", {}, {});
  engine::GenerationRequest request;
  request.max_tokens = options().max_tokens;
  request.sampling.repetition_penalty = generator_.generation_config().repetition_penalty;
  const auto message = [](text::Role role, const std::string& text) {
    return text::Message{role, {text::Part::make_text(text)}};
  };
  request.messages = {message(text::Role::kUser, "What is this?"),
                      message(text::Role::kAssistant, first.text),
                      message(text::Role::kUser, "And now?")};
  const engine::GenerationResult expected = generator_.generate(std::move(request));
  EXPECT_EQ(second.text, expected.text);
  EXPECT_EQ(stats_of(second).prompt_tokens, expected.stats.prompt_tokens);
  EXPECT_EQ(conversation_.turns(), 2u);
}

TEST_F(ConversationTest, SecondQuestionNeitherEncodesNorRecognizesAgain) {
  const AddedPicture added = conversation_.add_picture(picture_, "picture", {});
  EXPECT_EQ(added.width, 160);
  const Answer first = conversation_.ask("What is this?", {}, {});
  EXPECT_EQ(first.pictures, std::vector<std::string>{"picture"});
  EXPECT_EQ(stats_of(first).cached_tokens, 0);
  const Answer second = conversation_.ask("And what else?", {}, {});
  EXPECT_TRUE(second.pictures.empty());
  EXPECT_EQ(stats_of(second).image_tokens, stats_of(first).image_tokens);
  EXPECT_GE(stats_of(second).cached_tokens, stats_of(first).prompt_tokens);
  EXPECT_EQ(stats_of(second).cached_images, 1);
}

TEST_F(ConversationTest, APictureThatIsAddedLaterIsSeenInItsTurn) {
  const Answer first = conversation_.ask("Hello", {}, {});
  EXPECT_EQ(stats_of(first).image_tokens, 0);
  conversation_.add_picture(picture_, "picture", {});
  EXPECT_EQ(conversation_.waiting_pictures(), 1u);
  const int with_one = stats_of(conversation_.ask("Look", {}, {})).image_tokens;
  EXPECT_GT(with_one, 0);
  EXPECT_EQ(conversation_.waiting_pictures(), 0u);
  conversation_.add_picture(picture_, "again", {});
  EXPECT_EQ(stats_of(conversation_.ask("And at this", {}, {})).image_tokens, 2 * with_one);
}

TEST_F(ConversationTest, QuestionsShareThePixelsOfTheirPictures) {
  constexpr std::uint64_t kPixelBytes = 2000 * 2000 * 3;
  ConversationOptions small = options();
  small.max_pixels = 64 * 1024;
  Conversation conversation(*host_, generator_, small);
  write_file_atomically(picture_, std::string_view(white_bitmap(2000, 2000)));
  conversation.ask("Hello", {}, {});
  conversation.add_picture(picture_, "picture", {});
  const std::uint64_t before = budget::private_bytes();
  for (int i = 0; i < 2; ++i) {
    const engine::GenerationStats stats = stats_of(conversation.ask("What is this?", {}, {}));
    EXPECT_LT(stats.predicted_memory.peak(), kPixelBytes);
    if (kKeptFreedBytes > 0) continue;
    EXPECT_LT(stats.peak_private_bytes, before + kPixelBytes);
    EXPECT_LT(stats.memory.peak(), kPixelBytes);
  }
}

TEST_F(ConversationTest, KeepsTheShownPartOfAStoppedAnswer) {
  Conversation conversation(*host_, generator_, endless());
  std::string shown;
  const StopSource source;
  const Answer answer = conversation.ask(
      "Tell me all.",
      [&](std::string_view piece) {
        shown += piece;
        source.request_stop();
      },
      source.get_token());
  EXPECT_FALSE(answer.result.has_value());
  EXPECT_FALSE(answer.text.empty());
  EXPECT_EQ(answer.text, shown);
  EXPECT_EQ(conversation.turns(), 1u);
  const StopSource again;
  conversation.ask(
      "Go on.", [&](std::string_view) { again.request_stop(); }, again.get_token());
  EXPECT_EQ(conversation.turns(), 2u);
}

TEST_F(ConversationTest, ContinuesFromTheStateOfAStoppedAnswer) {
  Conversation conversation(*host_, generator_, endless());
  conversation.add_picture(picture_, "picture", {});
  const StopSource source;
  conversation.ask(
      "Tell me all of it.", [&](std::string_view) { source.request_stop(); }, source.get_token());
  ASSERT_EQ(conversation.turns(), 1u);
  conversation_.add_picture(picture_, "picture", {});
  const engine::GenerationStats stats = stats_of(conversation_.ask("Tell me all of it.", {}, {}));
  EXPECT_EQ(stats.cached_tokens, stats.prompt_tokens - 1);
}

TEST_F(ConversationTest, AQuestionThatIsStoppedBeforeItsAnswerLeavesItsPicture) {
  conversation_.add_picture(picture_, "picture", {});
  const StopSource source;
  source.request_stop();
  const Answer answer = conversation_.ask("What is this?", {}, source.get_token());
  EXPECT_FALSE(answer.result.has_value());
  EXPECT_EQ(answer.text, "");
  EXPECT_EQ(conversation_.turns(), 0u);
  EXPECT_EQ(conversation_.waiting_pictures(), 1u);
  EXPECT_GT(stats_of(conversation_.ask("What is this?", {}, {})).image_tokens, 0);
}

TEST_F(ConversationTest, ATurnThatFailsIsNoPartOfTheConversation) {
  const Answer first = conversation_.ask("Hello", {}, {});
  conversation_.add_picture(picture_, "picture", {});
  const std::string endless_question(100'000, '.');
  const std::string message =
      message_of([&] { conversation_.ask(endless_question, {}, {}); }, ErrorCode::kTooLarge);
  EXPECT_NE(message.find("tokens"), std::string::npos) << message;
  EXPECT_EQ(conversation_.turns(), 1u);
  EXPECT_EQ(conversation_.waiting_pictures(), 0u);
  EXPECT_EQ(stats_of(conversation_.ask("Go on", {}, {})).image_tokens, 0);
}

TEST_F(ConversationTest, AnErrorOfTheSinkEndsTheAnswer) {
  Conversation conversation(*host_, generator_, endless());
  const auto broken = [](std::string_view) { throw Error(ErrorCode::kFailed, "no paper"); };
  EXPECT_EQ(message_of([&] { conversation.ask("Hello", broken, {}); }, ErrorCode::kFailed),
            "no paper");
  EXPECT_EQ(conversation.turns(), 0u);
}

TEST_F(ConversationTest, AStopDoesNotWaitForTheReadingOfAPicture) {
  OKO_NEEDS_TESSERACT();
  const std::uint64_t before = held();
  stop_reading(conversation_, *host_, noise_picture(500));
  EXPECT_TRUE(conversation_.is_reading());
  EXPECT_TRUE(is_reading(*host_)) << "its memory stays reserved";
  EXPECT_EQ(held(), before + ocr::kEngineBytes);
  EXPECT_EQ(stats_of(conversation_.ask("Hello", {}, {})).image_tokens, 0);
  conversation_.add_picture(picture_, "picture", {});  // after the end of the reading
  EXPECT_FALSE(conversation_.is_reading());
  EXPECT_FALSE(is_reading(*host_));
  conversation_.set_read_text(ReadText::kNever);
  conversation_.clear();
  EXPECT_EQ(held(), before);
}

TEST_F(ConversationTest, AQuestionWaitsForTheMemoryOfAStoppedReading) {
  OKO_NEEDS_TESSERACT();
  const auto host = std::make_shared<engine::ModelHost>(
      engine::HostOptions{.budget_bytes = 1'000'000'000, .threads = 1});
  engine::Generator generator(
      {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
       .image_cache_bytes = 0,
       .prefix_cache_bytes = 0,
       .host = host});
  Conversation conversation(*host, generator, options());
  const std::string question(3500, '.');  // needs more than the rest of the reading
  conversation.ask(question, {}, {});
  conversation.clear();
  stop_reading(conversation, *host, noise_picture(300));
  const engine::FixedReservation others(
      *host, host->budget_bytes() - host->memory_budget().held().total(), "");
  ASSERT_TRUE(conversation.is_reading());
  EXPECT_GT(stats_of(conversation.ask(question, {}, {})).prompt_tokens, 3500);
  EXPECT_FALSE(conversation.is_reading());
}

TEST_F(ConversationTest, ClearReleasesMemory) {
  const int alone = stats_of(conversation_.ask("Hello", {}, {})).prompt_tokens;
  conversation_.clear();
  const std::uint64_t before = held();
  conversation_.add_picture(picture_, "picture", {});
  EXPECT_EQ(held(), before + 160 * 96 * 3);
  conversation_.ask("What is this?", {}, {});
  conversation_.clear();
  EXPECT_EQ(conversation_.turns(), 0u);
  EXPECT_EQ(stats_of(conversation_.ask("Hello", {}, {})).prompt_tokens, alone);
  conversation_.clear();
  EXPECT_EQ(held(), before);
}

}  // namespace
}  // namespace oko::tasks
