#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/language.h"

namespace oko::text {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<Message> read_messages(const json& list) {
  std::vector<Message> messages;
  for (const json& entry : list) {
    const std::string& role = entry.at("role").get_ref<const std::string&>();
    Message message{role == "system" ? Role::kSystem
                    : role == "user" ? Role::kUser
                                     : Role::kAssistant,
                    {}};
    for (const json& part : entry.at("content")) {
      message.parts.push_back(part.at("type") == "image" ? Part::make_image()
                                                         : Part::make_text(part.at("text")));
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

class ChatTemplateTest : public ::testing::Test {
 protected:
  ChatTemplateTest() : tokenizer_(Tokenizer::load(fs::path(OKO_TEST_DATA) / "tokenizer", {""})) {
    set_language(Language::kEnglish);
  }

  std::string refusal(const std::vector<Message>& messages, const std::vector<int>& counts) {
    try {
      apply_chat_template(tokenizer_, messages, counts);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadInput);
      return error.what();
    }
    return "";
  }

  Tokenizer tokenizer_;
};

TEST_F(ChatTemplateTest, PromptsAreWhatJinjaAndHuggingFaceMakeOfThem) {
  const json goldens = json::parse(std::ifstream(fs::path(OKO_TEST_DATA) / "chat.json"));
  const std::int32_t pad = *tokenizer_.special_token("<|image_pad|>");
  ASSERT_GE(goldens.at("conversations").size(), 10u);
  for (const json& golden : goldens.at("conversations")) {
    const auto counts = golden.at("counts").get<std::vector<int>>();
    const ChatPrompt prompt =
        apply_chat_template(tokenizer_, read_messages(golden.at("messages")), counts,
                            golden.at("add_generation_prompt").get<bool>());
    EXPECT_EQ(prompt.ids, golden.at("ids").get<std::vector<std::int32_t>>())
        << golden.at("messages");
    ASSERT_EQ(prompt.images.size(), counts.size());
    std::size_t pads = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto [offset, count] = prompt.images[i];
      EXPECT_EQ(count, static_cast<std::size_t>(counts[i]));
      const auto first = prompt.ids.begin() + static_cast<std::ptrdiff_t>(offset);
      EXPECT_TRUE(std::all_of(first, first + counts[i], [&](int id) { return id == pad; }));
      pads += count;
    }
    EXPECT_EQ(std::count(prompt.ids.begin(), prompt.ids.end(), pad),
              static_cast<std::ptrdiff_t>(pads));
  }
}

TEST_F(ChatTemplateTest, WhatTheTemplateWouldDropIsRefused) {
  const Message user{Role::kUser, {Part::make_text("hi"), Part::make_image()}};
  const Message system{Role::kSystem, {Part::make_text("be brief")}};
  EXPECT_EQ(refusal({}, {}), "the conversation is empty");
  EXPECT_EQ(refusal({user, system}, {1}), "message 2 is a system message: only the first may be");
  EXPECT_EQ(refusal({user, {Role::kAssistant, {Part::make_image()}}}, {1, 1}),
            "message 2 (assistant) has an image: only the user's messages may");
  EXPECT_EQ(refusal({user}, {}), "1 images in the messages, but 0 were prepared");
  EXPECT_EQ(refusal({user}, {1, 1}), "1 images in the messages, but 2 were prepared");
  EXPECT_EQ(refusal({user}, {0}), "an image of 0 tokens");
  EXPECT_EQ(refusal({system, user}, {7}), "");
}

TEST_F(ChatTemplateTest, ATokenizerWithoutChatTokensIsABadModel) {
  json tree = json::parse(std::ifstream(fs::path(OKO_TEST_DATA) / "tokenizer/tokenizer.json"));
  tree["added_tokens"] = json::array();
  const Tokenizer tokenizer = Tokenizer::parse(tree.dump(), "t.json");
  const Message user{Role::kUser, {Part::make_text("hi")}};
  try {
    apply_chat_template(tokenizer, std::span(&user, 1), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    EXPECT_STREQ(error.what(), "the tokenizer has no token <|im_start|>");
  }
}

}  // namespace
}  // namespace oko::text
