#include "text/chat_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/config_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"

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
    case Role::kTool:
      return "user";  // of the turn that has its results
  }
  return {};
}

/// Composes a prompt. Encodes the text between two special tokens at once: cut anywhere else, it
/// could become other tokens.
class PromptWriter {
 public:
  explicit PromptWriter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void text(std::string_view text) { run_ += text; }

  /// Marks the text up to the next special token as written by a model.
  void begin_markup() { is_markup_ = true; }

  void special(const char* content) {
    flush();
    prompt_.ids.push_back(find(content));
  }

  /// A token of the template; its text, if the tokenizer does not have it.
  void tag(const char* content) {
    if (tokenizer_.special_token(content)) {
      special(content);
    } else {
      text(content);
    }
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
    const std::vector<std::int32_t> ids =
        std::exchange(is_markup_, false) ? encode_markup() : tokenizer_.encode(run_);
    prompt_.ids.insert(prompt_.ids.end(), ids.begin(), ids.end());
    run_.clear();
  }

  /// With thoughts as tokens. Calls are no text of a message: a model may have read it somewhere.
  std::vector<std::int32_t> encode_markup() const {
    std::vector<std::int32_t> ids;
    for (const std::int32_t id : tokenizer_.encode_markup(run_)) {
      if (tokenizer_.token_bytes(id).find("tool_") == std::string_view::npos ||
          !tokenizer_.special_token(tokenizer_.token_bytes(id))) {
        ids.push_back(id);
        continue;
      }
      const std::vector<std::int32_t> plain = tokenizer_.encode(tokenizer_.token_bytes(id));
      ids.insert(ids.end(), plain.begin(), plain.end());
    }
    return ids;
  }

  const Tokenizer& tokenizer_;
  std::string run_;
  bool is_markup_ = false;
  ChatPrompt prompt_;
};

void check(std::span<const Message> messages, std::span<const int> image_token_counts) {
  const auto fail = [](const LocalizedText& message) {
    throw Error(ErrorCode::kBadInput, message);
  };
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
              role == Role::kTool ? "tool" : role_name(role)));
    }
    images += static_cast<std::size_t>(in_message);
  }
  if (images != image_token_counts.size()) {
    fail(tr("{} images in the messages, but {} were prepared",
            "в сообщениях {:изображение|изображения|изображений}, а подготовлено {}", Count(images),
            image_token_counts.size()));
  }
  for (const int count : image_token_counts) {
    if (count < 1) fail(tr("an image of {} tokens", "изображение в {} токенов", count));
  }
}

/// The template's text; empty if the model has none.
std::string template_of(const std::filesystem::path& model_dir) {
  constexpr std::uint64_t kMaxBytes = 4'000'000;
  const auto is_there = [&](const char* name) { return has_entry(model_dir / name); };
  if (is_there("chat_template.jinja")) {
    return read_file(model_dir / "chat_template.jinja", kMaxBytes, ErrorCode::kBadModel);
  }
  const LocalizedText hint =
      tr("take the file of the original model", "возьмите файл исходной модели");
  for (const char* name :
       {"chat_template.json", "processor_config.json", "tokenizer_config.json"}) {
    if (!is_there(name)) continue;
    const nlohmann::json file = read_json_object(model_dir / name, ErrorCode::kBadModel);
    const ConfigReader reader(file, (model_dir / name).string(), hint);
    const nlohmann::json* found = reader.find("chat_template");
    if (found == nullptr) continue;
    if (!found->is_array()) return reader.string_or("chat_template", "");
    for (const nlohmann::json& entry : *found) {  // [{"name": "default", "template": "..."}]
      if (!entry.is_object()) reader.refuse("chat_template", entry, tr("an object", "объект"));
      const ConfigReader named(entry, (model_dir / name).string(), hint);
      if (named.string_or("name", "") == "default") return named.string_or("template", "");
    }
  }
  return {};
}

/// Number of the last message of the user; 0 if there is none.
std::size_t last_user_message(std::span<const Message> messages) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == Role::kUser) last = i;
  }
  return last;
}

/// The text of an answer without its thoughts.
std::string without_thoughts(const Message& message) {
  constexpr std::string_view kEnd = "</think>";
  std::string text;
  for (const Part& part : message.parts) text += part.text;
  const std::size_t end = text.rfind(kEnd);
  if (end == std::string::npos) return text;
  return text.substr(std::min(text.find_first_not_of('\n', end + kEnd.size()), text.size()));
}

/// The instruction, with what the template says about tools.
void write_system(PromptWriter& writer, std::string_view instruction,
                  std::span<const std::string> tools) {
  writer.special("<|im_start|>");
  writer.text("system\n");
  writer.text(instruction);
  if (!tools.empty()) {
    if (!instruction.empty()) writer.text("\n\n");
    writer.text(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "
        "provided with function signatures within <tools></tools> XML tags:\n<tools>");
    for (const std::string& tool : tools) {
      writer.text("\n");
      writer.text(tool);
    }
    writer.text(
        "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within ");
    writer.tag("<tool_call>");
    writer.tag("</tool_call>");
    writer.text(" XML tags:\n");
    writer.tag("<tool_call>");
    writer.text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n");
    writer.tag("</tool_call>");
  }
  writer.special("<|im_end|>");
  writer.text("\n");
}

void write_calls(PromptWriter& writer, const Message& message) {
  bool needs_break =
      std::ranges::any_of(message.parts, [](const Part& part) { return !part.text.empty(); });
  for (const ToolCall& call : message.calls) {
    if (std::exchange(needs_break, true)) writer.text("\n");
    writer.tag("<tool_call>");
    writer.text("\n{\"name\": \"" + call.name + "\", \"arguments\": " + call.arguments + "}\n");
    writer.tag("</tool_call>");
  }
}

std::string joined_text(const Message& message) {
  std::string text;
  for (const Part& part : message.parts) text += part.text;
  return text;
}

}  // namespace

ChatStyle chat_style_of(const std::filesystem::path& model_dir) {
  const std::string text = template_of(model_dir);
  if (text.empty()) return ChatStyle::kInstruct;
  if (text.find("<|im_start|>") == std::string::npos) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: the chat template is not one of Qwen's: it has no <|im_start|>",
                   "{}: шаблон чата не от Qwen: в нём нет <|im_start|>", model_dir.string()),
                tr("use a Qwen3-VL Instruct or Thinking model",
                   "возьмите модель Qwen3-VL Instruct или Thinking"));
  }
  // A template has line feeds as they are, or as Jinja's escape.
  const bool thinks = text.find("assistant\n<think>") != std::string::npos ||
                      text.find("assistant\\n<think>") != std::string::npos;
  if (thinks) return ChatStyle::kThinking;
  const bool may_think = text.find("</think>") != std::string::npos;
  return may_think ? ChatStyle::kMayThink : ChatStyle::kInstruct;
}

ChatPrompt apply_chat_template(const Tokenizer& tokenizer, std::span<const Message> messages,
                               std::span<const int> image_token_counts, bool add_generation_prompt,
                               ChatStyle style, std::span<const std::string> tools) {
  check(messages, image_token_counts);
  const std::size_t last_question = last_user_message(messages);
  PromptWriter writer(tokenizer);
  auto next_count = image_token_counts.begin();
  const bool has_system = messages[0].role == Role::kSystem;
  if (has_system || !tools.empty()) {
    write_system(writer, has_system ? joined_text(messages[0]) : std::string(), tools);
  }
  const auto is_result = [&](std::size_t i) {
    return i < messages.size() && messages[i].role == Role::kTool;
  };
  for (std::size_t i = has_system ? 1 : 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    // Results that follow each other are one turn.
    const bool begins_turn = !is_result(i) || i == 0 || !is_result(i - 1);
    if (begins_turn) {
      writer.special("<|im_start|>");
      if (message.role == Role::kAssistant) writer.begin_markup();
      writer.text(role_name(message.role));
    }
    writer.text("\n");
    if (is_result(i)) {
      writer.tag("<tool_response>");
      writer.text("\n");
    }
    const bool forgets =
        style != ChatStyle::kInstruct && message.role == Role::kAssistant && i < last_question;
    if (forgets) writer.text(without_thoughts(message));
    for (const Part& part : forgets ? std::vector<Part>() : message.parts) {
      if (part.kind == Part::Kind::kImage) {
        writer.image(static_cast<std::size_t>(*next_count++));
      } else {
        writer.text(part.text);
      }
    }
    write_calls(writer, message);
    if (is_result(i)) {
      writer.text("\n");
      writer.tag("</tool_response>");
      if (is_result(i + 1)) continue;
    }
    writer.special("<|im_end|>");
    writer.text("\n");
  }
  if (add_generation_prompt) {
    writer.special("<|im_start|>");
    writer.begin_markup();
    writer.text(style == ChatStyle::kThinking ? "assistant\n<think>\n" : "assistant\n");
  }
  return writer.take();
}

}  // namespace oko::text
