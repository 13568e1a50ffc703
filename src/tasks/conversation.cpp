#include "tasks/conversation.h"

#include <utility>

#include "base/error.h"

namespace oko::tasks {
namespace {

/// Stands for the question that will be asked about a picture, when its memory is predicted.
constexpr const char* kSomeQuestion = "What does this picture show, and what is written in it?";

}  // namespace

Conversation::Conversation(engine::ModelHost& host, engine::Generator& generator,
                           ConversationOptions options)
    : host_(host),
      generator_(generator),
      options_(std::move(options)),
      reader_(host, options_.read_text) {}

void Conversation::set_read_text(ReadText when) {
  options_.read_text = when;
  reader_.unload();
  reader_.set_when(when);
}

void Conversation::clear() {
  messages_.clear();
  pictures_.clear();
  waiting_.clear();
}

engine::GenerationRequest Conversation::base_request() const {
  engine::GenerationRequest request;
  const auto& advised = generator_.generation_config();
  request.max_tokens = options_.max_tokens;
  request.kv_bits = options_.kv_bits;
  request.lookup = options_.lookup;
  request.max_pixels = options_.max_pixels;
  request.measure_memory = true;
  request.sampling.temperature = options_.temperature;
  request.sampling.seed = options_.seed;
  request.sampling.repetition_penalty = advised.repetition_penalty;
  if (options_.temperature > 0) {
    request.sampling.top_k = advised.top_k;
    request.sampling.top_p = advised.top_p;
  }
  return request;
}

AddedPicture Conversation::add_picture(const std::string& path, const std::string& name,
                                       const StopToken& stop) {
  document::PagesOptions first;
  first.selection = document::PageSelection::only(1);
  document::Pages pages({path}, first);
  return add_page(pages, 0, name, stop);
}

AddedPicture Conversation::add_page(document::Pages& pages, std::size_t i, const std::string& name,
                                    const StopToken& stop) {
  engine::GenerationRequest alone = base_request();
  alone.messages = {
      {text::Role::kUser, {text::Part::make_image(), text::Part::make_text(kSomeQuestion)}}};
  const ReadText read_text = reader_.when();
  Picture picture = load_picture(host_, generator_, alone, pages, i, reader_, stop);
  AddedPicture added{.name = name,
                     .width = picture.image.width,
                     .height = picture.image.height,
                     .pages = picture.pages,
                     .shrinking = picture.shrinking,
                     .reads_text = read_text != ReadText::kNever,
                     .unread = picture.unread};
  // The picture stays: release its transient reservation, because other requests wait for those.
  picture.reservation.release();
  auto room = std::make_unique<engine::FixedReservation>(host_, picture.image.rgb.size(),
                                                         std::string(), stop);
  waiting_.push_back({.held = {std::move(picture.image), std::move(room)},
                      .name = name,
                      .page = std::move(picture.page),
                      .read_text = read_text,
                      .stats = picture.stats});
  return added;
}

/// The request, with an empty part behind each picture for its text.
engine::GenerationRequest Conversation::request_for(const std::string& question) const {
  engine::GenerationRequest request = base_request();
  if (!options_.system.empty()) {
    request.messages.push_back({text::Role::kSystem, {text::Part::make_text(options_.system)}});
  }
  request.messages.insert(request.messages.end(), messages_.begin(), messages_.end());
  request.images_are_resident = true;
  for (const HeldPicture& picture : pictures_) request.images.push_back(picture.image);
  text::Message message{text::Role::kUser, {}};
  for (const WaitingPicture& picture : waiting_) {
    request.images.push_back(picture.held.image);
    message.parts.push_back(text::Part::make_image());
    message.parts.push_back(text::Part::make_text({}));
  }
  message.parts.push_back(text::Part::make_text(question));
  request.messages.push_back(std::move(message));
  return request;
}

void Conversation::add_texts(engine::GenerationRequest& request, Answer& answer) const {
  std::size_t part = 1;
  for (const WaitingPicture& picture : waiting_) {
    if (picture.read_text != ReadText::kNever) {
      PictureText text = picture_text(picture.page,
                                      {.when = picture.read_text,
                                       .language = options_.language,
                                       .max_tokens = options_.ocr_tokens},
                                      generator_, request);
      request.messages.back().parts[part].text = text.block;
      answer.picture_texts.push_back(std::move(text));
    }
    part += 2;
    answer.pictures.push_back(picture.name);
    answer.picture_stats.decode_seconds += picture.stats.decode_seconds;
    answer.picture_stats.read_seconds += picture.stats.read_seconds;
    answer.picture_stats.predicted.max_with(picture.stats.predicted);
    answer.picture_stats.taken.max_with(picture.stats.taken);
  }
}

/// Passes the answer on as it is written. After a stop it may continue for a token or two, which
/// are shown as well.
void Conversation::follow(engine::GenerationRequest request, const engine::TextSink& on_text,
                          const StopToken& stop, const engine::ProgressSink& on_progress,
                          Answer& answer) {
  engine::GenerationHandle handle = generator_.submit(std::move(request), stop);
  bool is_finished = false;
  while (!is_finished) {
    const bool was_stopped = stop.stop_requested();
    if (was_stopped) handle.cancel();
    const std::optional<engine::AnswerUpdate> update =
        handle.next(was_stopped ? StopToken() : stop);
    if (!update) continue;
    is_finished = update->is_finished;
    if (!update->text.empty()) {
      answer.text += update->text;
      if (on_text) on_text(update->text);
    } else if (on_progress && answer.text.empty()) {
      on_progress(update->progress);
    }
  }
  answer.result = handle.wait();
}

Answer Conversation::ask(const std::string& question, const engine::TextSink& on_text,
                         const StopToken& stop, const engine::ProgressSink& on_progress) {
  reader_.unload();  // the model may need its memory
  try {
    try {
      return answer_to(question, on_text, stop, on_progress);
    } catch (const Error& error) {
      // It may need the memory of a reading that was stopped.
      if (error.code() != ErrorCode::kOverBudget || !reader_.is_reading()) throw;
    }
    return reader_.wait(stop) ? answer_to(question, on_text, stop, on_progress) : Answer();
  } catch (...) {
    waiting_.clear();
    throw;
  }
}

Answer Conversation::answer_to(const std::string& question, const engine::TextSink& on_text,
                               const StopToken& stop, const engine::ProgressSink& on_progress) {
  Answer answer;
  engine::GenerationRequest request = request_for(question);
  add_texts(request, answer);
  text::Message message = request.messages.back();
  try {
    follow(std::move(request), on_text, stop, on_progress, answer);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
    if (answer.text.empty()) return answer;
  }
  keep(std::move(message), answer.text);
  return answer;
}

void Conversation::keep(text::Message question, const std::string& answer) {
  for (WaitingPicture& picture : waiting_) pictures_.push_back(std::move(picture.held));
  waiting_.clear();
  messages_.push_back(std::move(question));
  messages_.push_back({text::Role::kAssistant, {text::Part::make_text(answer)}});
}

}  // namespace oko::tasks
