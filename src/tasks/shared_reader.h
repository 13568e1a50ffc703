#pragma once

#include <cstddef>
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
#include "ocr/engine.h"

namespace oko::tasks {

/// The one engine that reads text for all requests of a server, a page at a time: no engine may be
/// made while another one reads. It is made at the first page that needs it, and evicted as an idle
/// model. Any thread may call.
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

  /// True while the engine is in memory.
  bool is_loaded() const;

 private:
  class Turn;

  budget::EvictionOrder order() const override { return budget::EvictionOrder::kIdleModel; }
  std::optional<Clock::time_point> idle_since() const override;
  bool evict(std::uint64_t bytes, const StopToken& stop) override;

  ocr::Engine& engine_for(const ocr::Options& options, const budget::Reservation& page,
                          const StopToken& stop);
  void drop();

  engine::ModelHost& host_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool is_taken_ OKO_GUARDED_BY(mutex_) = false;
  bool is_loaded_ OKO_GUARDED_BY(mutex_) = false;
  Clock::time_point last_use_ OKO_GUARDED_BY(mutex_);
  // Of the one whose turn it is.
  std::vector<std::string> languages_;
  std::unique_ptr<ocr::Engine> engine_;
  budget::EvictableRegistration registration_;
  budget::Reservation memory_;  ///< of the engine
};

}  // namespace oko::tasks
