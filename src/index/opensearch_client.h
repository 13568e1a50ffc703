#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_token.h"
#include "index/opensearch_address.h"
#include "net/http_client.h"

namespace oko::index {

/// Requests to the index of a library.
///
/// One that a host does not answer, or has too much to do for, goes to the next host at once. After
/// the last host comes a wait, which doubles each time, before the first is asked again: as often
/// as `net::HttpOptions` says, before any answer at most three times. So a request may be done
/// twice.
///
/// Errors: kNotFound: there is no such index; kFailed: no host answers, a wrong password, a full
/// disk, anything that OpenSearch refuses.
class OpenSearchClient {
 public:
  /// After a `stop` nothing is asked again, and an answer is waited for some seconds: enough to
  /// commit, and not to keep the user.
  explicit OpenSearchClient(OpenSearchAddress address, net::HttpOptions options = {},
                            StopToken stop = {});

  const OpenSearchAddress& address() const { return address_; }

  struct Reply {
    int status = 0;
    nlohmann::json body;
  };
  /// `path`: behind the index, such as "/_search". `accepted`: a status that is no error, besides
  /// those of success.
  Reply send(const std::string& method, const std::string& path, const std::string& body = {},
             int accepted = 0);
  nlohmann::json search(const nlohmann::json& body, std::string_view parameters = {});
  /// Calls `visit` for each item that a query finds, by rising `field`, a number or word that no
  /// two have in common. `size`: items of a request. `without`: fields that are not wanted.
  void visit(const nlohmann::json& query, const std::string& field, std::size_t size,
             const std::vector<std::string>& without,
             const std::function<void(const nlohmann::json&)>& visit);
  /// Returns what `read` does, which reads answers. Throws kFailed for one that is not as
  /// OpenSearch's.
  template <typename Read>
  auto reading(const Read& read) const {
    try {
      return read();
    } catch (const nlohmann::json::exception&) {
      fail_foreign();
    }
  }
  /// The number of nodes of the cluster that have data; 1 if the user may not ask.
  int data_nodes();

  /// Lines of a bulk request, two an item or, to delete, one. Items that the cluster is too busy
  /// for are sent again. Throws if one is refused; others may be done then.
  void bulk(const std::vector<std::string>& items);
  /// Makes what was written visible to searches.
  void refresh();

 private:
  Reply send_to(const std::string& path_of_all, const std::string& method, const std::string& body,
                const std::string& type, int accepted);
  /// How the request ends that runs.
  net::HttpResult result();
  /// Waits before another try. Returns false if there is to be none.
  bool wait(std::chrono::milliseconds delay) const;
  /// The items that are to be sent again.
  std::vector<std::string> send_items(const std::vector<std::string>& items);
  [[noreturn]] void fail_unreachable(const net::HttpResult& result) const;
  [[noreturn]] void fail_foreign() const;
  [[noreturn]] void fail(int status, const nlohmann::json& body) const;

  OpenSearchAddress address_;
  net::HttpClient http_;
  StopToken stop_;
  std::size_t host_ = 0;  ///< that answered last
  bool has_answered_ = false;
};

/// JSON with U+FFFD for what is not UTF-8.
std::string text_of(const nlohmann::json& json);

}  // namespace oko::index
