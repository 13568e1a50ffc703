#include "engine/thinking_form.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/answer_stream.h"
#include "engine/answer_writer.h"
#include "text/tokenizer.h"

namespace oko::engine {
namespace {

constexpr std::int32_t kThink = 1, kEndThink = 2, kEnd = 3, kCall = 4, kGap = 5, kAnswer = 6;

/// Allows one token, and notes what it is told.
class OneToken : public AnswerForm {
 public:
  explicit OneToken(std::vector<std::int32_t>& seen) : seen_(seen) {}
  std::unique_ptr<LogitsProcessor> begin() const override { return std::make_unique<Mask>(seen_); }

 private:
  class Mask : public LogitsProcessor {
   public:
    explicit Mask(std::vector<std::int32_t>& seen) : seen_(seen) {}
    void apply(std::span<float> logits) override {
      for (std::size_t id = 0; id < logits.size(); ++id) {
        if (id != kAnswer) logits[id] = -INFINITY;
      }
    }
    void observe(std::int32_t id) override { seen_.push_back(id); }

   private:
    std::vector<std::int32_t>& seen_;
  };
  std::vector<std::int32_t>& seen_;
};

class ThinkingFormTest : public ::testing::Test {
 protected:
  std::unique_ptr<LogitsProcessor> begin(bool are_open) {
    return ThinkingForm({.answer = std::make_shared<OneToken>(seen_),
                         .tokens = {kThink, kEndThink, are_open},
                         .excluded = {kEnd, kCall},
                         .gap = {kGap, kGap}})
        .begin();
  }
  static std::vector<std::int32_t> allowed(LogitsProcessor& processor) {
    std::vector<float> logits(8, 1.0f);
    processor.apply(logits);
    std::vector<std::int32_t> ids;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      if (!std::isinf(logits[id])) ids.push_back(static_cast<std::int32_t>(id));
    }
    return ids;
  }

  using Ids = std::vector<std::int32_t>;
  Ids seen_;
};

TEST_F(ThinkingFormTest, TheAnswersFormBeginsBehindTheThoughtsAndTheirEmptyLine) {
  const auto processor = begin(/*are_open=*/true);
  for (const std::int32_t id : {0, kAnswer, 7, kEndThink}) {
    EXPECT_EQ(allowed(*processor), (Ids{0, kEndThink, kGap, kAnswer, 7}));
    processor->observe(id);
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(allowed(*processor), Ids{kGap});
    processor->observe(kGap);
  }
  EXPECT_EQ(seen_, Ids());
  EXPECT_EQ(allowed(*processor), Ids{kAnswer});
  processor->observe(kAnswer);
  EXPECT_EQ(seen_, Ids{kAnswer});
}

TEST_F(ThinkingFormTest, AModelThatMayThinkAnswersAtOnceOrThinksFirst) {
  const auto answers = begin(/*are_open=*/false);
  EXPECT_EQ(allowed(*answers), (Ids{kThink, kAnswer}));
  answers->observe(kAnswer);
  EXPECT_EQ(seen_, Ids{kAnswer});
  EXPECT_EQ(allowed(*answers), Ids{kAnswer});
  const auto thinks = begin(/*are_open=*/false);
  thinks->observe(kThink);
  EXPECT_EQ(allowed(*thinks), (Ids{0, kEndThink, kGap, kAnswer, 7}));
  EXPECT_EQ(seen_, Ids{kAnswer});
}

TEST_F(ThinkingFormTest, ThoughtsThatLoopEnd) {
  const auto processor = begin(/*are_open=*/true);
  int tokens = 0;
  for (; tokens < 100 && allowed(*processor).size() > 1; ++tokens) {
    processor->observe(tokens % 2 == 0 ? 0 : 7);
  }
  EXPECT_LT(tokens, 60);
  EXPECT_EQ(allowed(*processor), Ids{kEndThink});
  processor->observe(kEndThink);
  EXPECT_EQ(allowed(*processor), Ids{kGap});
}

class AnswerWriterTest : public ::testing::Test {
 protected:
  AnswerWriterTest()
      : tokenizer_(
            text::Tokenizer::load(std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl")),
        end_(*tokenizer_.special_token("<|im_end|>")) {
    request_.stop = {"STOP"};
  }

  AnswerWriter writer(bool are_open, int max_tokens = 1000) {
    const ThoughtTokens tokens{*tokenizer_.special_token("<think>"),
                               *tokenizer_.special_token("</think>"), are_open};
    return {tokenizer_, std::span(&end_, 1), tokens, request_, max_tokens, stream_};
  }
  /// Returns false if the answer ends before its last token.
  bool push(AnswerWriter& writer, const std::string& text) {
    bool goes_on = true;
    for (const std::int32_t id : tokenizer_.encode_with_special(text)) {
      goes_on = goes_on && writer.push(id);
    }
    writer.finish();
    return goes_on;
  }

  text::Tokenizer tokenizer_;
  std::int32_t end_;
  GenerationRequest request_;
  AnswerStream stream_;
};

TEST_F(AnswerWriterTest, SeparatesThoughtsFromTheAnswer) {
  for (const bool are_open : {true, false}) {
    const std::string begin = are_open ? "" : "<think>\n";
    for (const auto& [thoughts, answer] : {std::pair("Hmm,\n\nSTOP a heart?", "A heart.\n\nRed."),
                                           std::pair("Хм,\n\nSTOP сердце?", "Сердце.\n\nОно.")}) {
      AnswerWriter writer = this->writer(are_open);
      EXPECT_TRUE(push(writer, begin + thoughts + "\n</think>\n\n" + answer));
      EXPECT_EQ(writer.thoughts(), thoughts);
      EXPECT_EQ(writer.text(), answer);
      EXPECT_EQ(writer.tokens() - writer.tokens_of_thoughts(),
                static_cast<int>(tokenizer_.encode(answer).size()));
      const auto update = stream_.next({});
      EXPECT_EQ(update->thoughts, thoughts);
      EXPECT_EQ(update->text, answer);
    }
  }
}

/// A form ends thoughts and JSON that loop; nothing ends text in front of calls but the writer.
TEST_F(AnswerWriterTest, EndsLoopsThatNoFormEnds) {
  struct Form : OneToken {
    Form(std::vector<std::int32_t>& seen, bool is_free) : OneToken(seen), is_free(is_free) {}
    bool has_free_text() const override { return is_free; }
    bool is_free;
  };
  std::string loop;
  for (int i = 0; i < 100; ++i) loop += " да";
  std::vector<std::int32_t> seen;
  for (const bool is_free : {true, false}) {
    request_.form = std::make_shared<Form>(seen, is_free);
    AnswerWriter writer = this->writer(/*are_open=*/true);
    EXPECT_TRUE(push(writer, loop + "\n</think>\n\nA heart."));
    EXPECT_EQ(push(writer, loop), !is_free);
    EXPECT_EQ(writer.finish_reason() == FinishReason::kLoop, is_free);
  }
  request_.form = nullptr;
  AnswerWriter writer = this->writer(/*are_open=*/true);
  EXPECT_FALSE(push(writer, loop));
  EXPECT_EQ(writer.finish_reason(), FinishReason::kLoop);
}

TEST_F(AnswerWriterTest, AnAnswerWithoutThoughtsIsText) {
  AnswerWriter writer = this->writer(/*are_open=*/false);
  EXPECT_TRUE(push(writer, "\n\nОтвет <think>"));
  EXPECT_EQ(writer.text(), "\n\nОтвет <think>");
  EXPECT_EQ(writer.thoughts(), "");
}

TEST_F(AnswerWriterTest, TheLimitMayEndTheThoughts) {
  AnswerWriter writer = this->writer(/*are_open=*/true, 3);
  EXPECT_FALSE(push(writer, "a b c d e f g h"));
  EXPECT_EQ(writer.finish_reason(), FinishReason::kLength);
  EXPECT_EQ(writer.text(), "");
  EXPECT_NE(writer.thoughts(), "");
  EXPECT_EQ(writer.tokens_of_thoughts(), 3);
}

}  // namespace
}  // namespace oko::engine
