#include "engine/embedder.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>
#include <mlx/memory.h>

#include <cmath>
#include <cstdio>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "budget/process_memory.h"
#include "models/bge_m3/similarity.h"
#include "tests/support/kept_memory.h"
#include "tests/support/random_models.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"

namespace oko::engine {
namespace {

namespace bge = models::bge_m3;

constexpr std::uint64_t kGrowth = 3'000'000 + kKeptFreedBytes;

class EmbedderTest : public ScratchFolderTest {
 protected:
  static EmbedderOptions small() { return {.model = RandomModels::get("bge-m3-small-8bit", 21)}; }

  /// Texts of very different lengths, unsorted.
  static std::vector<std::string> mixed_texts(int count) {
    std::vector<std::string> texts;
    for (int i = 0; i < count; ++i) {
      std::string text;
      for (int word = 0; word < i * 37 % 101; ++word)
        text += "слово word " + std::to_string(i) + " ";
      texts.push_back(text);
    }
    return texts;
  }

  static std::string repeated(const std::string& word, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += word;
    return text;
  }
};

TEST_F(EmbedderTest, TheModelsOwnPromptAndLowerCaseAreUsed) {
  const std::filesystem::path model = folder_ / "model";
  std::filesystem::copy(small().model, model);
  const auto dense = [&](const EmbeddingRequest& request) {
    return Embedder({.model = model}).embed(request).texts.at(0).encoding.dense;
  };
  const auto plain = dense({.texts = {"query: один"}});
  EXPECT_NE(dense({.texts = {"Query: ОДИН"}}), plain);
  write_file_atomically(model / "config_sentence_transformers.json",
                        R"({"prompts":{"q":"Query: "},"default_prompt_name":"q"})");
  write_file_atomically(model / "sentence_bert_config.json", R"({"do_lower_case":true})");
  EXPECT_EQ(dense({.texts = {"ОДИН"}}), plain);
  EXPECT_EQ(dense({.texts = {"Один"}, .prompt = "QUERY: "}), plain);
  EXPECT_EQ(dense({.texts = {"query: один"}, .prompt = ""}), plain);
  Embedder embedder({.model = model});
  const auto tokens = embedder.tokenizer().encode("поиск: ", 100).total;
  EXPECT_LT(tokens, embedder.tokenizer().encode("ПОИСК: ", 100).total);
  const auto embed_within = [&](std::size_t limit) {
    embedder.embed({.texts = {"x"}, .prompt = "ПОИСК: ", .max_tokens = static_cast<int>(limit)});
  };
  EXPECT_NO_THROW(embed_within(tokens + 1));
  EXPECT_EQ(message_of([&] { embed_within(tokens); }, ErrorCode::kUsage),
            "the prefix leaves no room for the text: its tokens are " + std::to_string(tokens - 2) +
                ", the limit is " + std::to_string(tokens) + " with 2 special ones");
}

TEST_F(EmbedderTest, APromptThatPoolingLeavesOutIsRefusedByName) {
  const std::filesystem::path model = folder_ / "model";
  std::filesystem::copy(small().model, model);
  std::filesystem::create_directory(model / "1_Pooling");
  write_file_atomically(model / "1_Pooling/config.json",
                        R"({"pooling_mode":"mean","include_prompt":false})");
  Embedder embedder({.model = model});
  EXPECT_EQ(embedder.embed({.texts = {"text"}}).texts.size(), 1u);
  const std::string message = message_of(
      [&] { embedder.embed({.texts = {"text"}, .prompt = "query: "}); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("include_prompt"), std::string::npos) << message;
}

TEST_F(EmbedderTest, ManyTextsKeepTheirOrderAndTheirVectors) {
  Embedder embedder(small());
  const std::vector<std::string> texts = mixed_texts(60);
  const EmbeddingResult together = embedder.embed({.texts = texts, .outputs = {true, true, true}});
  ASSERT_EQ(together.texts.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); i += 7) {
    const TextEmbedding alone =
        embedder.embed({.texts = {texts[i]}, .outputs = {true, true, true}}).texts.at(0);
    const TextEmbedding& among = together.texts[i];
    EXPECT_EQ(alone.tokens, among.tokens);
    for (std::size_t j = 0; j < alone.encoding.dense.size(); ++j) {
      ASSERT_NEAR(alone.encoding.dense[j], among.encoding.dense[j], 1e-5) << i;
    }
    ASSERT_EQ(alone.encoding.sparse.size(), among.encoding.sparse.size());
    for (std::size_t j = 0; j < alone.encoding.sparse.size(); ++j) {
      EXPECT_EQ(alone.encoding.sparse[j].first, among.encoding.sparse[j].first);
      EXPECT_NEAR(alone.encoding.sparse[j].second, among.encoding.sparse[j].second, 1e-5);
    }
  }
}

TEST_F(EmbedderTest, NothingGrowsOverAThousandCalls) {
  Embedder embedder(small());
  const std::vector<std::string> texts{"short", "a somewhat longer текст", "", "three words here"};
  std::uint64_t early = 0;
  for (int i = 0; i < repetitions(1000, 200); ++i) {
    embedder.embed({.texts = {texts.begin(), texts.begin() + 1 + i % 4}});
    if (i == 100) early = budget::private_bytes();
  }
  EXPECT_LT(budget::private_bytes(), early + kGrowth);
}

TEST_F(EmbedderTest, AHugeTextStaysSmallInMemory) {
  // Memory does not depend on the number of layers.
  Embedder embedder({.model = RandomModels::get("bge-m3-2layer", 4)});
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "freed memory stays with the process";
  embedder.embed({.texts = {"warm up"}});
  const auto result = embedder.embed({.texts = {repeated("па ", 9000)}, .measure_memory = true});
  EXPECT_EQ(result.texts.at(0).tokens, 8192u);
  std::printf("8192 tokens: %.0f MB\n", static_cast<double>(result.stats.memory) / 1e6);
  EXPECT_GT(result.stats.memory, 8192u * 1024 * sizeof(float)) << "the hidden states";
  EXPECT_LT(result.stats.memory, 300'000'000u);
}

TEST_F(EmbedderTest, AStopEndsAPassOfOneText) {
  Embedder embedder({.model = RandomModels::get("bge-m3-2layer", 4)});
  const EmbeddingRequest request{.texts = {repeated("па ", 9000)}};
  embedder.embed({.texts = {"warm up"}});
  const auto arrays = mlx::core::get_active_memory();
  StopSource stop, done;
  const JoiningThread watcher([&] {
    const auto begun = [&] { return mlx::core::get_active_memory() > arrays + 20'000'000; };
    while (!begun() && !done.stop_requested()) std::this_thread::yield();
    stop.request_stop();
  });
  message_of([&] { embedder.embed(request, stop.get_token()); }, ErrorCode::kCancelled);
  done.request_stop();
  EXPECT_EQ(embedder.embed({.texts = {"text"}}).texts.size(), 1u);
}

TEST_F(EmbedderTest, ManyThreadsMayAsk) {
  Embedder embedder(small());
  const std::vector<float> expected =
      embedder.embed({.texts = {"один two"}}).texts[0].encoding.dense;
  std::vector<JoiningThread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < 5; ++call) {
        EXPECT_EQ(embedder.embed({.texts = {"один two"}}).texts[0].encoding.dense, expected);
      }
    });
  }
}

TEST_F(EmbedderTest, NoTextsHaveNoVectors) {
  EXPECT_TRUE(Embedder(small()).embed({}).texts.empty());
}

TEST_F(EmbedderTest, AModelWithoutItsFilesIsAnError) {
  message_of([&] { Embedder embedder({.model = folder_}); }, ErrorCode::kBadModel);
}

}  // namespace
}  // namespace oko::engine
