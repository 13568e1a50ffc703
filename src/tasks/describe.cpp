#include "tasks/describe.h"

#include <memory>
#include <utility>

#include "base/error.h"
#include "tasks/shared_reader.h"

namespace oko::tasks {
namespace {

/// Pictures that are loaded ahead: as many as the model works on at once.
constexpr std::size_t kAhead = 8;

/// The default question, in the language of the answer.
std::string question_of(const DescribeOptions& options) {
  if (!options.prompt.empty()) return options.prompt;
  return options.language == Language::kRussian ? "Опиши это изображение." : "Describe this image.";
}

engine::GenerationRequest request_of(const DescribeOptions& options,
                                     const engine::Generator& generator) {
  engine::GenerationRequest request;
  if (!options.system.empty()) {
    request.messages.push_back({text::Role::kSystem, {text::Part::make_text(options.system)}});
  }
  request.messages.push_back(
      {text::Role::kUser, {text::Part::make_image(), text::Part::make_text(question_of(options))}});
  request.max_tokens = options.max_tokens;
  request.kv_bits = options.kv_bits;
  request.lookup = options.lookup;
  request.measure_memory = options.measure_memory;
  request.max_pixels = options.max_pixels;
  request.sampling.temperature = options.temperature;
  request.sampling.seed = options.seed;
  request.sampling.repetition_penalty = generator.generation_config().repetition_penalty;
  if (options.temperature > 0) {
    request.sampling.top_k = generator.generation_config().top_k;
    request.sampling.top_p = generator.generation_config().top_p;
  }
  return request;
}

std::unique_ptr<PictureReader> reader_of(engine::ModelHost& host, const DescribeOptions& options) {
  if (options.reader == nullptr) return std::make_unique<TextReader>(host, options.read_text);
  return std::make_unique<SharedPictureReader>(*options.reader, options.read_text);
}

/// Puts the text of the picture before the question.
PictureText add_text(const DescribeOptions& options, const engine::Generator& generator,
                     const document::Page& page, engine::GenerationRequest& request) {
  PictureText text = picture_text(
      page,
      {.when = options.read_text, .language = options.language, .max_tokens = options.ocr_tokens},
      generator, request);
  request.messages.back().parts.back().text.insert(0, text.block);
  return text;
}

}  // namespace

Describer::Describer(engine::ModelHost& host, engine::Generator& generator, DescribeOptions options,
                     document::Pages& pages, const StopToken& stop)
    : host_(host),
      generator_(generator),
      options_(std::move(options)),
      pages_(pages),
      stop_(stop),
      loader_([this](const StopToken& ended) {
        const StopSource either;
        const StopCallback by_end(ended, [&] { either.request_stop(); });
        const StopCallback by_caller(stop_, [&] { either.request_stop(); });
        load_all(either.get_token());
      }) {}

void Describer::load_all(const StopToken& stop) {
  const std::size_t ahead = options_.measure_memory ? 0 : kAhead;
  const std::unique_ptr<PictureReader> reader = reader_of(host_, options_);
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    {
      const MutexLock lock(mutex_);
      if (!changed_.wait(mutex_, stop, [&]() OKO_REQUIRES(mutex_) { return i < asked_ + ahead; }))
        return;
    }
    Loaded loaded = std::exception_ptr();
    try {
      loaded = load(i, *reader, stop);
    } catch (...) {
      loaded = std::current_exception();
    }
    const MutexLock lock(mutex_);
    loaded_.push_back(std::move(loaded));
    changed_.notify_all();
  }
}

Description Describer::load(std::size_t i, PictureReader& reader, const StopToken& stop) {
  engine::GenerationRequest request = request_of(options_, generator_);
  const bool reads_text = reader.when() != ReadText::kNever;
  Picture picture = load_picture(host_, generator_, request, pages_, i, reader, stop);
  request.images.push_back(std::move(picture.image));
  request.images_reservation =
      std::make_shared<const budget::Reservation>(std::move(picture.reservation));
  PictureText text = add_text(options_, generator_, picture.page, request);
  return {.pages = picture.pages,
          .shrinking = picture.shrinking,
          .others = picture.others,
          .reads_text = reads_text,
          .unread = picture.unread,
          .text = std::move(text),
          .stats = picture.stats,
          .answer = generator_.submit(std::move(request), stop)};
}

Description Describer::next() {
  const MutexLock lock(mutex_);
  ++asked_;
  changed_.notify_all();
  const auto has_loaded = [this]() OKO_REQUIRES(mutex_) { return !loaded_.empty(); };
  if (!changed_.wait(mutex_, stop_, has_loaded)) throw_cancelled();
  Loaded loaded = std::move(loaded_.front());
  loaded_.pop_front();
  if (const auto* error = std::get_if<std::exception_ptr>(&loaded)) std::rethrow_exception(*error);
  return std::get<Description>(std::move(loaded));
}

}  // namespace oko::tasks
