#include "tasks/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/mutex.h"
#include "budget/memory_meter.h"
#include "budget/memory_size.h"
#include "engine/plan.h"
#include "engine/reductions.h"
#include "engine/stopwatch.h"
#include "image/fit.h"
#include "ocr/memory_estimate.h"
#include "tensor/device.h"

namespace oko::tasks {
namespace {

using budget::Tag;
using budget::TagBytes;

budget::Reservation reserve_for(engine::ModelHost& host, Tag tag, std::uint64_t bytes,
                                const StopToken& stop, Picture& picture) {
  picture.stats.predicted[tag] = bytes;
  TagBytes size;
  size[tag] = bytes;
  return host.reserve(size, {}, stop, &picture.reservation);
}

/// The memory of a picture and of a request about it, in bytes of a budget.
class PictureMemory {
 public:
  PictureMemory(const engine::Generator& engine, const engine::GenerationRequest& request,
                const image::Header& header)
      : engine_(engine),
        request_(request),
        header_(header),
        size_{header.width, header.height},
        model_bytes_(engine.least_bytes(request, {size_})) {}

  /// Bytes before the model runs.
  static std::uint64_t loading(const image::Header& header, bool reads_text) {
    const std::uint64_t reading =
        reads_text ? rgb_bytes(header) + ocr::reading_bytes(header.width, header.height) : 0;
    return stays(reads_text) + std::max(header.decode_bytes, reading);
  }

  std::uint64_t total(bool reads_text) const {
    return std::max(loading(reads_text), stays(reads_text) + model_bytes_);
  }

  /// The refusal if `total` is above `budget`.
  budget::OverBudget refusal(bool reads_text, std::uint64_t budget) const {
    engine::Knobs knobs;
    if (loading(reads_text) <= budget) knobs = knobs_within(budget, reads_text);
    knobs.budget_bytes = total(reads_text);
    if (reads_text) {
      if (total(false) <= budget) {
        knobs.option = without_text();
      } else if (knobs.max_pixels == 0 && loading(false) <= budget) {
        const std::int64_t pixels = knobs_within(budget, false).max_pixels;
        if (pixels > 0) {
          knobs.option = format_text("{} {} {}", without_text(), Knob{"max_pixels"}, pixels);
        }
      }
    }
    return {knobs.budget_bytes, budget, engine::budget_hint(knobs)};
  }

 private:
  static std::uint64_t rgb_bytes(const image::Header& header) {
    return std::uint64_t{3} * static_cast<std::uint64_t>(header.width) *
           static_cast<std::uint64_t>(header.height);
  }

  static LocalizedText without_text() { return format_text("{} off", Knob{"ocr"}); }

  static std::uint64_t stays(bool reads_text) {
    return engine::runtime_bytes(tensor::on_gpu()) + (reads_text ? ocr::kEngineBytes : 0);
  }

  std::uint64_t loading(bool reads_text) const { return loading(header_, reads_text); }

  engine::Knobs knobs_within(std::uint64_t budget, bool reads_text) const {
    const std::uint64_t others = stays(reads_text);
    return engine_.knobs_for(request_, {size_}, budget - std::min(budget, others));
  }

  const engine::Generator& engine_;
  const engine::GenerationRequest& request_;
  image::Header header_;
  models::qwen3_vl::ImageSize size_;
  std::uint64_t model_bytes_;
};

/// A page to load.
struct PageToShow {
  document::Pages& pages;
  std::size_t i;
};

/// The largest size that fits the budget: to decode the picture and, if requested, to read its
/// text.
image::Fitted fitted(const PageToShow& page, std::uint64_t budget, bool reads_text) {
  return page.pages.fit(page.i, budget, [&](const image::Header& header) {
    return PictureMemory::loading(header, reads_text);
  });
}

/// The size of a picture that fits the budget, and true if reading its text fits, too. If it does
/// not, unloads the text reader.
std::pair<image::Fitted, bool> plan(const engine::Generator& engine,
                                    const engine::GenerationRequest& request,
                                    const PageToShow& page, std::uint64_t budget,
                                    PictureReader& reader, Picture& picture) {
  const bool wanted = reader.when() != ReadText::kNever;
  std::uint64_t with_text = 0;
  if (wanted) {
    const image::Fitted size = fitted(page, budget, true);
    const PictureMemory memory(engine, request, size.header);
    with_text = memory.total(true);
    if (with_text <= budget) return {size, true};
    if (reader.when() == ReadText::kAlways) throw memory.refusal(true, budget);
  }
  const image::Fitted size = fitted(page, budget, false);
  const PictureMemory memory(engine, request, size.header);
  if (memory.total(false) > budget) throw memory.refusal(false, budget);
  if (wanted) {
    reader.unload();
    picture.unread = budget::OverBudget(with_text, budget).message();
  }
  return {size, false};
}

/// RAII: tells the reader of the end of a picture.
struct PictureEnd {
  explicit PictureEnd(PictureReader& reader_of_it) : reader(reader_of_it) {}
  ~PictureEnd() { reader.end_picture(); }
  PictureEnd(const PictureEnd&) = delete;
  PictureEnd& operator=(const PictureEnd&) = delete;
  PictureReader& reader;
};

/// Returns false if text cannot be read and is optional.
bool can_load(PictureReader& reader, const StopToken& stop, Picture& picture) {
  try {
    reader.load(stop);
    return true;
  } catch (const Error& error) {
    if (reader.when() == ReadText::kAlways || error.code() == ErrorCode::kCancelled) throw;
    picture.unread = format_text("{} ({})", error.message(), error.hint());
    reader.give_up();
    return false;
  }
}

/// Returns the text of the page in the file, or the picture that is to be read for it.
std::optional<document::LoadedPage> decode(engine::ModelHost& host, const PageToShow& page,
                                           const image::Fitted& fitted, bool measures_memory,
                                           const StopToken& stop, Picture& picture) {
  picture.reservation = reserve_for(host, Tag::kImage, fitted.header.decode_bytes, stop, picture);
  std::optional<budget::MemoryMeter> meter;
  if (measures_memory) meter.emplace();
  const engine::Stopwatch time;
  document::Pages::Shown shown = page.pages.source(page.pages.file_number(page.i))->unchanged([&] {
    return page.pages.show(page.i, fitted);
  });
  picture.image = std::move(shown.image);
  picture.shrinking = shown.reduction;
  picture.stats.decode_seconds = time.seconds();
  if (meter) picture.stats.taken[Tag::kImage] = meter->take_growth();
  TagBytes spare = picture.reservation.bytes();
  spare[Tag::kImage] -= std::min<std::uint64_t>(spare[Tag::kImage], picture.image.rgb.size());
  picture.reservation.split(spare);
  return std::move(shown.text);
}

void read_text(engine::ModelHost& host, PictureReader& reader,
               std::optional<document::LoadedPage> loaded, bool measures_memory,
               const StopToken& stop, Picture& picture) {
  // Includes the copy of the picture that the engine reads.
  budget::Reservation reservation =
      reserve_for(host, Tag::kOcr, ocr::reading_bytes(picture.image.width, picture.image.height),
                  stop, picture);
  std::optional<budget::MemoryMeter> meter;
  if (measures_memory) meter.emplace();
  const engine::Stopwatch time;
  picture.page =
      reader.read(loaded ? std::get<image::Image>(std::move(loaded->content)) : picture.image,
                  std::move(reservation), stop);
  if (loaded && loaded->complete) picture.page = loaded->complete(std::move(picture.page));
  picture.stats.read_seconds = time.seconds();
  if (meter) picture.stats.taken[Tag::kOcr] = meter->take_growth();
}

}  // namespace

std::optional<ReadText> read_text_of(std::string_view word) {
  if (word == "off") return ReadText::kNever;
  if (word == "on") return ReadText::kAlways;
  if (word == "auto") return ReadText::kWhereItFits;
  return std::nullopt;
}

LocalizedText unread_text(const LocalizedText& reason) {
  return tr("text in the picture is not read: {}", "текст на картинке не читается: {}", reason);
}

class TextReader::Reading {
 public:
  void end(document::Page page, std::exception_ptr error) {
    const MutexLock lock(mutex_);
    page_ = std::move(page);
    error_ = std::move(error);
    is_done_ = true;
    changed_.notify_all();
  }

  /// Returns false if `stop` is requested before the end.
  bool wait(const StopToken& stop) {
    const MutexLock lock(mutex_);
    return changed_.wait(mutex_, stop, [this]() OKO_REQUIRES(mutex_) { return is_done_; });
  }

  bool is_done() {
    const MutexLock lock(mutex_);
    return is_done_;
  }

  /// The page, or throws the error; after the end.
  document::Page take() {
    const MutexLock lock(mutex_);
    if (error_) std::rethrow_exception(error_);
    return std::move(page_);
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  bool is_done_ OKO_GUARDED_BY(mutex_) = false;
  document::Page page_ OKO_GUARDED_BY(mutex_);
  std::exception_ptr error_ OKO_GUARDED_BY(mutex_);
};

void TextReader::load(const StopToken& stop) {
  // No engine is made while another one reads: some of Tesseract's settings belong to the process.
  if (!wait(stop)) throw_cancelled();
  if (loaded_ == nullptr) {
    loaded_ = std::shared_ptr<Loaded>(new Loaded{{host_, ocr::kEngineBytes, {}, stop}, nullptr});
  }
  if (loaded_->engine == nullptr) loaded_->engine = ocr::make_engine({});
}

document::Page TextReader::read(image::Image image, budget::Reservation memory,
                                const StopToken& stop) {
  const auto reading = std::make_shared<Reading>();
  thread_ = JoiningThread([reading, loaded = loaded_, image = std::move(image),
                           memory = std::move(memory), stop]() mutable {
    document::Page page;
    std::exception_ptr error;
    try {
      page = loaded->engine->read(std::move(image), stop);
    } catch (...) {
      error = std::current_exception();
    }
    loaded.reset();  // the engine, unless its reader still has it
    tensor::trim_heap();
    memory.release();  // last: those that wait for it find the room of the engine free
    reading->end(std::move(page), error);
  });
  reading_ = reading;
  if (!reading->wait(stop)) {
    unload();
    throw_cancelled();
  }
  thread_.join();
  return reading->take();
}

bool TextReader::wait(const StopToken& stop) const {
  return reading_ == nullptr || reading_->wait(stop);
}

bool TextReader::is_reading() const {
  return reading_ != nullptr && !reading_->is_done();
}

Picture load_picture(engine::ModelHost& host, const engine::Generator& engine,
                     const engine::GenerationRequest& request, document::Pages& pages,
                     std::size_t i, PictureReader& reader, const StopToken& stop) {
  const PageToShow page{pages, i};
  const PictureEnd end{reader};
  Picture picture;
  const auto source = pages.source(pages.file_number(i));
  const auto [size, reads_text] = source->unchanged(
      [&] { return plan(engine, request, page, host.budget_bytes(), reader, picture); });
  picture.pages = size.header.pages;
  picture.others = image::others_of(size.header);
  const bool wants_text = reader.when() != ReadText::kNever;
  const bool reading = reads_text && can_load(reader, stop, picture);
  std::optional<document::LoadedPage> loaded =
      decode(host, page, size, request.measure_memory, stop, picture);
  auto* const told = loaded ? std::get_if<document::Page>(&loaded->content) : nullptr;
  if (told != nullptr && wants_text) {
    picture.page = std::move(*told);
    picture.unread = {};
  } else if (reading) {
    read_text(host, reader, std::move(loaded), request.measure_memory, stop, picture);
  }
  return picture;
}

}  // namespace oko::tasks
