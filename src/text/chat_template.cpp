#include "text/chat_template.h"

#include <algorithm>

#include "base/error.h"
#include "base/language.h"

namespace oko::text {
namespace {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
  }
  return {};
}

/// Puts a prompt together. Text between two special tokens is one run, encoded at once: cut
/// anywhere else, it could become other tokens.
class PromptWriter {
 public:
  explicit PromptWriter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void text(std::string_view text) { run_ += text; }

  void special(const char* content) {
    flush();
    prompt_.ids.push_back(find(content));
  }

  void image(std::size_t count) {
    special("<|vision_start|>");
    prompt_.images.push_back({prompt_.ids.size(), count});
    prompt_.ids.insert(prompt_.ids.end(), count, find("<|image_pad|>"));
    special("<|vision_end|>");
  }

  ChatPrompt take() {
    flush();
    return std::move(prompt_);
  }

 private:
  std::int32_t find(const char* content) const {
    if (const auto id = tokenizer_.special_token(content)) return *id;
    throw Error(ErrorCode::kBadModel,
                tr("the tokenizer has no token {}", "в токенизаторе нет токена {}", content),
                tr("use a Qwen3-VL Instruct model", "возьмите модель Qwen3-VL Instruct"));
  }

  void flush() {
    const std::vector<std::int32_t> ids = tokenizer_.encode(run_);
    prompt_.ids.insert(prompt_.ids.end(), ids.begin(), ids.end());
    run_.clear();
  }

  const Tokenizer& tokenizer_;
  std::string run_;
  ChatPrompt prompt_;
};

void check(std::span<const Message> messages, std::span<const int> image_token_counts) {
  const auto fail = [](std::string message) { throw Error(ErrorCode::kBadInput, message); };
  if (messages.empty()) fail(tr("the conversation is empty", "в разговоре нет сообщений"));
  std::size_t images = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Role role = messages[i].role;
    if (role == Role::kSystem && i != 0) {
      fail(tr("message {} is a system message: only the first may be",
              "сообщение {} — системное: таким может быть только первое", i + 1));
    }
    const auto in_message =
        std::count_if(messages[i].parts.begin(), messages[i].parts.end(),
                      [](const Part& part) { return part.kind == Part::Kind::kImage; });
    if (in_message != 0 && role != Role::kUser) {
      fail(tr("message {} ({}) has an image: only the user's messages may",
              "в сообщении {} ({}) есть изображение: они могут быть только у пользователя", i + 1,
              role_name(role)));
    }
    images += static_cast<std::size_t>(in_message);
  }
  if (images != image_token_counts.size()) {
    fail(tr("{} images in the messages, but {} were prepared",
            "в сообщениях {} изображений, а подготовлено {}", images, image_token_counts.size()));
  }
  for (const int count : image_token_counts) {
    if (count < 1) fail(tr("an image of {} tokens", "изображение в {} токенов", count));
  }
}

}  // namespace

ChatPrompt apply_chat_template(const Tokenizer& tokenizer, std::span<const Message> messages,
                               std::span<const int> image_token_counts,
                               bool add_generation_prompt) {
  check(messages, image_token_counts);
  PromptWriter writer(tokenizer);
  auto next_count = image_token_counts.begin();
  for (const Message& message : messages) {
    writer.special("<|im_start|>");
    writer.text(role_name(message.role));
    writer.text("\n");
    for (const Part& part : message.parts) {
      if (part.kind == Part::Kind::kImage) {
        writer.image(static_cast<std::size_t>(*next_count++));
      } else {
        writer.text(part.text);
      }
    }
    writer.special("<|im_end|>");
    writer.text("\n");
  }
  if (add_generation_prompt) {
    writer.special("<|im_start|>");
    writer.text("assistant\n");
  }
  return writer.take();
}

}  // namespace oko::text
