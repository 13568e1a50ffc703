#include "engine/generator.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>

#include "base/error.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "tests/support/endless_request.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

image::Image gradient(int width, int height, int shade) {
  image::Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int channel : {x + shade, y, x * y + shade}) {
        image.rgb.push_back(static_cast<std::uint8_t>(channel));
      }
    }
  }
  return image;
}

GenerationRequest question(const std::vector<image::Image>& images, int max_tokens) {
  GenerationRequest request;
  request.messages = {{text::Role::kUser, {}}};
  for (std::size_t i = 0; i < images.size(); ++i) {
    request.messages[0].parts.push_back(text::Part::make_image());
  }
  request.messages[0].parts.push_back(text::Part::make_text("Что здесь? What is here?"));
  request.images.assign(images.begin(), images.end());
  request.max_tokens = max_tokens;
  request.measure_memory = true;
  return request;
}

GeneratorOptions small_model() {
  return {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11)};
}

TEST(GeneratorTest, StreamedPiecesAreTheAnswerAndStatsCountIt) {
  Generator engine(small_model());
  std::string streamed;
  const auto result = engine.generate(question({gradient(96, 64, 0)}, 12),
                                      [&](std::string_view piece) { streamed += piece; });
  EXPECT_EQ(streamed, result.text);
  EXPECT_FALSE(result.text.empty());
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
  EXPECT_EQ(result.stats.generated_tokens, 12);
  EXPECT_EQ(result.stats.image_tokens, 6);
  EXPECT_GT(result.stats.prompt_tokens, 6 + 10);
  EXPECT_GT(result.stats.vision_seconds, 0);
  EXPECT_GT(result.stats.peak_private_bytes, 1'000'000u);
}

TEST(GeneratorTest, LookupGivesTheSameAnswerWithFewerPasses) {
  Generator engine(small_model());
  int accepted = 0;
  for (const int shade : {0, 3, 7, 11}) {
    for (const float temperature : {0.0f, 1.0f}) {
      GenerationRequest request = question({gradient(96, 64, shade)}, 60);
      request.sampling.temperature = temperature;
      request.sampling.seed = 5;
      const auto plain = engine.generate(request);
      EXPECT_EQ(plain.stats.drafted_tokens, 0);
      request.lookup = true;
      const auto guessed = engine.generate(request);
      EXPECT_EQ(guessed.text, plain.text) << shade << ", " << temperature;
      EXPECT_EQ(guessed.stats.generated_tokens, plain.stats.generated_tokens);
      EXPECT_LE(guessed.stats.accepted_draft_tokens, guessed.stats.drafted_tokens);
      accepted += guessed.stats.accepted_draft_tokens;
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(GeneratorTest, AcceptsEveryKvPrecisionAndRefusesOthers) {
  Generator engine(small_model());
  GenerationRequest request = question({gradient(96, 64, 0)}, 8);
  std::uint64_t before = 0;
  for (const int bits : {8, 16, 32}) {
    request.kv_bits = bits;
    const auto result = engine.generate(request);
    EXPECT_EQ(result.stats.generated_tokens, 8);
    EXPECT_GT(result.stats.memory.kv, before);
    before = result.stats.memory.kv;
  }
  request.kv_bits = 4;
  try {
    engine.generate(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
  }
}

TEST(GeneratorTest, CachedPictureGivesTheSameAnswer) {
  Generator engine(small_model());
  const auto request = question({gradient(128, 96, 3)}, 16);
  const auto first = engine.generate(request);
  const auto second = engine.generate(request);
  EXPECT_EQ(first.stats.cached_images, 0);
  EXPECT_EQ(second.stats.cached_images, 1);
  EXPECT_EQ(first.text, second.text);
}

/// Random weights may answer two prompts alike by chance, so several pairs are tried.
TEST(GeneratorTest, AnswerDependsOnOrderOfPictures) {
  Generator engine(small_model());
  int different = 0;
  for (const int shade : {0, 40, 90}) {
    const auto a = gradient(96, 64, shade);
    const auto b = gradient(64, 96, shade + 120);
    const auto ab = engine.generate(question({a, b}, 8)).text;
    different += engine.generate(question({b, a}, 8)).text == ab ? 0 : 1;
    EXPECT_EQ(engine.generate(question({a, b}, 8)).text, ab);
  }
  EXPECT_GT(different, 0);
}

TEST(GeneratorTest, ATextWithoutPicturesIsAnswered) {
  Generator engine(small_model());
  const auto result = engine.generate(question({}, 5));
  EXPECT_EQ(result.stats.generated_tokens, 5);
  EXPECT_EQ(result.stats.image_tokens, 0);
}

TEST(GeneratorTest, SeedDecidesTheAnswer) {
  Generator engine(small_model());
  auto request = question({gradient(96, 64, 9)}, 24);
  request.sampling.temperature = 1.5f;
  request.sampling.seed = 1;
  const auto one = engine.generate(request).text;
  EXPECT_EQ(engine.generate(request).text, one);
  int different = 0;
  for (request.sampling.seed = 2; request.sampling.seed < 5; ++request.sampling.seed) {
    different += engine.generate(request).text == one ? 0 : 1;
  }
  EXPECT_GT(different, 0);
}

TEST(GeneratorTest, MaxPixelsShrinksThePicture) {
  Generator engine(small_model());
  auto request = question({gradient(320, 320, 0)}, 2);
  EXPECT_EQ(engine.generate(request).stats.image_tokens, 100);
  request.max_pixels = 64 * 64;
  EXPECT_EQ(engine.generate(request).stats.image_tokens, 4);
}

TEST(GeneratorTest, RejectsModelReplacedOnDisk) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::temp_directory_path() / ("oko_replaced_" + std::to_string(::getpid()));
  fs::copy(RandomModels::get("qwen3-vl-small-4bit", 11), folder);
  const fs::path weights = folder / "model.safetensors";
  Generator engine({.vision_language_model = folder});
  const auto request = question({gradient(96, 64, 0)}, 3);
  const std::string answer = engine.generate(request).text;
  const auto replace_by = [&](const fs::path& model) {
    fs::copy_file(model / "model.safetensors", folder / "new");
    fs::rename(folder / "new", weights);
  };
  replace_by(RandomModels::get("qwen3-vl-small-f32", 11));
  try {
    engine.generate(request);
    ADD_FAILURE() << "it was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    EXPECT_NE(std::string(error.what()).find("another model"), std::string::npos) << error.what();
  }
  replace_by(RandomModels::get("qwen3-vl-small-4bit", 11));
  EXPECT_EQ(engine.generate(request).text, answer) << "it is back";
  fs::remove_all(folder);
}

TEST(GeneratorTest, APictureIsShrunkOnceOnly) {
  Generator engine(small_model());
  auto request = question({gradient(640, 360, 0)}, 1);
  request.max_pixels = 100'000;
  // 416 x 224, as from the reference processor; shrunk again it would be 384 x 224.
  EXPECT_EQ(engine.generate(request).stats.image_tokens, 13 * 7);
}

TEST(GeneratorTest, AnswerEndsAtTheContextLimit) {
  Generator engine(small_model());
  auto request = question({}, 1);
  make_endless(request, small_model().vision_language_model);
  request.max_tokens = std::numeric_limits<int>::max();
  request.messages[0].parts[0].text = std::string(4000, '.');
  const GenerationResult result = engine.generate(request);
  const auto config = models::qwen3_vl::Config::load(small_model().vision_language_model);
  EXPECT_EQ(result.stats.predicted_memory.kv,
            models::qwen3_vl::kv_bytes(config.text, 4096, 4096, tensor::cpu::KvType::kFloat16));
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
  EXPECT_EQ(result.stats.prompt_tokens + result.stats.generated_tokens, 4096);
  request.messages[0].parts[0].text = std::string(20'000, '.');
  try {
    engine.generate(request);
    FAIL() << "it was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
    EXPECT_NE(std::string(error.what()).find("4096"), std::string::npos) << error.what();
  }
}

TEST(GeneratorTest, TextRoomIsBoundedByPositions) {
  Generator engine(small_model());
  auto request = question({}, 4);
  const int prompt = engine.generate(request).stats.prompt_tokens;
  const TextRoom room = engine.text_room(request);
  EXPECT_EQ(room.tokens, static_cast<std::size_t>(4096 - prompt - 4));
  EXPECT_FALSE(room.is_short_of_memory);
  request.max_tokens = 1'000'000;
  EXPECT_EQ(engine.text_room(request).tokens, static_cast<std::size_t>((4096 - prompt + 1) / 2));
  request.messages[0].parts[0].text = std::string(20'000, '.');
  EXPECT_EQ(engine.text_room(request).tokens, 0u);
}

TEST(GeneratorTest, TextRoomIsBoundedByTheBudgetButPrecedesPrecision) {
  auto request = question({}, 4);
  request.prefill_chunk = kSmallChunk;
  const auto with_text = [&](std::size_t tokens, int kv_bits) {
    auto longer = request;
    longer.kv_bits = kv_bits;
    longer.messages[0].parts[0].text += std::string(tokens, '.');
    return longer;
  };
  Generator free(small_model());
  const int prompt = free.generate(request).stats.prompt_tokens;
  const auto limited = [&](const GenerationRequest& longest, auto check) {
    const GenerationStats stats = free.generate(longest).stats;
    GeneratorOptions options = small_model();
    options.host = std::make_shared<ModelHost>(
        HostOptions{.budget_bytes = stats.weight_bytes + stats.predicted_memory.peak()});
    const TextRoom room = Generator(options).text_room(request);
    EXPECT_TRUE(room.is_short_of_memory);
    check(room.tokens, static_cast<std::size_t>(stats.prompt_tokens - prompt));
  };
  limited(with_text(2500, 16), [](std::size_t room, std::size_t text) {
    EXPECT_GT(text, std::size_t{kLeastText});
    EXPECT_GE(room, text);
    EXPECT_LT(room, text + 300);
  });
  limited(with_text(300, 8), [](std::size_t room, std::size_t text) {
    EXPECT_LT(text, std::size_t{kLeastText});
    EXPECT_GE(room, text);
  });
}

TEST(GeneratorTest, AStopEndsTheAnswerSoonAndTheNextRequestWorks) {
  Generator engine(small_model());
  StopSource stop;
  std::atomic<int> pieces{0};
  auto endless = question({gradient(96, 64, 0)}, 1);
  make_endless(endless, small_model().vision_language_model);
  try {
    engine.generate(
        endless,
        [&](std::string_view) {
          if (++pieces == 3) stop.request_stop();
        },
        stop.get_token());
    FAIL() << "was not stopped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_LE(pieces, 5);
  EXPECT_EQ(engine.generate(question({}, 3)).stats.generated_tokens, 3);
}

TEST(GeneratorTest, ASinkThatThrowsEndsItsOwnRequestOnly) {
  Generator engine(small_model());
  EXPECT_THROW(engine.generate(question({}, 5),
                               [](std::string_view) -> void {
                                 throw Error(ErrorCode::kFailed, "the reader is gone");
                               }),
               Error);
  EXPECT_EQ(engine.generate(question({}, 3)).stats.generated_tokens, 3);
}

TEST(GeneratorTest, CallersOnSeveralThreadsGetTheirOwnAnswers) {
  Generator engine(small_model());
  const auto expect = [&](int shade) {
    return engine.generate(question({gradient(96, 64, shade)}, 8)).text;
  };
  const std::vector<std::string> expected{expect(0), expect(50), expect(100)};
  std::vector<JoiningThread> callers;
  std::atomic<int> wrong{0};
  callers.reserve(3);
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 4; ++round) {
        if (expect(caller * 50) != expected[static_cast<std::size_t>(caller)]) ++wrong;
      }
    });
  }
  callers.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(GeneratorTest, PicturesThatDoNotFitTheMessagesAreRefused) {
  Generator engine(small_model());
  auto request = question({gradient(96, 64, 0)}, 2);
  request.images.push_back(gradient(64, 64, 0));
  EXPECT_THROW(engine.generate(request), Error);
  request.images.clear();
  EXPECT_THROW(engine.generate(request), Error);
}

}  // namespace
}  // namespace oko::engine
