#include "net/public_file.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "net/http_client.h"
#include "net/public_address.h"

namespace oko::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostUrlBytes = 8 * 1024;

/// Also for what oko may not ask: nobody learns what there is in its network.
[[noreturn]] void throw_unreachable() {
  throw Error(ErrorCode::kBadInput, tr("nothing could be fetched from this address",
                                       "по этому адресу ничего не удалось получить"));
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

/// True if oko may ask what stands there, as far as the text tells.
bool is_allowed(const std::string& text, bool any_port) {
  if (text.size() > kMostUrlBytes) return false;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
    return false;
  }
  const std::string scheme = part_of(url.get(), CURLUPART_SCHEME, 0);
  const std::string port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const bool is_web = scheme == "http" || scheme == "https";
  return is_web && (any_port || port == "80" || port == "443");
}

/// Where an answer of `from` redirects to; empty: nowhere.
std::string redirect_of(const std::string& from, const HttpHead& head) {
  constexpr int kStatuses[] = {301, 302, 303, 307, 308};
  const bool is_redirect =
      std::find(std::begin(kStatuses), std::end(kStatuses), head.status) != std::end(kStatuses);
  if (!is_redirect) return {};
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, from.c_str(), 0) != CURLUE_OK) return {};
  const std::string place = head.field("location");
  if (curl_url_set(url.get(), CURLUPART_URL, place.c_str(), 0) != CURLUE_OK) throw_unreachable();
  return part_of(url.get(), CURLUPART_URL, 0);
}

/// One address, and those that it redirects to.
class PublicFile {
 public:
  PublicFile(const PublicFileOptions& options,
             const std::function<void(std::span<const std::byte>)>& append)
      : options_(options), append_(append), end_(Clock::now() + options.max_time) {}

  void fetch(std::string url, const StopToken& stop) {
    for (int redirects = 0; redirects <= options_.max_redirects; ++redirects) {
      if (!is_allowed(url, options_.any_port)) throw_unreachable();
      const bool is_secure = lower_case(url).starts_with("https:");
      const HttpResult result = ask(url, stop);
      if (std::string next = redirect_of(url, result.head); !next.empty()) {
        url = std::move(next);
        if (is_secure && !lower_case(url).starts_with("https:")) throw_unreachable();
        continue;
      }
      const bool has_head = result.head.status != 0;
      if (has_head && result.head.status != 200) {
        throw Error(ErrorCode::kBadInput,
                    tr("the server of this address answers with status {}",
                       "сервер этого адреса отвечает со статусом {}", result.head.status));
      }
      if (result.complete) return;
      if (has_head && Clock::now() >= end_ - std::chrono::seconds(1)) {
        throw Error(ErrorCode::kBadInput,
                    tr("the server of this address takes longer than {} s",
                       "сервер этого адреса отвечает дольше {} с", options_.max_time.count()));
      }
      throw_unreachable();
    }
    throw Error(ErrorCode::kBadInput,
                tr("this address redirects more than {} times",
                   "этот адрес перенаправляет больше {} раз", options_.max_redirects));
  }

 private:
  HttpResult ask(const std::string& url, const StopToken& stop) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(end_ - Clock::now());
    if (left.count() <= 0) throw_unreachable();
    HttpClient client({.connect_timeout = left, .silence = left});
    HttpRequest request{.url = url};
    request.guard = DialGuard{.may_dial = options_.may_dial ? options_.may_dial : is_public_address,
                              .known_hosts = options_.known_hosts};
    client.start(0, request,
                 {.on_head = [this](const HttpHead& head) { return begin(head); },
                  .on_body =
                      [this](std::span<const std::byte> bytes) {
                        add(bytes);
                        return true;
                      }},
                 left);
    constexpr std::chrono::seconds kStep{10};
    std::optional<HttpClient::Ended> ended;
    while (!ended) ended = client.wait(kStep, stop);
    return std::move(ended->result);
  }

  bool begin(const HttpHead& head) {
    if (head.status != 200) return false;  // nobody reads the body
    const std::string length = head.field("content-length");
    std::uint64_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (bytes > options_.max_bytes) throw_too_large();
    return true;
  }

  void add(std::span<const std::byte> bytes) {
    bytes_ += bytes.size();
    if (bytes_ > options_.max_bytes) throw_too_large();
    append_(bytes);
  }

  [[noreturn]] void throw_too_large() const {
    throw Error(ErrorCode::kTooLarge,
                tr("the file of this address has more than {} bytes",
                   "в файле по этому адресу больше {} байт", options_.max_bytes));
  }

  const PublicFileOptions& options_;
  const std::function<void(std::span<const std::byte>)>& append_;
  const Clock::time_point end_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

void fetch_public_file(const std::string& url, const PublicFileOptions& options,
                       const std::function<void(std::span<const std::byte>)>& append,
                       const StopToken& stop) {
  if (!is_allowed(url, options.any_port)) {
    throw Error(
        ErrorCode::kBadInput,
        tr("this is no address that oko fetches: http:// or https://, no user, port 80 or "
           "443",
           "такой адрес oko не запросит: http:// или https://, без имени пользователя, порт "
           "80 или 443"));
  }
  PublicFile(options, append).fetch(url, stop);
}

}  // namespace oko::net
