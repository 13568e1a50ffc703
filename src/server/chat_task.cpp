#include "server/chat_task.h"

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "document/page.h"
#include "document/pages.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "ocr/script.h"
#include "server/request_json.h"
#include "server/uploaded_file.h"
#include "tasks/picture.h"
#include "tasks/picture_text.h"
#include "text/utf8.h"

namespace oko::server {
namespace {

engine::GenerationRequest request_of(ChatTask& task, const engine::Generator& generator) {
  engine::GenerationRequest request;
  request.max_tokens = task.max_tokens;
  request.stop = std::move(task.stop);
  request.sampling = task.sampling;
  request.images_are_resident = true;
  const auto& config = generator.generation_config();
  request.sampling.repetition_penalty = task.repetition_penalty.value_or(config.repetition_penalty);
  if (request.sampling.temperature > 0) {
    request.sampling.top_k = task.top_k.value_or(config.top_k);
    request.sampling.top_p = task.top_p.value_or(config.top_p);
  }
  return request;
}

/// The language of the words around the text of its pictures: that of most of its letters.
Language language_of(const text::Message& message) {
  std::ptrdiff_t russian = 0;
  for (const text::Part& part : message.parts) {
    for (std::size_t at = 0; at < part.text.size();) {
      const text::Utf8Step step = text::next_utf8(part.text, at);
      const ocr::Script script = ocr::script_of(step.code_point);
      russian += script == ocr::Script::kCyrillic ? 1 : script == ocr::Script::kLatin ? -1 : 0;
      at += step.length;
    }
  }
  return russian > 0 ? Language::kRussian : Language::kEnglish;
}

/// The pictures of a request, in memory that is reserved while this lives, and their texts.
class HeldPictures {
 public:
  HeldPictures(const ApiContext& context, const engine::Generator& generator, const ChatTask& task,
               const StopToken& stop)
      : context_(context),
        host_(context.models.host()),
        generator_(generator),
        reads_(task.read_text.value_or(context.read_text)) {
    options_.decoder = context.models.decoder(stop);
  }

  /// No more will be added.
  void end_decoding() { options_.decoder.reset(); }

  /// As their files have them.
  const std::vector<PictureSize>& sizes() const { return sizes_; }

  /// On all of them; where there are several, each note names its picture.
  std::vector<LocalizedText> notes() const {
    std::vector<LocalizedText> all;
    for (std::size_t i = 0; i < notes_.size(); ++i) {
      for (const LocalizedText& note : notes_[i]) {
        all.push_back(notes_.size() == 1 ? note
                                         : tr("picture {}: {}", "картинка {}: {}", i + 1, note));
      }
    }
    return all;
  }

  /// Puts the texts into the parts behind the pictures' own.
  void add_texts(engine::GenerationRequest& request) {
    std::size_t next = 0;
    for (text::Message& message : request.messages) {
      const Language language = language_of(message);
      for (std::size_t i = 0; i < message.parts.size(); ++i) {
        if (message.parts[i].kind != text::Part::Kind::kImage) continue;
        tasks::PictureText text = tasks::picture_text(
            pages_.at(next), {.when = reads_, .language = language}, generator_, request);
        message.parts[i + 1].text = std::move(text.block);
        notes_[next].insert(notes_[next].end(), text.notes.begin(), text.notes.end());
        ++next;
      }
    }
  }

  /// Adds all pages of a file to `request`; returns their number.
  std::size_t add(const ChatPicture& picture, engine::GenerationRequest& request,
                  const StopToken& stop) {
    const UploadedFile file(picture.name, picture.bytes);
    try {
      document::Pages pages({file.path()}, options_);
      if (request.images.size() + pages.size() > kMostPictures) {
        throw Error(ErrorCode::kTooLarge,
                    tr("{}: with its {} pages the request has more than {} pictures",
                       "{}: с его страницами ({}) в запросе больше {} картинок", picture.name,
                       pages.size(), kMostPictures));
      }
      const PageTexts::FileKey key = context_.texts.key_of(picture.bytes);
      for (std::size_t i = 0; i < pages.size(); ++i) {
        throw_if_stopped(stop);
        add_page(pages, i, {key, i}, request, stop);
        for (LocalizedText& note : notes_.back()) {
          note = file.named(note);
        }
      }
      return pages.size();
    } catch (const Error& error) {
      throw file.named(error);
    }
  }

 private:
  void add_page(document::Pages& pages, std::size_t i, const PageTexts::Key& key,
                engine::GenerationRequest& request, const StopToken& stop) {
    engine::GenerationRequest alone = request;
    alone.images.clear();
    alone.messages = {{text::Role::kUser, {text::Part::make_image(), text::Part::make_text("?")}}};
    const bool reads = reads_ != tasks::ReadText::kNever;
    std::optional<document::Page> known = reads ? context_.texts.find(key) : std::nullopt;
    tasks::SharedPictureReader reader(context_.reader, known ? tasks::ReadText::kNever : reads_);
    tasks::Picture picture = tasks::load_picture(host_, generator_, alone, pages, i, reader, stop);
    if (known) {
      picture.page = *std::move(known);
    } else if (reads && picture.unread.empty()) {
      context_.texts.put(key, picture.page);
    }
    std::vector<LocalizedText>& notes = notes_.emplace_back();
    if (!picture.unread.empty()) notes.push_back(tasks::unread_text(picture.unread));
    for (const LocalizedText& note : {picture.shrinking, picture.others}) {
      if (!note.empty()) notes.push_back(note);
    }
    pages_.push_back(std::move(picture.page));
    const image::Image& image = picture.image;
    const bool is_shrunk = image.stored_width > 0;
    sizes_.push_back({is_shrunk ? image.stored_width : image.width,
                      is_shrunk ? image.stored_height : image.height});
    // The picture stays: release its transient reservation, because other requests wait for those.
    picture.reservation.release();
    rooms_.push_back(std::make_unique<engine::FixedReservation>(host_, picture.image.rgb.size(),
                                                                LocalizedText(), stop));
    request.images.emplace_back(std::move(picture.image));
  }

  const ApiContext& context_;
  engine::ModelHost& host_;
  const engine::Generator& generator_;
  document::PagesOptions options_;
  tasks::ReadText reads_;
  // Of the request's pictures, in order.
  std::vector<document::Page> pages_;
  std::vector<PictureSize> sizes_;
  std::vector<std::vector<LocalizedText>> notes_;
  std::vector<std::unique_ptr<engine::FixedReservation>> rooms_;
};

/// Loads the pictures, in the order of their parts, and puts a part for each page and one for its
/// text.
void add_pictures(const ChatTask& task, HeldPictures& held, engine::GenerationRequest& request,
                  const StopToken& stop) {
  std::size_t next = 0;
  for (const text::Message& given : task.messages) {
    text::Message message{given.role, {}, given.calls};
    for (const text::Part& part : given.parts) {
      if (part.kind != text::Part::Kind::kImage) {
        message.parts.push_back(part);
        continue;
      }
      for (std::size_t left = held.add(task.pictures.at(next++), request, stop); left > 0; --left) {
        message.parts.push_back(part);
        message.parts.push_back(text::Part::make_text({}));
      }
    }
    request.messages.push_back(std::move(message));
  }
  held.end_decoding();
  held.add_texts(request);
}

/// Null: the answer may have any form.
std::shared_ptr<const engine::AnswerForm> form_of(const ChatTask& task,
                                                  engine::Generator& generator,
                                                  const StopToken& stop) {
  engine::AnswerForms& forms = generator.answer_forms();
  engine::AnswerForms::Calls calls{.functions = task.functions,
                                   .must_call = task.must_call,
                                   .may_repeat = task.may_repeat_calls};
  if (!task.schema.empty()) {
    try {
      if (task.functions.empty()) return forms.json(task.schema, task.schema_name, stop);
      calls.text = forms.json_grammar(task.schema, task.schema_name, stop);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kUsage) throw FieldError(task.schema_name, error.message());
      throw;
    }
  }
  return task.functions.empty() ? nullptr : forms.calls(calls, stop);
}

}  // namespace

engine::GenerationStats ChatChoices::stats() const {
  engine::GenerationStats stats = results.front().stats;
  for (std::size_t i = 1; i < results.size(); ++i) {
    stats.generated_tokens += results[i].stats.generated_tokens;
    stats.thought_tokens += results[i].stats.thought_tokens;
  }
  return stats;
}

ChatChoices run_choices(const ApiContext& context, ChatTask task, int choices,
                        const StopToken& stop,
                        const std::function<void(const ServedModel&)>& on_start,
                        const std::function<void(const ChatPiece&)>& on_piece) {
  ChatChoices answer;
  ServedModels& models = context.models;
  const auto generator = models.generator(task.model, answer.model);
  if (!task.thoughts_field.empty() && !generator->thinks()) {
    throw FieldError(task.thoughts_field, tr("{}: {} does not think", "{}: {} не размышляет",
                                             task.thoughts_field, answer.model.name));
  }
  const auto pause = models.pause_of_helpers();
  HeldPictures held(context, *generator, task, stop);
  engine::GenerationRequest request = request_of(task, *generator);
  request.form = form_of(task, *generator, stop);
  request.tools = task.tools;
  add_pictures(task, held, request, stop);
  if (task.gives_boxes) answer.pictures = held.sizes();
  answer.notes = held.notes();
  std::vector<engine::GenerationHandle> handles;
  handles.reserve(static_cast<std::size_t>(choices));
  for (int i = 0; i < choices; ++i) {
    handles.push_back(generator->submit(request, stop));
    request.sampling.seed += 0x9E3779B97F4A7C15;  // far from the seeds that clients choose
  }
  if (on_start) on_start(answer.model);
  std::vector<bool> has_ended(handles.size());
  // All advance together; what one says while another is waited for stays in its stream.
  for (std::size_t ended = 0; ended < handles.size();) {
    for (std::size_t i = 0; i < handles.size(); ++i) {
      if (has_ended[i]) continue;
      auto update = handles[i].next(stop);
      if (!update) throw_cancelled();
      if (!task.gives_thoughts) update->thoughts.clear();
      const bool says = !update->text.empty() || !update->thoughts.empty() ||
                        !update->logprobs.empty() || !update->calls.empty();
      if (on_piece && says) {
        on_piece({i, update->text, update->thoughts, update->logprobs, update->calls});
      }
      has_ended[i] = update->is_finished;
      ended += update->is_finished ? 1 : 0;
    }
  }
  for (engine::GenerationHandle& handle : handles) {
    answer.results.push_back(handle.wait());
    if (!task.gives_thoughts) answer.results.back().thoughts.clear();
  }
  const engine::GenerationStats stats = answer.stats();
  models.tokens().prompt += static_cast<std::uint64_t>(stats.prompt_tokens);
  models.tokens().generated += static_cast<std::uint64_t>(stats.generated_tokens);
  return answer;
}

void add_message(text::Message message, ChatTask& task) {
  std::vector<text::Message>& messages = task.messages;
  if (message.role != text::Role::kSystem) {
    messages.push_back(std::move(message));
  } else if (messages.empty() || messages[0].role != text::Role::kSystem) {
    messages.insert(messages.begin(), std::move(message));
  } else {
    auto& parts = messages[0].parts;
    parts.push_back(text::Part::make_text("\n\n"));
    parts.insert(parts.end(), message.parts.begin(), message.parts.end());
  }
}

std::size_t count_chat_tokens(const ApiContext& context, const ChatTask& task,
                              const StopToken& stop) {
  ServedModel model;
  const auto generator = context.models.generator(task.model, model);
  HeldPictures held(context, *generator, task, stop);
  engine::GenerationRequest request;
  request.max_tokens = 1;
  request.images_are_resident = true;
  request.tools = task.tools;
  add_pictures(task, held, request, stop);
  return generator->count_prompt_tokens(request);
}

ChatAnswer run_chat(const ApiContext& context, ChatTask task, const StopToken& stop,
                    const std::function<void(const ServedModel&)>& on_start,
                    const engine::TextSink& on_text, const engine::TextSink& on_thoughts) {
  const auto on_piece = [&](const ChatPiece& piece) {
    if (on_thoughts && !piece.thoughts.empty()) on_thoughts(piece.thoughts);
    if (on_text && !piece.text.empty()) on_text(piece.text);
  };
  ChatChoices choices = run_choices(context, std::move(task), 1, stop, on_start, on_piece);
  return {std::move(choices.model), std::move(choices.results.front()), std::move(choices.pictures),
          std::move(choices.notes)};
}

}  // namespace oko::server
