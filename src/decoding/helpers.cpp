#include "decoding/helpers.h"

#include <utility>

#include "base/error.h"
#include "decoding/helper_decoder.h"

namespace oko::decoding {

Helpers::Helpers(HelperOptions options) : options_(std::move(options)) {
  {
    const MutexLock lock(mutex_);
    start_spare();
  }
  worker_ = JoiningThread([this](const StopToken& stop) { work(stop); });
}

Helpers::Pause::Pause(Helpers* helpers) : helpers_(helpers) {
  if (helpers_ == nullptr) return;
  const MutexLock lock(helpers_->mutex_);
  ++helpers_->pauses_;
}

Helpers::Pause::~Pause() {
  if (helpers_ == nullptr) return;
  const MutexLock lock(helpers_->mutex_);
  --helpers_->pauses_;
  helpers_->changed_.notify_all();
}

std::shared_ptr<document::PageDecoder> Helpers::decoder(const StopToken& stop, HelperScope scope) {
  return std::make_shared<HelperDecoder>(*this, scope, stop);
}

std::unique_ptr<HelperProcess> Helpers::take() {
  std::unique_ptr<HelperProcess> helper;
  {
    const MutexLock lock(mutex_);
    helper = std::move(spare_);
  }
  if (helper && helper->is_running()) return helper;
  return std::make_unique<HelperProcess>(options_);
}

void Helpers::prepare() {
  const MutexLock lock(mutex_);
  is_wanted_ = true;
  changed_.notify_all();
}

void Helpers::replace(std::unique_ptr<HelperProcess> used) {
  used->kill();
  {
    const MutexLock lock(mutex_);
    used_.push_back(std::move(used));
  }
  prepare();
}

void Helpers::start_spare() {
  if (spare_) return;
  try {
    spare_ = std::make_unique<HelperProcess>(options_);
  } catch (const Error&) {  // perhaps there are too many processes now
    spare_.reset();
  }
}

/// The system takes milliseconds to start a process, and to clear up after one.
void Helpers::work(const StopToken& stop) {
  const MutexLock lock(mutex_);
  const auto has_work = [this]() OKO_REQUIRES(mutex_) {
    return !used_.empty() || (is_wanted_ && pauses_ == 0);
  };
  while (changed_.wait(mutex_, stop, has_work)) {
    if (pauses_ == 0 && std::exchange(is_wanted_, false)) start_spare();
    std::vector<std::unique_ptr<HelperProcess>> used = std::exchange(used_, {});
    const MutexUnlock unlock(mutex_);
    used.clear();
  }
}

}  // namespace oko::decoding
