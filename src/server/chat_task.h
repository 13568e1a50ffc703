#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_token.h"
#include "engine/generation.h"
#include "grammar/grammar.h"
#include "server/answer_boxes.h"
#include "server/api.h"
#include "server/served_models.h"
#include "tasks/picture.h"
#include "text/chat_template.h"

namespace oko::server {

inline constexpr std::size_t kMostPictures = 64;  ///< of a request, pages of PDF included
inline constexpr const char* kAnyObject = R"({"type":"object"})";  ///< a schema

/// The bytes of a picture or PDF in a request.
struct ChatPicture {
  std::string name;  ///< for messages: "messages[0].content[1]"
  std::string bytes;
  std::string address = {};  ///< from which RemotePictures gets the bytes; empty: they are there
  std::string field = {};    ///< that has the address
};

/// A conversation that a request sends, of any protocol.
struct ChatTask {
  std::string model;                    ///< empty: the first that describes pictures
  std::vector<text::Message> messages;  ///< an image part for each of `pictures`, in order
  std::vector<ChatPicture> pictures;
  /// When their text is read first, for the model; nothing: as the server does.
  std::optional<tasks::ReadText> read_text = {};
  bool gives_boxes = false;                       ///< in pixels of the pictures
  std::shared_ptr<const void> remote_bytes = {};  ///< counts those of `pictures` with an address
  int max_tokens = 0;                             ///< see engine::GenerationRequest
  std::vector<std::string> stop;
  /// A JSON schema of the answer as the client wrote it, with its name for messages; empty: none.
  std::string schema = {}, schema_name = {};
  /// Functions that the model may call, and how the prompt tells of them.
  std::vector<grammar::Function> functions = {};
  std::vector<std::string> tools = {};
  bool must_call = false;
  bool may_repeat_calls = true;
  bool gives_thoughts = true;       ///< of a model that thinks; else they are left out
  std::string thoughts_field = {};  ///< of a request that only a model that thinks can answer
  engine::SamplingOptions sampling = {};
  // None: the model's own.
  std::optional<float> top_p = {};
  std::optional<int> top_k = {};
  std::optional<float> repetition_penalty = {};
};

/// What became of it.
struct ChatAnswer {
  ServedModel model;
  engine::GenerationResult result;
  // As ChatChoices has them.
  std::optional<std::vector<PictureSize>> pictures;
  std::vector<LocalizedText> notes = {};
};

/// A piece of an answer as it comes.
struct ChatPiece {
  std::size_t choice = 0;  ///< of several answers
  std::string_view text;   ///< whole characters; may be empty
  std::string_view thoughts;
  std::span<const engine::TokenLogprobs> logprobs;
  std::span<const engine::CallPiece> calls;
};

/// Several answers to one question.
struct ChatChoices {
  ServedModel model;
  std::vector<engine::GenerationResult> results;
  /// Of the request, pages of PDF included, if it asks for boxes.
  std::optional<std::vector<PictureSize>> pictures;
  /// On the pictures of the request, for the user: why a text was not read, lines that the model
  /// does not get, a picture that is smaller than in its file.
  std::vector<LocalizedText> notes = {};

  /// Of all together: the prompt counts once.
  engine::GenerationStats stats() const;
};

inline constexpr int kMostChoices = 8;

/// As run_chat, with `choices` answers at once, 1..kMostChoices, each with a seed of its own. The
/// first is that of run_chat.
ChatChoices run_choices(const ApiContext& context, ChatTask task, int choices,
                        const StopToken& stop,
                        const std::function<void(const ServedModel&)>& on_start = {},
                        const std::function<void(const ChatPiece&)>& on_piece = {});

/// Adds a message. A prompt has one instruction, at its beginning: those of the system become one.
void add_message(text::Message message, ChatTask& task);

/// Tokens that the model would read of a conversation, those of its pictures included. Throws as
/// `run_chat`.
std::size_t count_chat_tokens(const ApiContext& context, const ChatTask& task,
                              const StopToken& stop);

/// Runs a conversation. `on_start` is called with the model once the request is admitted, `on_text`
/// with each piece of the answer, `on_thoughts` with each of the thoughts before it; all on the
/// caller's thread. Pages of a PDF stand in the place of
/// its image part, each with its text behind it, as `oko describe` has it. Throws as
/// ServedModels::generator, Generator::submit and the callbacks; kBadInput and others for a
/// picture, with its name.
ChatAnswer run_chat(const ApiContext& context, ChatTask task, const StopToken& stop,
                    const std::function<void(const ServedModel&)>& on_start = {},
                    const engine::TextSink& on_text = {}, const engine::TextSink& on_thoughts = {});

}  // namespace oko::server
