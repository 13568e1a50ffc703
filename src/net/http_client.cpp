#include "net/http_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/duration_text.h"
#include "base/environment.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"

namespace oko::net {
namespace {

/// What libcurl tells of a request that failed.
struct CurlFailure {
  CURLcode code = CURLE_OK;
  std::string detail;     ///< in English
  long redirects = 0;     ///< that were followed
  long proxy_status = 0;  ///< of an answer to CONNECT; 0: none
};

CurlFailure failure_of(CURL* easy, CURLcode code, const char* detail) {
  CurlFailure failure{.code = code, .detail = *detail != '\0' ? detail : curl_easy_strerror(code)};
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &failure.redirects);
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &failure.proxy_status);
  return failure;
}

/// True if the proxy refused to connect to the server.
bool is_refused_by_proxy(const CurlFailure& failure) {
  constexpr long kFirstFailure = 300;
  return failure.proxy_status >= kFirstFailure;
}

/// True if a server without TLS answered, as its words in OpenSSL's message tell.
bool is_other_protocol(const CurlFailure& failure) {
  return failure.code == CURLE_SSL_CONNECT_ERROR &&
         (failure.detail.find("wrong version number") != failure.detail.npos ||
          failure.detail.find("packet length too long") != failure.detail.npos);
}

/// Of a protocol that is not taken.
LocalizedText reason_of_protocol(const CurlFailure& failure) {
  if (failure.detail.find("HTTP/0.9") != failure.detail.npos) {
    return tr("what answers is not a web server", "отвечает не веб-сервер");
  }
  return failure.redirects > 0 ? tr("the server redirects to an address that oko does not follow",
                                    "сервер перенаправляет на адрес, по которому oko не ходит")
                               : tr("only addresses of https and http are taken",
                                    "годятся только адреса https и http");
}

/// Of TLS, with libcurl's words, which name the file or what is wrong.
LocalizedText reason_of_tls(const CurlFailure& failure) {
  if (is_other_protocol(failure)) {
    return tr("the server does not speak https at this address",
              "по этому адресу сервер отвечает не по https");
  }
  const std::string detail = excerpt(failure.detail);
  switch (failure.code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return tr("the certificate of the server is not trusted ({})",
                "сертификату сервера нельзя доверять ({})", detail);
    case CURLE_SSL_CACERT_BADFILE:
      return tr("the certificates cannot be read ({})", "сертификаты не читаются ({})", detail);
    default:
      return tr("no encrypted connection ({})", "не удалось зашифровать соединение ({})", detail);
  }
}

LocalizedText reason_of(const CurlFailure& failure) {
  if (is_refused_by_proxy(failure)) {
    return tr("the proxy refuses the connection (status {})",
              "прокси отказывает в соединении (статус {})", failure.proxy_status);
  }
  switch (failure.code) {
    case CURLE_URL_MALFORMAT:
      return tr("this is not the address of a file", "это не адрес файла");
    case CURLE_UNSUPPORTED_PROTOCOL:
      return reason_of_protocol(failure);
    case CURLE_BAD_CONTENT_ENCODING:
      return tr("the answer is compressed in a way that oko does not read",
                "ответ сжат так, что oko его не прочтёт");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
      return reason_of_tls(failure);
    case CURLE_WEIRD_SERVER_REPLY:
      return tr("what answers is not a web server", "отвечает не веб-сервер");
    case CURLE_COULDNT_RESOLVE_HOST:
      return tr("the name of the host is unknown", "имя сервера неизвестно");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return tr("the name of the proxy is unknown", "имя прокси неизвестно");
    case CURLE_COULDNT_CONNECT:
      return tr("no connection", "нет соединения");
    case CURLE_OPERATION_TIMEDOUT:
      return tr("no answer", "нет ответа");
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return tr("the connection was cut", "соединение оборвалось");
    case CURLE_TOO_MANY_REDIRECTS:
      return tr("too many redirects", "слишком много перенаправлений");
    default:
      return tr("the request failed ({})", "запрос не удался ({})", excerpt(failure.detail));
  }
}

/// What to do about it; empty: what is usual.
LocalizedText hint_of(const CurlFailure& failure) {
  switch (failure.code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return tr("name the authorities that sign for this network in CURL_CA_BUNDLE (a PEM file)",
                "укажите в CURL_CA_BUNDLE центры, которые подписывают для этой сети (файл PEM)");
    default:
      return {};
  }
}

/// True if the same request may succeed later.
bool is_transient_failure(const CurlFailure& failure) {
  if (is_refused_by_proxy(failure)) {
    return is_transient_status(static_cast<int>(failure.proxy_status));
  }
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return true;
    case CURLE_SSL_CONNECT_ERROR:
      return !is_other_protocol(failure);
    default:
      return false;
  }
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code == CURLE_OK) return;
  throw Error(ErrorCode::kFailed,
              tr("libcurl refuses option {}: {}", "libcurl не принимает параметр {}: {}",
                 static_cast<int>(option), curl_easy_strerror(code)));
}

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

/// One request and the answer to it.
struct HttpClient::Transfer {
  struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };

  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  int id = 0;
  HttpReceiver receiver;
  std::unique_ptr<curl_slist, FreeList> fields;
  std::optional<DialGuard> guard;
  std::unique_ptr<curl_slist, FreeList> known_hosts;
  std::unique_ptr<CURL, FreeEasy> easy;
  HttpHead head;
  bool has_begun = false;  ///< on_head was called
  bool refused = false;
  std::exception_ptr thrown;
  char detail[CURL_ERROR_SIZE] = {};

  void set_options(const HttpRequest& request, const HttpOptions& options);
  void set_body(const HttpRequest& request);
  void set_guard(const DialGuard& given);
  void set_certificates();
  HttpResult result(CURLcode code);
  bool begin();

  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t on_field(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
};

void HttpClient::Transfer::set_options(const HttpRequest& request, const HttpOptions& options) {
  CURL* const handle = easy.get();
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  const bool is_secure = lower_case(request.url.substr(0, 8)) == "https://";
  set(handle, CURLOPT_REDIR_PROTOCOLS_STR, is_secure ? "https" : "http,https");
  set(handle, CURLOPT_FOLLOWLOCATION, 1L);
  set(handle, CURLOPT_MAXREDIRS, 10L);
  set(handle, CURLOPT_NOSIGNAL, 1L);
  // A connection for each range: streams of one HTTP/2 connection would share its window.
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(handle, CURLOPT_USERAGENT, "oko");
  set(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
  set(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  constexpr long kNextToNothing = 1000;  // bytes a second
  set(handle, CURLOPT_LOW_SPEED_LIMIT, kNextToNothing);
  set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.silence.count()));
  if (!request.token.empty()) {
    // libcurl sends it to the first origin only, unlike a field that is set by hand before 7.83.
    set(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    set(handle, CURLOPT_XOAUTH2_BEARER, request.token.c_str());
  }
  // Asks for no compression, and undoes that of a proxy.
  set(handle, CURLOPT_ACCEPT_ENCODING, "identity");
  if (!request.user.empty()) {
    set(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(handle, CURLOPT_USERNAME, request.user.c_str());
    set(handle, CURLOPT_PASSWORD, request.password.c_str());
  }
  if (!request.body.empty() || request.method != "GET") set_body(request);
  if (request.range) {
    const std::string range = fmt::format("{}-{}", request.range->begin, request.range->end - 1);
    set(handle, CURLOPT_RANGE, range.c_str());
  }
  set_certificates();
  if (request.guard) set_guard(*request.guard);
  set(handle, CURLOPT_HEADERFUNCTION, on_field);
  set(handle, CURLOPT_HEADERDATA, this);
  set(handle, CURLOPT_WRITEFUNCTION, on_body);
  set(handle, CURLOPT_WRITEDATA, this);
  set(handle, CURLOPT_ERRORBUFFER, detail);
  set(handle, CURLOPT_PRIVATE, this);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
  set(handle, CURLOPT_QUICK_EXIT, 1L);  // a stop does not wait for the name of a host
#endif
}

void HttpClient::Transfer::set_guard(const DialGuard& given) {
  CURL* const handle = easy.get();
  guard = given;
  set(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  set(handle, CURLOPT_OPENSOCKETDATA, this);
  set(handle, CURLOPT_PROXY, "");
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  for (const std::string& host : given.known_hosts) {
    known_hosts.reset(curl_slist_append(known_hosts.release(), host.c_str()));
  }
  if (known_hosts) set(handle, CURLOPT_RESOLVE, known_hosts.get());
}

/// What libcurl connects to, after its name was resolved.
curl_socket_t HttpClient::Transfer::open_socket(void* self, curlsocktype /*purpose*/,
                                                curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    if (!transfer.guard->may_dial(address->addr)) return CURL_SOCKET_BAD;
  } catch (...) {
    transfer.thrown = std::current_exception();
    return CURL_SOCKET_BAD;
  }
  const int handle = ::socket(address->family, address->socktype, address->protocol);
  if (handle >= 0) ::fcntl(handle, F_SETFD, FD_CLOEXEC);
  return handle;
}

void HttpClient::Transfer::set_body(const HttpRequest& request) {
  CURL* const handle = easy.get();
  set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  if (request.body.empty()) return;
  set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set(handle, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
  curl_slist* const first =
      curl_slist_append(nullptr, fmt::format("Content-Type: {}", request.type).c_str());
  // No wait for the server's word before the body.
  fields.reset(curl_slist_append(first, "Expect:"));
  set(handle, CURLOPT_HTTPHEADER, fields.get());
}

/// From the variables that curl's own program reads; its library does not.
void HttpClient::Transfer::set_certificates() {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const auto file = environment(name);
    if (!file) continue;
    set(easy.get(), CURLOPT_CAINFO, file->c_str());
    break;
  }
  if (const auto folder = environment("SSL_CERT_DIR")) {
    set(easy.get(), CURLOPT_CAPATH, folder->c_str());
  }
}

std::size_t HttpClient::Transfer::on_field(char* data, std::size_t size, std::size_t count,
                                           void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(data, size * count);
  try {
    if (line.starts_with("HTTP/")) {
      transfer.head.fields.clear();  // those of a redirect
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      transfer.head.fields[lower_case(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
    }
    return line.size();
  } catch (...) {
    transfer.thrown = std::current_exception();
    return 0;
  }
}

/// Returns false if the receiver refuses the answer.
bool HttpClient::Transfer::begin() {
  if (has_begun) return true;
  has_begun = true;
  long status = 0;
  const char* url = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy.get(), CURLINFO_EFFECTIVE_URL, &url);
  head.status = static_cast<int>(status);
  if (url != nullptr) head.url = url;
  return !receiver.on_head || receiver.on_head(head);
}

std::size_t HttpClient::Transfer::on_body(char* data, std::size_t size, std::size_t count,
                                          void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::span<const char> bytes(data, size * count);
  try {
    if (transfer.begin() && transfer.receiver.on_body(std::as_bytes(bytes))) return bytes.size();
    transfer.refused = true;
  } catch (...) {
    transfer.thrown = std::current_exception();
  }
  return CURL_WRITEFUNC_ERROR;
}

HttpResult HttpClient::Transfer::result(CURLcode code) {
  if (thrown) std::rethrow_exception(thrown);
  HttpResult result;
  if (code == CURLE_OK && !begin()) refused = true;
  result.refused = refused;
  result.complete = code == CURLE_OK && !refused;
  if (code != CURLE_OK && !refused) {
    const CurlFailure failure = failure_of(easy.get(), code, detail);
    result.failure = reason_of(failure);
    result.hint = hint_of(failure);
    result.is_transient = is_transient_failure(failure);
  }
  if (result.complete || refused) {
    result.is_transient = is_transient_status(head.status);
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > 0) result.retry_after = std::chrono::seconds(seconds);
  }
  result.head = std::move(head);
  return result;
}

struct HttpClient::Multi {
  Multi() : handle(curl_multi_init()) {}
  ~Multi() {
    for (const auto& [id, transfer] : transfers) {
      curl_multi_remove_handle(handle, transfer->easy.get());
    }
    transfers.clear();
    curl_multi_cleanup(handle);
  }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  /// The transfer that has ended, if one has.
  std::unique_ptr<Transfer> take_ended(CURLcode& code) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(handle, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      code = message->data.result;
      char* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      const auto found = transfers.find(reinterpret_cast<Transfer*>(owner)->id);
      std::unique_ptr<Transfer> ended = std::move(found->second);
      transfers.erase(found);
      curl_multi_remove_handle(handle, ended->easy.get());
      return ended;
    }
    return nullptr;
  }

  CURLM* handle;
  std::map<int, std::unique_ptr<Transfer>> transfers;
};

bool is_transient_status(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

bool is_compressed(const HttpHead& head) {
  const std::string encoding = lower_case(head.field("content-encoding"));
  return !encoding.empty() && encoding != "identity";
}

std::string HttpHead::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

std::optional<std::chrono::milliseconds> Backoff::next(std::optional<std::chrono::seconds> asked) {
  if (++failures_ >= options_.tries || (asked && *asked > options_.most_wait)) return std::nullopt;
  const std::chrono::milliseconds own = options_.first_delay * (1 << (failures_ - 1));
  return asked ? std::max<std::chrono::milliseconds>(own, *asked) : own;
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  start_library();
  multi_ = std::make_unique<Multi>();
}

HttpClient::~HttpClient() = default;

void HttpClient::start(int id, const HttpRequest& request, HttpReceiver receiver,
                       std::chrono::seconds limit) {
  auto transfer = std::make_unique<Transfer>();
  transfer->id = id;
  transfer->receiver = std::move(receiver);
  transfer->easy.reset(curl_easy_init());
  if (transfer->easy == nullptr) throw std::bad_alloc();
  transfer->set_options(request, options_);
  set(transfer->easy.get(), CURLOPT_TIMEOUT, static_cast<long>(limit.count()));
  curl_multi_add_handle(multi_->handle, transfer->easy.get());
  multi_->transfers[id] = std::move(transfer);
}

int HttpClient::running() const {
  return static_cast<int>(multi_->transfers.size());
}

std::optional<HttpClient::Ended> HttpClient::wait(std::chrono::milliseconds patience,
                                                  const StopToken& stop) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  CURLM* const handle = multi_->handle;
  const StopCallback wake(stop, [handle] { curl_multi_wakeup(handle); });
  while (true) {
    throw_if_stopped(stop);
    int running = 0;
    const CURLMcode code = curl_multi_perform(handle, &running);
    if (code != CURLM_OK) {
      throw Error(ErrorCode::kFailed, format_text("libcurl: {}", curl_multi_strerror(code)));
    }
    CURLcode ended_with = CURLE_OK;
    if (const auto transfer = multi_->take_ended(ended_with)) {
      return Ended{transfer->id, transfer->result(ended_with)};
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::nullopt;
    curl_multi_poll(handle, nullptr, 0, static_cast<int>(left.count()), nullptr);
  }
}

HttpClient::Answer HttpClient::fetch(const HttpRequest& request, std::size_t max_bytes,
                                     const StopToken& stop) {
  constexpr std::chrono::seconds kStep{10};
  Backoff backoff(options_);
  while (true) {
    Answer answer;
    const auto add = [&](std::span<const std::byte> bytes) {
      if (answer.body.size() + bytes.size() > max_bytes) return false;
      answer.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return true;
    };
    start(0, request, {.on_body = add}, options_.whole_answer);
    std::optional<Ended> ended;
    while (!ended) ended = wait(kStep, stop);
    answer.result = std::move(ended->result);
    if (answer.result.refused) {
      throw Error(ErrorCode::kFailed,
                  tr("{}: the answer has more than {} bytes", "{}: в ответе больше {} байт",
                     shown_url(request.url), max_bytes));
    }
    if (answer.result.is_transient) {
      if (const auto delay = backoff.next(answer.result.retry_after)) {
        report_retry(options_, answer.result);
        sleep_for(*delay, stop);
        continue;
      }
    }
    if (!answer.result.complete) throw_unanswered(request, answer.result);
    return answer;
  }
}

void sleep_for(std::chrono::milliseconds duration, const StopToken& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  ConditionVariable never;
  never.wait_for(lock, stop, duration, [] { return false; });
  throw_if_stopped(stop);
}

void report_retry(const HttpOptions& options, const HttpResult& result) {
  if (!options.on_retry) return;
  const bool has_answer = result.failure.empty() && result.head.status != 0;
  if (!has_answer) return options.on_retry(result.failure);
  const int status = result.head.status;
  options.on_retry(result.retry_after ? tr("the server answers with status {} and asks to wait {}",
                                           "сервер отвечает со статусом {} и просит подождать {}",
                                           status, duration_text(*result.retry_after))
                                      : tr("the server answers with status {}",
                                           "сервер отвечает со статусом {}", status));
}

void throw_unanswered(const HttpRequest& request, const HttpResult& result) {
  const LocalizedText usual =
      tr("check the network and the proxy (https_proxy), then run the same command again: "
         "it goes on where it stopped",
         "проверьте сеть и прокси (https_proxy) и повторите ту же команду: она продолжит с "
         "того же места");
  throw Error(ErrorCode::kFailed, format_text("{}: {}", shown_url(request.url), result.failure),
              result.hint.empty() ? usual : result.hint);
}

std::string shown_url(const std::string& url) {
  std::string text = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return excerpt(text);
  const std::size_t host = scheme + 3;
  const std::size_t at = text.substr(0, text.find('/', host)).rfind('@');
  if (at != std::string::npos && at >= host) text.erase(host, at + 1 - host);
  return excerpt(text);
}

}  // namespace oko::net
