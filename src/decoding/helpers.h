#pragma once

#include <cstdint>
#include <memory>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "decoding/helper_process.h"
#include "document/page_decoder.h"

namespace oko::decoding {

/// Private memory of a helper without a file, in bytes.
inline constexpr std::uint64_t kHelperBytes = 16'000'000;

/// The processes that decode what strangers send. Each serves one request, since a file may have
/// taken it over. One is kept ready, because starting takes longer than decoding a small picture.
/// Any thread may call.
class Helpers {
 public:
  explicit Helpers(HelperOptions options);

  /// A decoder for one request; `stop` ends it while it works.
  std::shared_ptr<document::PageDecoder> decoder(const StopToken& stop);

  /// A helper that nobody has used. Throws kFailed.
  std::unique_ptr<HelperProcess> take();
  /// Starts the next one, unless there is one. A failure shows when it is taken.
  void prepare();

 private:
  HelperOptions options_;
  Mutex mutex_;
  std::unique_ptr<HelperProcess> spare_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko::decoding
