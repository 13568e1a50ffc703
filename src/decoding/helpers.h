#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "decoding/helper_process.h"
#include "document/page_decoder.h"

namespace oko::decoding {

/// Private memory of a helper without a file, in bytes.
inline constexpr std::uint64_t kHelperBytes = 16'000'000;

/// What one helper works for. A file may have taken it over, and then it lies about what follows.
enum class HelperScope {
  kRequest,  ///< all files of a request: a failure ends all of its work
  kFile,     ///< one file each, for work on many: a failure is that of its file
};

/// The processes that decode what strangers send. One is kept ready, because starting takes longer
/// than decoding a small picture. Any thread may call.
class Helpers {
 public:
  explicit Helpers(HelperOptions options);

  /// While one lives, no helper is made ready: a start takes 60 ms of a processor, which an answer
  /// that is being written would miss. `take` still starts one where none is ready.
  class Pause {
   public:
    /// `helpers` must outlive it; null: nothing is paused.
    explicit Pause(Helpers* helpers);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Helpers* helpers_;
  };

  /// `stop` ends it while it works.
  std::shared_ptr<document::PageDecoder> decoder(const StopToken& stop,
                                                 HelperScope scope = HelperScope::kRequest);

  /// A helper that nobody has used. Throws kFailed.
  std::unique_ptr<HelperProcess> take();
  /// Starts the next one, unless there is one, without waiting, or behind the last pause. A failure
  /// shows when it is taken.
  void prepare();
  /// Ends one, and prepares the next, without waiting for either.
  void replace(std::unique_ptr<HelperProcess> used);

 private:
  void start_spare() OKO_REQUIRES(mutex_);
  void work(const StopToken& stop);

  HelperOptions options_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::unique_ptr<HelperProcess> spare_ OKO_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<HelperProcess>> used_ OKO_GUARDED_BY(mutex_);  ///< that are killed
  bool is_wanted_ OKO_GUARDED_BY(mutex_) = false;                            ///< a spare one
  int pauses_ OKO_GUARDED_BY(mutex_) = 0;
  JoiningThread worker_;  // last: it uses what is above
};

}  // namespace oko::decoding
