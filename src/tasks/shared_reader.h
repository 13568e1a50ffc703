#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "budget/evictable.h"
#include "budget/reservation.h"
#include "document/page.h"
#include "document/pages.h"
#include "engine/model_host.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "tasks/picture.h"

namespace oko::tasks {

/// The one engine that reads text for all requests of a server, a page at a time: no engine may be
/// made while another one reads. It is made at the first page that needs it, and evicted as an idle
/// model. Those that wait for it get it in the order in which they came. Any thread may call.
class SharedReader : private budget::Evictable {
 public:
  explicit SharedReader(engine::ModelHost& host);
  ~SharedReader() override;
  SharedReader(const SharedReader&) = delete;
  SharedReader& operator=(const SharedReader&) = delete;

  /// `options` with pages of a size that can be read within the budget.
  document::PagesOptions options_for(document::PagesOptions options) const;

  /// Page `i`, read or from its file, in its turn and under reservations of the host. Throws as
  /// Pages::load, ocr::make_engine, ocr::Engine::read and ModelHost::reserve.
  document::Page read(document::Pages& pages, std::size_t i, const ocr::Options& options,
                      const StopToken& stop);

  /// Memory for work that needs no turn. Throws as ModelHost::reserve.
  budget::Reservation reserve(const budget::TagBytes& bytes, const StopToken& stop) const {
    return host_.reserve(bytes, {}, stop);
  }
  /// The same to read a text file.
  budget::Reservation reserve_for_text(std::uint64_t bytes, const StopToken& stop) const;

  /// True while the engine is in memory.
  bool is_loaded() const;

 private:
  class Turn;
  friend class SharedPictureReader;

  budget::EvictionOrder order() const override { return budget::EvictionOrder::kIdleModel; }
  std::optional<Clock::time_point> idle_since() const override;
  bool evict(std::uint64_t bytes, const StopToken& stop) override;

  ocr::Engine& engine_for(const ocr::Options& options, const budget::Reservation* page,
                          const StopToken& stop);
  void drop();

  engine::ModelHost& host_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool is_taken_ OKO_GUARDED_BY(mutex_) = false;
  std::list<const Turn*> waiting_ OKO_GUARDED_BY(mutex_);  ///< for their turn, in its order
  bool is_loaded_ OKO_GUARDED_BY(mutex_) = false;
  Clock::time_point last_use_ OKO_GUARDED_BY(mutex_);
  // Of the one whose turn it is.
  std::vector<std::string> languages_;
  std::unique_ptr<ocr::Engine> engine_;
  budget::EvictableRegistration registration_;
  budget::Reservation memory_;  ///< of the engine
};

/// Reads the pictures of one request with a SharedReader. A picture has its turn from `load`,
/// before its memory is reserved, to its end: whoever has the turn waits for nobody who waits for
/// it.
class SharedPictureReader : public PictureReader {
 public:
  /// Time after which `load` throws kBusy while others read.
  static constexpr std::chrono::milliseconds kPatience{60'000};

  SharedPictureReader(SharedReader& reader, ReadText when,
                      std::chrono::milliseconds patience = kPatience);
  ~SharedPictureReader() override;

  void load(const StopToken& stop) override;
  document::Page read(image::Image image, budget::Reservation memory,
                      const StopToken& stop) override;
  void unload() override;
  void end_picture() override { unload(); }

 private:
  SharedReader& reader_;
  std::chrono::milliseconds patience_;
  std::unique_ptr<SharedReader::Turn> turn_;
};

}  // namespace oko::tasks
