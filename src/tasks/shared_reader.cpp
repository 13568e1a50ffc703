#include "tasks/shared_reader.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/error.h"
#include "engine/plan.h"
#include "ocr/memory_estimate.h"
#include "tasks/read_pages.h"
#include "tensor/device.h"

namespace oko::tasks {

/// RAII: the right to use the engine.
class SharedReader::Turn {
 public:
  /// Waits for it. Throws kCancelled, and kBusy after `patience`.
  explicit Turn(SharedReader& reader, const StopToken& stop,
                std::chrono::milliseconds patience = std::chrono::hours(24))
      : reader_(reader) {
    const MutexLock lock(reader_.mutex_);
    const auto place = reader_.waiting_.insert(reader_.waiting_.end(), this);
    const auto is_next = [this]() OKO_REQUIRES(reader_.mutex_) {
      return !reader_.is_taken_ && reader_.waiting_.front() == this;
    };
    const bool is_granted = reader_.changed_.wait_for(reader_.mutex_, stop, patience, is_next);
    reader_.waiting_.erase(place);
    if (!is_granted) {
      reader_.changed_.notify_all();  // another may be first now
      throw_if_stopped(stop);
      throw Error(ErrorCode::kBusy,
                  tr("the text of other pictures is read for more than {} seconds",
                     "текст других картинок читается дольше {} секунд",
                     std::chrono::ceil<std::chrono::seconds>(patience).count()));
    }
    reader_.is_taken_ = true;
  }
  ~Turn() {
    const MutexLock lock(reader_.mutex_);
    reader_.is_taken_ = false;
    reader_.is_loaded_ = reader_.engine_ != nullptr;
    reader_.last_use_ = Clock::now();
    reader_.changed_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  SharedReader& reader_;
};

SharedReader::SharedReader(engine::ModelHost& host)
    : host_(host), registration_(host.memory_budget(), *this) {}

SharedReader::~SharedReader() {
  {
    const MutexLock lock(mutex_);  // an eviction may be under way
    changed_.wait(mutex_, StopToken(), [this]() OKO_REQUIRES(mutex_) { return !is_taken_; });
    is_taken_ = true;
  }
  drop();
}

document::PagesOptions SharedReader::options_for(document::PagesOptions options) const {
  const std::uint64_t budget = host_.budget_bytes();
  const std::uint64_t taken = engine::runtime_bytes(tensor::on_gpu()) + ocr::kEngineBytes;
  return pages_to_read(std::move(options), budget - std::min(budget, taken));
}

document::Page SharedReader::read(document::Pages& pages, std::size_t i,
                                  const ocr::Options& options, const StopToken& stop) {
  const Turn turn(*this, stop);
  const budget::Reservation memory = host_.reserve(pages.memory_of(i), {}, stop);
  document::LoadedPage loaded = pages.load(i, nullptr);
  if (auto* page = std::get_if<document::Page>(&loaded.content)) return std::move(*page);
  ocr::Engine& engine = engine_for(options, &memory, stop);
  document::Page page = engine.read(std::move(std::get<image::Image>(loaded.content)), stop);
  if (loaded.complete) page = loaded.complete(std::move(page));
  tensor::trim_heap();
  return page;
}

budget::Reservation SharedReader::reserve_for_text(std::uint64_t bytes,
                                                   const StopToken& stop) const {
  budget::TagBytes text;
  text[budget::Tag::kOcr] = bytes;
  return reserve(text, stop);
}

bool SharedReader::is_loaded() const {
  const MutexLock lock(mutex_);
  return is_loaded_;
}

std::optional<budget::Evictable::Clock::time_point> SharedReader::idle_since() const {
  const MutexLock lock(mutex_);
  if (is_taken_) return std::nullopt;
  return last_use_;
}

bool SharedReader::evict(std::uint64_t /*bytes*/, const StopToken& /*stop*/) {
  {
    const MutexLock lock(mutex_);
    if (is_taken_ || !is_loaded_) return false;
    is_taken_ = true;
  }
  drop();
  tensor::trim_heap();
  const MutexLock lock(mutex_);
  is_taken_ = is_loaded_ = false;
  changed_.notify_all();
  return true;
}

/// The engine for these languages.
ocr::Engine& SharedReader::engine_for(const ocr::Options& options, const budget::Reservation* page,
                                      const StopToken& stop) {
  if (engine_ != nullptr && languages_ == options.languages) return *engine_;
  drop();
  budget::TagBytes bytes;
  bytes[budget::Tag::kOcr] = ocr::kEngineBytes;
  budget::Reservation memory = host_.reserve(bytes, {}, stop, page);
  engine_ = ocr::make_engine(options);
  languages_ = options.languages;
  memory_ = memory.split(bytes, registration_);
  return *engine_;
}

void SharedReader::drop() {
  engine_.reset();
  memory_.release();
}

SharedPictureReader::SharedPictureReader(SharedReader& reader, ReadText when,
                                         std::chrono::milliseconds patience)
    : PictureReader(when), reader_(reader), patience_(patience) {}

SharedPictureReader::~SharedPictureReader() = default;

void SharedPictureReader::load(const StopToken& stop) {
  turn_ = std::make_unique<SharedReader::Turn>(reader_, stop, patience_);
  reader_.engine_for({}, nullptr, stop);
}

document::Page SharedPictureReader::read(image::Image image, budget::Reservation memory,
                                         const StopToken& stop) {
  document::Page page = reader_.engine_->read(std::move(image), stop);
  tensor::trim_heap();
  memory.release();
  return page;
}

void SharedPictureReader::unload() {
  turn_.reset();
}

}  // namespace oko::tasks
