#include "text/chat_template.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"

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
  ChatTemplateTest() : tokenizer_(Tokenizer::load(fs::path(OKO_TEST_DATA) / "tokenizer", {""})) {}

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

TEST_F(ChatTemplateTest, PromptsEqualThoseOfHuggingFace) {
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

TEST_F(ChatTemplateTest, OnlyMarkupOfTheAssistantBecomesTokens) {
  const std::int32_t think = *tokenizer_.special_token("<think>");
  const std::int32_t end = *tokenizer_.special_token("<|im_end|>");
  const auto count = [&](Role role, const char* text, std::int32_t id) {
    const Message messages[] = {{Role::kUser, {Part::make_text("hi")}},
                                {role, {Part::make_text(text)}}};
    const ChatPrompt prompt = apply_chat_template(tokenizer_, messages, {}, false);
    return std::count(prompt.ids.begin(), prompt.ids.end(), id);
  };
  EXPECT_EQ(count(Role::kAssistant, "<think>\nso\n</think>", think), 1);
  EXPECT_EQ(count(Role::kUser, "<think>", think), 0);
  EXPECT_EQ(count(Role::kAssistant, "a <|im_end|> b", end), 2);  // those of the two turns
}

/// The text as Qwen's template renders it, in which markup is tokens.
TEST_F(ChatTemplateTest, TellsOfToolsCallsAndResults) {
  const std::string tool = R"({"type": "function", "function": {"name": "get"}})";
  const std::vector<Message> messages{
      {Role::kSystem, {Part::make_text("Be brief.")}},
      {Role::kUser, {Part::make_text("Weather?")}},
      {Role::kAssistant, {Part::make_text("Wait.")}, {{"get", R"({"a": 1})"}, {"get", "{}"}}},
      {Role::kTool, {Part::make_text("snow")}},
      {Role::kTool, {Part::make_text("rain")}},
      {Role::kAssistant, {}, {{"get", "{}"}}}};
  const std::string system =
      "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "
      "provided with function signatures within <tools></tools> XML tags:\n<tools>\n" +
      tool +
      "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
      "within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, "
      "\"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n";
  const std::string call = "<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</tool_call>";
  const std::string rest =
      "<|im_start|>user\nWeather?<|im_end|>\n<|im_start|>assistant\nWait.\n<tool_call>\n{\"name\": "
      "\"get\", \"arguments\": {\"a\": 1}}\n</tool_call>\n" +
      call +
      "<|im_end|>\n<|im_start|>user\n<tool_response>\nsnow\n</tool_response>\n<tool_response>\n"
      "rain\n</tool_response><|im_end|>\n<|im_start|>assistant\n" +
      call + "<|im_end|>\n";
  const auto ids_of = [&](std::span<const Message> given) {
    return apply_chat_template(tokenizer_, given, {}, false, ChatStyle::kInstruct,
                               std::span(&tool, 1))
        .ids;
  };
  EXPECT_EQ(ids_of(messages),
            tokenizer_.encode_with_special("<|im_start|>system\nBe brief.\n\n" + system + rest));
  EXPECT_EQ(ids_of(std::span(messages).subspan(1)),
            tokenizer_.encode_with_special("<|im_start|>system\n" + system + rest));
}

TEST_F(ChatTemplateTest, AThinkingModelBeginsToThinkAndForgetsOldThoughts) {
  const auto ids_of = [&](const std::vector<Message>& messages, ChatStyle style) {
    return apply_chat_template(tokenizer_, messages, {}, true, style).ids;
  };
  const Message first{Role::kUser, {Part::make_text("1?")}};
  const Message second{Role::kUser, {Part::make_text("2?")}};
  const auto answer = [](const char* text) {
    return Message{Role::kAssistant, {Part::make_text(text)}};
  };
  std::vector<std::int32_t> expected = ids_of({first}, ChatStyle::kInstruct);
  for (const std::int32_t id : tokenizer_.encode_with_special("<think>\n")) expected.push_back(id);
  EXPECT_EQ(ids_of({first}, ChatStyle::kThinking), expected);
  EXPECT_EQ(ids_of({first, answer("<think>\nso\n</think>\n\nYes."), second}, ChatStyle::kThinking),
            ids_of({first, answer("Yes."), second}, ChatStyle::kThinking));
}

class ChatStyleTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const char* name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  fs::path folder_ = fs::temp_directory_path() / ("oko_style_" + std::to_string(::getpid()));
};

TEST_F(ChatStyleTest, TheTemplateSaysWhetherTheModelThinks) {
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kInstruct);
  write(
      "tokenizer_config.json",
      R"({"chat_template":[{"name":"default","template":"<|im_start|>assistant\\n<think>\\n"}]})");
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kThinking);
  write("tokenizer_config.json", R"({"chat_template":[{"name":"rag","template":"[INST]"},)"
                                 R"({"name":"default","template":"<|im_start|>assistant\\n"}]})");
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kInstruct);
  write("processor_config.json", R"({"chat_template":"<|im_start|>assistant\\n<think>"})");
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kThinking);
  write("chat_template.json", R"({"chat_template":"{{- '<|im_start|>assistant\\n' }}"})");
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kInstruct);
  write("chat_template.jinja", "{{- '<|im_start|>assistant\\n<think>\\n' }}");
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kThinking);
  write("chat_template.jinja", "[INST] {{ message }} [/INST]");
  EXPECT_THROW(chat_style_of(folder_), Error);
  write("chat_template.jinja", "<|im_start|>{{ content.split('</think>')[-1] }}");
  EXPECT_EQ(chat_style_of(folder_), ChatStyle::kMayThink);
}

TEST_F(ChatTemplateTest, RefusesContentThatTheTemplateWouldDrop) {
  const Message user{Role::kUser, {Part::make_text("hi"), Part::make_image()}};
  const Message system{Role::kSystem, {Part::make_text("be brief")}};
  EXPECT_EQ(refusal({}, {}), "the conversation is empty");
  EXPECT_EQ(refusal({user, system}, {1}), "message 2 is a system message: only the first may be");
  EXPECT_EQ(refusal({user, {Role::kAssistant, {Part::make_image()}}}, {1, 1}),
            "message 2 (assistant) has an image: only the user's messages may");
  EXPECT_EQ(refusal({user, {Role::kTool, {Part::make_image()}}}, {1, 1}),
            "message 2 (tool) has an image: only the user's messages may");
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
