// The right to write to a library on OpenSearch, against a server that keeps one item.
#include "index/opensearch_lock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/mutex.h"
#include "tests/support/http_server.h"

namespace oko::index {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// An item of an index, with the conditions of OpenSearch for writing it.
class ItemServer {
 public:
  ItemServer() : server_([this](const ServerRequest& request) { return answer(request); }) {}

  OpenSearchAddress address() const {
    OpenSearchAddress address;
    address.hosts = {server_.url()};
    address.index = "library";
    return address;
  }

  void set(const std::string& owner) {
    const MutexLock lock(mutex_);
    item_ = {{"owner", owner}, {"beat", 1}};
    ++seq_no_;
  }
  /// The next change is done, but its answer does not say so.
  void lose_answer() {
    const MutexLock lock(mutex_);
    loses_answer_ = true;
  }
  std::string owner() const {
    const MutexLock lock(mutex_);
    return item_.value("owner", "nobody yet");
  }
  int beat() const {
    const MutexLock lock(mutex_);
    return item_.value("beat", 0);
  }

 private:
  ServerReply answer(const ServerRequest& request) {
    const MutexLock lock(mutex_);
    if (request.method == "GET") {
      if (seq_no_ < 0) return {.status = 404, .body = R"({"found":false})"};
      return {.body = json{{"_seq_no", seq_no_}, {"_primary_term", 1}, {"_source", item_}}.dump()};
    }
    const std::string wanted = seq_no_ < 0
                                   ? "?op_type=create"
                                   : "?if_seq_no=" + std::to_string(seq_no_) + "&if_primary_term=1";
    if (request.path != "/library/_doc/lock" + wanted) return {.status = 409, .body = "{}"};
    item_ = json::parse(request.body);
    ++seq_no_;
    if (std::exchange(loses_answer_, false)) return {.status = 500, .body = "{}"};
    return {.status = 201, .body = json{{"_seq_no", seq_no_}, {"_primary_term", 1}}.dump()};
  }

  mutable Mutex mutex_;
  json item_ OKO_GUARDED_BY(mutex_) = json::object();
  int seq_no_ OKO_GUARDED_BY(mutex_) = -1;
  bool loses_answer_ OKO_GUARDED_BY(mutex_) = false;
  HttpServer server_;  // last: its threads use the rest
};

std::unique_ptr<OpenSearchLock> lock_of(const ItemServer& server) {
  return std::make_unique<OpenSearchLock>(server.address(), net::HttpOptions{.first_delay = 1ms},
                                          60ms);
}

template <typename Condition>
bool comes_true(const Condition& condition) {
  for (int i = 0; i < 3000 && !condition(); ++i) net::sleep_for(10ms, {});
  return condition();
}

bool is_held(const OpenSearchLock& lock) {
  try {
    lock.require_held();
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    return false;
  }
}

TEST(OpenSearchLockTest, IsRenewedAndGivenUp) {
  const ItemServer server;
  auto lock = lock_of(server);
  EXPECT_EQ(server.owner(), lock->owner());
  EXPECT_TRUE(comes_true([&] { return server.beat() > 3; }));
  EXPECT_TRUE(is_held(*lock));
  lock.reset();
  EXPECT_EQ(server.owner(), "");
  lock = lock_of(server);
  EXPECT_EQ(server.owner(), lock->owner());
}

TEST(OpenSearchLockTest, OwnerThatLivesIsNotReplaced) {
  const ItemServer server;
  const auto lock = lock_of(server);
  EXPECT_THROW(OpenSearchLock(server.address(), {}, 1h), Error);  // sees the first renewal
  EXPECT_TRUE(is_held(*lock));
  EXPECT_EQ(server.owner(), lock->owner());
}

TEST(OpenSearchLockTest, OwnerThatDiedIsReplaced) {
  ItemServer server;
  server.set("dead");
  const auto lock = lock_of(server);
  EXPECT_EQ(server.owner(), lock->owner());
}

TEST(OpenSearchLockTest, RenewalWhoseAnswerWasLostIsNoLoss) {
  ItemServer server;
  auto lock = lock_of(server);
  server.lose_answer();
  const int before = server.beat();
  EXPECT_TRUE(comes_true([&] { return server.beat() > before + 3 || !is_held(*lock); }));
  EXPECT_TRUE(is_held(*lock));
  server.lose_answer();
  lock.reset();
  EXPECT_EQ(server.owner(), "");
}

TEST(OpenSearchLockTest, LossIsNoticedAndTheNewOwnerKept) {
  ItemServer server;
  auto lock = lock_of(server);
  server.set("other");
  EXPECT_TRUE(comes_true([&] { return !is_held(*lock); }));
  lock.reset();
  EXPECT_EQ(server.owner(), "other");
}

}  // namespace
}  // namespace oko::index
