#include "index/opensearch_lock.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr const char* kItem = "/_doc/lock";
constexpr int kConflict = 409;
constexpr int kNotThere = 404;
constexpr int kMostConflicts = 3;                ///< of a change, with ourselves
constexpr int kBeats = 6;                        ///< of a lease
constexpr std::chrono::milliseconds kLook{300};  ///< between looks at the lock of another

std::string random_owner() {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", ::getpid(), random(), random());
}

/// Of a renewal, which is tried again soon, and long before the lease ends.
net::HttpOptions options_of_renewal(std::chrono::milliseconds lease) {
  const auto silence = std::chrono::duration_cast<std::chrono::seconds>(lease / kBeats);
  const std::chrono::seconds limit = std::max(silence, std::chrono::seconds(1));
  return {.tries = 1, .connect_timeout = limit, .silence = limit};
}

}  // namespace

OpenSearchLock::OpenSearchLock(const OpenSearchAddress& address, const net::HttpOptions& options,
                               std::chrono::milliseconds lease, const StopToken& stop)
    : client_(address, options_of_renewal(lease)), lease_(lease), owner_(random_owner()) {
  OpenSearchClient patient(address, options, stop);
  take(patient, stop);
  renewing_ = JoiningThread([this](const StopToken& stop) { renew(stop); });
}

OpenSearchLock::~OpenSearchLock() {
  renewing_ = JoiningThread();
  if (is_lost_) return;
  try {
    write(client_, "");
  } catch (...) {
    return;  // the lease ends by itself
  }
}

void OpenSearchLock::take(OpenSearchClient& client, const StopToken& stop) {
  std::chrono::milliseconds waited{0};
  while (true) {
    const OpenSearchClient::Reply reply = client.send("GET", kItem, {}, kNotThere);
    const bool is_there = reply.status != kNotThere;
    const std::int64_t seq_no = is_there ? reply.body.value("_seq_no", std::int64_t{-1}) : -1;
    if (is_there && waited.count() > 0 && seq_no != seq_no_) fail_busy();  // its owner lives
    seq_no_ = seq_no;
    primary_term_ = is_there ? reply.body.value("_primary_term", std::int64_t{0}) : 0;
    const bool is_free = !is_there || reply.body.at("_source").value("owner", "").empty();
    if ((is_free || waited >= lease_) && write(client, owner_)) return;
    if (is_free) fail_busy();  // another was faster
    const std::chrono::milliseconds step =
        std::min<std::chrono::milliseconds>(lease_ / kBeats, kLook);
    net::sleep_for(step, stop);
    waited += step;
  }
}

bool OpenSearchLock::write(OpenSearchClient& client, const std::string& owner) {
  for (int i = 0; i < kMostConflicts; ++i) {
    const std::string condition =
        seq_no_ < 0 ? std::string("?op_type=create")
                    : fmt::format("?if_seq_no={}&if_primary_term={}", seq_no_, primary_term_);
    const json item{{"type", "lock"}, {"owner", owner}, {"beat", ++beat_}};
    const OpenSearchClient::Reply reply =
        client.send("PUT", kItem + condition, text_of(item), kConflict);
    if (reply.status != kConflict) {
      keep_place(reply.body);
      return true;
    }
    // The answer to an earlier try, or to the renewal before, may have been lost.
    const OpenSearchClient::Reply now = client.send("GET", kItem);
    const json& found = now.body.at("_source");
    const std::string holder = found.value("owner", "");
    const bool is_done = holder == owner && found.value("beat", std::int64_t{0}) == beat_;
    if (!is_done && holder != owner_) return false;
    keep_place(now.body);
    if (is_done) return true;
  }
  return false;
}

void OpenSearchLock::keep_place(const json& answer) {
  seq_no_ = answer.value("_seq_no", std::int64_t{-1});
  primary_term_ = answer.value("_primary_term", std::int64_t{0});
}

void OpenSearchLock::renew(const StopToken& stop) {
  std::mutex mutex;
  ConditionVariable never;
  while (!is_lost_) {
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, lease_ / kBeats, [] { return false; });
    if (stop.stop_requested()) return;
    try {
      is_lost_ = !write(client_, owner_);
    } catch (const std::exception&) {
      continue;  // the cluster may come back, and nobody else take the lock meanwhile
    }
  }
}

void OpenSearchLock::require_held() const {
  if (is_lost_) fail_busy();
}

void OpenSearchLock::fail_busy() const {
  throw Error(ErrorCode::kBusy,
              tr("{}: another oko index writes to the library",
                 "{}: в библиотеку пишет другой oko index", client_.address().shown()),
              tr("wait until it is done", "дождитесь, пока он закончит"));
}

}  // namespace oko::index
