#include "hub/web_file.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/lower_case.h"

namespace oko::hub {
namespace {

constexpr int kOk = 200;

LocalizedText hint_of_saving() {
  return tr("save the file with a browser and name it", "сохраните файл браузером и укажите его");
}

[[noreturn]] void throw_status(const std::string& name, int status) {
  const LocalizedText text = tr("{}: the server answers with status {}",
                                "{}: сервер отвечает со статусом {}", name, status);
  switch (status) {
    case 401:
    case 403:
      throw Error(ErrorCode::kBadInput, text,
                  tr("the server wants a login; ", "сервер требует входа; ") + hint_of_saving());
    case 404:
    case 410:
      throw Error(
          ErrorCode::kNotFound, text,
          tr("nothing is at that address: check it", "по этому адресу ничего нет: проверьте его"));
    case 429:
      throw Error(
          ErrorCode::kBadInput, text,
          tr("too many requests: try again later", "слишком много запросов: попробуйте позже"));
    default:
      throw Error(ErrorCode::kBadInput, text,
                  status >= 500 ? tr("the server has a fault: try again later",
                                     "на сервере сбой: попробуйте позже")
                                : hint_of_saving());
  }
}

[[noreturn]] void throw_too_large(const std::string& name, std::uint64_t max_bytes) {
  throw Error(ErrorCode::kTooLarge,
              tr("{}: is larger than {}, the limit of a download",
                 "{}: больше {} — это предел для загрузки", name, format_bytes(max_bytes)),
              hint_of_saving());
}

/// The declared size; 0: unknown.
std::uint64_t length_of(const net::HttpHead& head) {
  const std::string text = head.field("content-length");
  std::uint64_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

/// One try of a download.
class Download {
 public:
  Download(std::string name, const WebFileLimits& limits, const WebFileReceiver& receiver)
      : name_(std::move(name)), limits_(limits), receiver_(receiver) {}

  bool on_head(const net::HttpHead& head) {
    if (head.status != kOk) return false;
    total_ = net::is_compressed(head) ? 0 : length_of(head);
    if (total_ > limits_.max_bytes) throw_too_large(name_, limits_.max_bytes);
    receiver_.begin();
    return true;
  }

  bool on_body(std::span<const std::byte> bytes) {
    done_ += bytes.size();
    if (done_ > limits_.max_bytes) throw_too_large(name_, limits_.max_bytes);
    receiver_.append(bytes);
    if (receiver_.progress) receiver_.progress(done_, total_);
    return true;
  }

 private:
  std::string name_;
  const WebFileLimits& limits_;
  const WebFileReceiver& receiver_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

bool is_web_address(const std::string& text) {
  const std::string begin = lower_case(text.substr(0, 8));
  return begin.starts_with("http://") || begin.starts_with("https://");
}

bool is_other_address(const std::string& text) {
  const std::string lower = lower_case(text);
  const std::size_t end = lower.find(':');
  if (end == 0 || end == lower.npos || is_web_address(text)) return false;
  const bool is_name = lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == end;
  const bool is_http = lower.starts_with("http:") || lower.starts_with("https:");
  return is_name && (is_http || lower.substr(end).starts_with("://"));
}

void fetch_web_file(const std::string& url, const WebFileLimits& limits,
                    const WebFileReceiver& receiver, const StopToken& stop) {
  using Clock = std::chrono::steady_clock;
  const std::string name = net::shown_url(url);
  net::HttpClient client(limits.http);
  net::Backoff backoff(limits.http);
  while (true) {
    Download download(name, limits, receiver);
    const Clock::time_point begin = Clock::now();
    client.start(
        0, {.url = url},
        {.on_head = [&](const net::HttpHead& head) { return download.on_head(head); },
         .on_body = [&](std::span<const std::byte> bytes) { return download.on_body(bytes); }},
        limits.max_time);
    std::optional<net::HttpClient::Ended> ended;
    constexpr std::chrono::seconds kStep{10};
    while (!ended) ended = client.wait(kStep, stop);
    const net::HttpResult& result = ended->result;
    if (result.complete && result.head.status == kOk) return;
    if (10 * (Clock::now() - begin) >= 9 * limits.max_time) {  // libcurl's clock may be ahead
      throw Error(ErrorCode::kFailed,
                  tr("{}: the download takes longer than {} s", "{}: загрузка идёт дольше {} с",
                     name, limits.max_time.count()),
                  hint_of_saving());
    }
    if (result.is_transient) {
      if (const auto delay = backoff.next(result.retry_after)) {
        net::report_retry(limits.http, result);
        net::sleep_for(*delay, stop);
        continue;
      }
    }
    if (result.head.status != 0 && result.head.status != kOk)
      throw_status(name, result.head.status);
    throw Error(ErrorCode::kFailed, format_text("{}: {}", name, result.failure),
                !result.hint.empty() ? result.hint
                                     : tr("check the address, the network and the proxy "
                                          "(https_proxy)",
                                          "проверьте адрес, сеть и прокси (https_proxy)"));
  }
}

}  // namespace oko::hub
