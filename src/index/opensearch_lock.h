#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/stop_token.h"
#include "index/opensearch_client.h"

namespace oko::index {

/// The right to write to a library: an item of its index that its owner renews. One that was not
/// renewed for `lease` counts as given up. No clocks of different machines are compared.
///
/// It keeps two processes from working in vain. That no commit is lost depends on the record of the
/// library alone (`LibraryState::write`).
class OpenSearchLock {
 public:
  /// `options`: for taking it. Throws kBusy if another process holds it,
  /// kCancelled.
  OpenSearchLock(const OpenSearchAddress& address, const net::HttpOptions& options,
                 std::chrono::milliseconds lease, const StopToken& stop = {});
  /// Gives it up.
  ~OpenSearchLock();
  OpenSearchLock(const OpenSearchLock&) = delete;
  OpenSearchLock& operator=(const OpenSearchLock&) = delete;

  const std::string& owner() const { return owner_; }  ///< no two have the same
  /// Throws kBusy if another process has taken it.
  void require_held() const;

 private:
  void take(OpenSearchClient& client, const StopToken& stop);
  /// Returns false if the item is another process's.
  bool write(OpenSearchClient& client, const std::string& owner);
  void keep_place(const nlohmann::json& answer);
  void renew(const StopToken& stop);
  [[noreturn]] void fail_busy() const;

  OpenSearchClient client_;  ///< to renew and give up: gives up before the lease ends
  std::chrono::milliseconds lease_;
  std::string owner_;
  std::int64_t seq_no_ = -1;  ///< of the item; -1: there is none
  std::int64_t primary_term_ = 0;
  std::int64_t beat_ = 0;
  std::atomic<bool> is_lost_{false};
  JoiningThread renewing_;
};

}  // namespace oko::index
