#include "decoding/helpers.h"

#include <utility>

#include "base/error.h"
#include "decoding/helper_decoder.h"

namespace oko::decoding {

Helpers::Helpers(HelperOptions options) : options_(std::move(options)) {
  prepare();
}

std::shared_ptr<document::PageDecoder> Helpers::decoder(const StopToken& stop) {
  return std::make_shared<HelperDecoder>(*this, stop);
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
  if (spare_) return;
  try {
    spare_ = std::make_unique<HelperProcess>(options_);
  } catch (const Error&) {  // perhaps there are too many processes now
    spare_.reset();
  }
}

}  // namespace oko::decoding
