#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace oko::text {

enum class Role { kSystem, kUser, kAssistant, kTool };

/// A function that a model calls.
struct ToolCall {
  std::string name;
  std::string arguments;  ///< JSON
};

/// A piece of a message: text, or the place of the next image.
struct Part {
  enum class Kind { kText, kImage };
  Kind kind = Kind::kText;
  std::string text;  ///< of kText

  static Part make_text(std::string text) { return {Kind::kText, std::move(text)}; }
  static Part make_image() { return {Kind::kImage, {}}; }
};

struct Message {
  Role role = Role::kUser;
  std::vector<Part> parts;           ///< joined without anything between them
  std::vector<ToolCall> calls = {};  ///< of the assistant, after its text
};

struct ImageRange {
  std::size_t offset = 0;  ///< of the first `<|image_pad|>` in `ChatPrompt::ids`
  std::size_t count = 0;   ///< of them
};

struct ChatPrompt {
  std::vector<std::int32_t> ids;
  std::vector<ImageRange> images;  ///< in the order of the messages
};

/// The chat templates of Qwen3-VL. Those of models that think drop the thoughts of earlier answers.
enum class ChatStyle {
  kInstruct,
  kMayThink,  ///< the model writes `<think>` itself, or answers at once
  kThinking,  ///< the answer begins inside `<think>`
};

/// The style of a model's chat template: chat_template.jinja, else chat_template.json, else
/// tokenizer_config.json; kInstruct if there is none. Does not run the template: one that knows
/// `</think>` is of a model that may think. Throws kBadModel if it is not one of Qwen's (without
/// `<|im_start|>`).
ChatStyle chat_style_of(const std::filesystem::path& model_dir);

/// The prompt of a conversation: as the chat template of Qwen3-VL renders it, without picture
/// numbers, and as HF `tokenizers` encodes it. Each image is `<|vision_start|>`, its count of
/// `<|image_pad|>`, `<|vision_end|>`. Added tokens spelled out in the messages' text stay plain
/// text: a user, or what a tool or a picture says, cannot open a turn or a call. In the assistant's
/// turns those of thoughts (`<think>`) are tokens, and those of its `calls`.
///
/// `tools`: functions that the model may call, each the JSON of one as Python writes it.
/// `image_token_counts`: merged vision tokens of each image, in order, >= 1. Throws kBadInput: no
/// message, a system message that is not the first, images outside the user's messages, counts that
/// do not fit the images; kBadModel: the tokenizer has no chat tokens.
ChatPrompt apply_chat_template(const Tokenizer& tokenizer, std::span<const Message> messages,
                               std::span<const int> image_token_counts,
                               bool add_generation_prompt = true,
                               ChatStyle style = ChatStyle::kInstruct,
                               std::span<const std::string> tools = {});

}  // namespace oko::text
