#include "tasks/embed_texts.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tests/support/random_models.h"

namespace oko::tasks {
namespace {

using Texts = std::vector<std::string>;

class EmbedTextsTest : public ::testing::Test {
 protected:
  /// Returns the batches one by one.
  static TextBatches batches(std::vector<Texts> batches) {
    return [batches = std::move(batches), next = std::size_t{0}]() mutable {
      return next < batches.size() ? std::optional(batches[next++]) : std::nullopt;
    };
  }

  std::vector<EmbeddedText> embed(std::vector<Texts> texts, const EmbedTextsOptions& options = {}) {
    std::vector<EmbeddedText> embedded;
    stats_ = embed_texts(embedder_, options, batches(std::move(texts)),
                         [&](const EmbeddedText& text) { embedded.push_back(text); }, {});
    return embedded;
  }

  engine::Embedder embedder_{{.model = RandomModels::get("bge-m3-small-8bit", 21)}};
  EmbedTextsStats stats_;
};

TEST_F(EmbedTextsTest, GivesTheTextsOfAllBatchesInOrder) {
  const std::vector<EmbeddedText> texts =
      embed({{"один", "two"}, {"a longer text", "", "пять"}}, {.measures_memory = true});
  ASSERT_EQ(texts.size(), 5u);
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i].index, i);
    tokens += texts[i].embedding.tokens;
  }
  const auto alone = embedder_.embed({.texts = {"a longer text"}}).texts.at(0).encoding.dense;
  EXPECT_EQ(texts[2].embedding.encoding.dense, alone);
  EXPECT_EQ(stats_.texts, 5u);
  EXPECT_EQ(stats_.total.tokens, tokens);
  EXPECT_GT(stats_.total.encode_seconds, 0);
  EXPECT_GT(stats_.total.peak_private_bytes, 0u);
}

TEST_F(EmbedTextsTest, RequestsTextsAfterTheEarlierOnesAreDone) {
  std::size_t asked = 0, seen = 0;
  const auto next = [&]() -> std::optional<Texts> {
    EXPECT_EQ(seen, 2 * asked);
    return asked++ < 3 ? std::optional(Texts{"one", "два"}) : std::nullopt;
  };
  embed_texts(embedder_, {}, next, [&](const EmbeddedText&) { ++seen; }, {});
  EXPECT_EQ(seen, 6u);
}

TEST_F(EmbedTextsTest, OptionsHoldForEveryBatch) {
  EmbedTextsOptions options;
  options.outputs = {.dense = false, .sparse = true};
  options.prompt = "query: ";
  options.max_tokens = 10;  // 2 special ones, 7 of the prompt, 1 of the text
  for (const EmbeddedText& text : embed({{"one two three"}, {"четыре пять шесть"}}, options)) {
    EXPECT_TRUE(text.embedding.encoding.dense.empty());
    EXPECT_FALSE(text.embedding.encoding.sparse.empty());
    EXPECT_EQ(text.embedding.tokens, 10u);
    EXPECT_GT(text.embedding.total_tokens, 11u);
  }
}

TEST_F(EmbedTextsTest, MarksTextThatIsNotPlainUtf8) {
  const Texts texts{"слово", "\xF1\xEB\xEE\xE2\xEE", std::string("w\0o\0", 4)};
  std::vector<bool> plain;
  for (const EmbeddedText& text : embed({texts})) plain.push_back(text.is_plain_utf8);
  EXPECT_EQ(plain, (std::vector<bool>{true, false, false}));
}

TEST_F(EmbedTextsTest, StopAndSinkEndTheWork) {
  StopSource stop;
  std::size_t seen = 0;
  const auto run = [&](const EmbeddingSink& sink, const StopToken& token) {
    embed_texts(embedder_, {}, batches({{"one"}, {"two"}, {"три"}}), sink, token);
  };
  const auto stops = [&](const EmbeddedText&) {
    ++seen;
    stop.request_stop();
  };
  EXPECT_THROW(run(stops, stop.get_token()), Error);
  EXPECT_EQ(seen, 1u);
  const auto refuses = [](const EmbeddedText&) { throw Error(ErrorCode::kFailed, "full"); };
  EXPECT_THROW(run(refuses, {}), Error);
}

}  // namespace
}  // namespace oko::tasks
