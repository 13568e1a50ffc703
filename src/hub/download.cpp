#include "hub/download.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "base/duration_text.h"
#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "hub/part_file.h"
#include "hub/part_verifier.h"

namespace oko::hub {
namespace {

using Clock = std::chrono::steady_clock;

/// "bytes FIRST-LAST/TOTAL" (RFC 9110, 14.4).
struct ContentRange {
  std::uint64_t first = 0, last = 0, total = 0;
};

std::optional<ContentRange> content_range(std::string_view text) {
  ContentRange range;
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  const char* at = text.data() + kUnit.size();
  const char* const end = text.data() + text.size();
  const auto number = [&](std::uint64_t& value, char behind) {
    const auto [next, error] = std::from_chars(at, end, value);
    const bool is_last = behind == '\0';
    const bool good =
        error == std::errc() && (is_last ? next == end : next != end && *next == behind);
    at = is_last || next == end ? next : next + 1;
    return good;
  };
  if (number(range.first, '-') && number(range.last, '/') && number(range.total, '\0')) {
    return range;
  }
  return std::nullopt;
}

/// The scheme, host and port of an address.
std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == url.npos ? url : url.substr(0, url.find('/', scheme + 3));
}

/// What an answer is good for.
enum class Use {
  kRange,      ///< the bytes that were requested
  kWholeFile,  ///< all bytes, though some were requested
  kTransient,  ///< ask again later
  kStale,      ///< the address that the hub gave is no longer valid
  kRefused,    ///< ask no more
};

class Downloader {
 public:
  Downloader(const std::vector<DownloadFile>& files, const DownloadOptions& options);
  std::uint64_t run();

 private:
  /// A file and the state of its download.
  struct Item {
    const DownloadFile* file = nullptr;
    std::unique_ptr<PartFile> part;  ///< while it is downloaded, or a slot has claimed of it
    std::string direct_url;          ///< to which the hub redirects; empty: unknown
    bool ranges = true;              ///< false: the server sends whole files only
    std::optional<net::Backoff> restarts = {};  ///< of a file without ranges
    Clock::time_point not_before = {};
    bool done = false;
    int wrong_hashes = 0;
  };
  /// A connection and the range that it fetches.
  struct Slot {
    Item* item = nullptr;  ///< null: idle
    net::ByteRange claimed;
    std::uint64_t at = 0;  ///< next byte
    bool running = false;
    bool direct = false;  ///< the request went to the address that the hub had given
    net::HttpRequest request;
    Use use = Use::kRefused;
    Clock::time_point not_before;
    std::optional<net::Backoff> backoff;
  };

  void fill_slots();
  bool claim(Slot& slot);
  void start(Slot& slot, int id);
  bool on_head(Slot& slot, const net::HttpHead& head);
  bool on_body(Slot& slot, std::span<const std::byte> bytes);
  void on_end(Slot& slot, const net::HttpResult& result);
  void restart_whole(Slot& slot, const net::HttpResult& result);
  void finish(Slot& slot);
  void take_verdicts();
  void report_progress() const;
  Use use_of(const Slot& slot, const net::HttpHead& head) const;
  [[noreturn]] void fail(const Slot& slot, const net::HttpResult& result) const;

  const DownloadOptions& options_;
  net::HttpClient client_;
  std::vector<Item> items_;
  std::vector<Slot> slots_;
  std::size_t left_ = 0;           ///< items that are not done
  bool waits_for_header_ = false;  ///< a slot is idle until the header of weights is there
  std::uint64_t fetched_ = 0;
  std::uint64_t total_ = 0;
  PartVerifier verifier_;  // last: its thread uses the parts
};

Downloader::Downloader(const std::vector<DownloadFile>& files, const DownloadOptions& options)
    : options_(options),
      client_(options.http),
      items_(files.size()),
      left_(files.size()),
      verifier_(options.on_right) {
  slots_.resize(static_cast<std::size_t>(std::max(1, options.connections)));
  for (std::size_t i = 0; i < files.size(); ++i) {
    items_[i].file = &files[i];
    items_[i].restarts.emplace(options.http);
    total_ += files[i].expected.size;
  }
}

std::uint64_t Downloader::run() {
  constexpr std::chrono::milliseconds kStep{50}, kShortStep{2};
  while (left_ > 0) {
    fill_slots();
    if (const auto ended = client_.wait(waits_for_header_ ? kShortStep : kStep, options_.stop)) {
      on_end(slots_[static_cast<std::size_t>(ended->id)], ended->result);
    }
    take_verdicts();
    report_progress();
  }
  return fetched_;
}

void Downloader::fill_slots() {
  waits_for_header_ = false;
  const Clock::time_point now = Clock::now();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.running || (slot.item == nullptr && !claim(slot)) || slot.not_before > now) continue;
    start(slot, static_cast<int>(i));
  }
}

/// Gives an idle slot the next range that nobody fetches. Returns false if there is none.
bool Downloader::claim(Slot& slot) {
  for (Item& item : items_) {
    if (item.done || item.not_before > Clock::now()) continue;
    if (item.part == nullptr) {
      const RepositoryFile& expected = item.file->expected;
      item.part = std::make_unique<PartFile>(item.file->path, expected.size, hash_of(expected),
                                             item.file->is_weights);
      verifier_.add(static_cast<std::size_t>(&item - items_.data()), *item.part, expected);
    }
    if (!item.ranges && item.part->has_claims()) continue;
    if (item.part->needs_header() && item.part->has_claims()) {
      waits_for_header_ = true;
      continue;
    }
    auto range = item.part->claim(item.ranges ? options_.chunk_bytes : UINT64_MAX);
    if (range && !item.ranges && range->size() < item.part->size()) {
      item.part->release(*range);
      item.part->clear();
      range = item.part->claim(UINT64_MAX);
    }
    if (!range) continue;
    slot = Slot();
    slot.item = &item;
    slot.claimed = *range;
    slot.at = range->begin;
    slot.backoff.emplace(options_.http);
    return true;
  }
  return false;
}

void Downloader::start(Slot& slot, int id) {
  const Item& item = *slot.item;
  slot.request = {};
  slot.direct = !item.direct_url.empty();
  slot.request.url = slot.direct ? item.direct_url : item.file->url;
  if (!slot.direct) slot.request.token = options_.token;  // of the hub alone
  if (item.ranges) slot.request.range = net::ByteRange{slot.at, slot.claimed.end};
  slot.use = Use::kRefused;
  client_.start(
      id, slot.request,
      {.on_head = [this, &slot](const net::HttpHead& head) { return on_head(slot, head); },
       .on_body = [this,
                   &slot](std::span<const std::byte> bytes) { return on_body(slot, bytes); }});
  slot.running = true;
}

Use Downloader::use_of(const Slot& slot, const net::HttpHead& head) const {
  const Item& item = *slot.item;
  const std::uint64_t size = item.file->expected.size;
  const int status = head.status;
  if (status == 206) {
    // A part of compressed bytes is no part of the file.
    if (net::is_compressed(head)) return Use::kRefused;
    const auto range = content_range(head.field("content-range"));
    const bool right = range && range->first == slot.at && range->total == size &&
                       range->last >= range->first && range->last < slot.claimed.end;
    return right ? Use::kRange : Use::kRefused;
  }
  if (status == 200) {
    const std::string length = head.field("content-length");
    const bool may_be_whole =
        length.empty() || net::is_compressed(head) || length == std::to_string(size);
    return may_be_whole ? Use::kWholeFile : Use::kRefused;
  }
  if (net::is_transient_status(status)) return Use::kTransient;
  // A signed address is valid for some time only.
  return slot.direct ? Use::kStale : Use::kRefused;
}

bool Downloader::on_head(Slot& slot, const net::HttpHead& head) {
  Item& item = *slot.item;
  slot.use = use_of(slot, head);
  if (slot.use != Use::kRange && slot.use != Use::kWholeFile) return false;
  if (origin_of(head.url) != origin_of(item.file->url)) item.direct_url = head.url;
  if (slot.use == Use::kRange || !item.ranges) return true;
  item.ranges = false;
  return slot.at == 0 && slot.claimed.end == item.file->expected.size;
}

bool Downloader::on_body(Slot& slot, std::span<const std::byte> bytes) {
  if (bytes.size() > slot.claimed.end - slot.at) {
    slot.use = Use::kRefused;
    return false;
  }
  slot.item->part->write(slot.at, bytes);
  slot.at += bytes.size();
  fetched_ += bytes.size();
  slot.backoff->reset();
  return true;
}

void Downloader::on_end(Slot& slot, const net::HttpResult& result) {
  slot.running = false;
  Item& item = *slot.item;
  if (slot.at == slot.claimed.end) return finish(slot);
  if (!item.ranges) return restart_whole(slot, result);
  if (slot.use == Use::kStale) {
    // Another slot may have got a new address meanwhile.
    if (item.direct_url == slot.request.url) item.direct_url.clear();
    return;
  }
  const bool is_transient =
      result.is_transient || slot.use == Use::kTransient ||
      (result.complete && slot.use == Use::kRange);  // fewer bytes than it said
  const auto delay = is_transient ? slot.backoff->next(result.retry_after) : std::nullopt;
  if (!delay) fail(slot, result);
  net::report_retry(options_.http, result);
  item.direct_url.clear();
  slot.not_before = Clock::now() + *delay;
}

/// For a server without ranges, for which parts of a file are of no use: one slot fetches all of
/// it.
void Downloader::restart_whole(Slot& slot, const net::HttpResult& result) {
  Item& item = *slot.item;
  const bool was_whole = slot.claimed == net::ByteRange{0, item.part->size()};
  if (was_whole && slot.use == Use::kRefused) fail(slot, result);
  if (was_whole) {
    const auto delay = item.restarts->next(result.retry_after);
    if (!delay) fail(slot, result);
    item.not_before = Clock::now() + *delay;
  }
  finish(slot);
  item.direct_url.clear();
  if (!item.part->has_claims()) item.part->clear();
}

void Downloader::finish(Slot& slot) {
  Item& item = *slot.item;
  item.part->release(slot.claimed);
  if (item.done && !item.part->has_claims()) item.part.reset();
  slot = Slot();
}

void Downloader::take_verdicts() {
  for (const PartVerifier::Verdict& verdict : verifier_.take_verdicts()) {
    Item& item = items_[verdict.id];
    if (verdict.right) {
      // Its bytes are there, but the end of their transfer may not be: `finish` frees the part.
      if (!item.part->has_claims()) item.part.reset();
      item.done = true;
      --left_;
      continue;
    }
    if (++item.wrong_hashes > 1) {
      throw Error(
          ErrorCode::kFailed,
          tr("{}: what the server sends has the hash {}, the hub says {}",
             "{}: сервер присылает файл с хешем {}, а хаб называет {}",
             item.file->path.filename().string(), verdict.hash, hash_of(item.file->expected)),
          tr("the file was changed on its way or on the server: try later, or another "
             "network",
             "файл изменился в пути или на сервере: попробуйте позже или в другой сети"));
    }
    item.part->clear();
    verifier_.add(verdict.id, *item.part, item.file->expected);
  }
}

void Downloader::report_progress() const {
  if (!options_.progress) return;
  std::uint64_t done = 0;
  for (const Item& item : items_) {
    if (item.done) {
      done += item.file->expected.size;
    } else if (item.part != nullptr) {
      done += item.part->written_bytes();
    }
  }
  options_.progress(done, total_);
}

void Downloader::fail(const Slot& slot, const net::HttpResult& result) const {
  const int status = result.head.status;
  const std::string name = slot.item->file->expected.path;
  if (status == 0 || !result.failure.empty()) net::throw_unanswered(slot.request, result);
  if (status == 404) {
    throw Error(ErrorCode::kModelNotFound,
                tr("{}: the server does not give this file (status {})",
                   "{}: сервер не отдаёт этот файл (статус {})", name, status),
                tr("the hub lists it and does not have it: try later",
                   "хаб называет этот файл, но его там нет: попробуйте позже"));
  }
  if (status == 401 || status == 403) {
    throw Error(ErrorCode::kModelNotFound,
                tr("{}: the server does not give this file (status {})",
                   "{}: сервер не отдаёт этот файл (статус {})", name, status),
                tr("accept the model's terms on its page, or set HF_TOKEN to a token that may read "
                   "it",
                   "примите условия на странице модели или укажите в HF_TOKEN токен с правом "
                   "чтения"));
  }
  const LocalizedText hint =
      result.retry_after
          ? tr("the server asks to wait {}; what has come is kept, and the same command goes on "
               "from there",
               "сервер просит подождать {}; скачанное сохранено, и та же команда продолжит с этого "
               "места",
               duration_text(*result.retry_after))
          : tr("try later; what has come is kept, and the same command goes on from there",
               "попробуйте позже: скачанное сохранено, и та же команда продолжит с этого места");
  if (status != 200 && status != 206 && status != 416) {
    throw Error(ErrorCode::kFailed,
                tr("{}: the server answers with status {}", "{}: сервер отвечает со статусом {}",
                   name, status),
                hint);
  }
  if (result.head.field("content-type").starts_with("text/html")) {
    throw Error(
        ErrorCode::kFailed,
        tr("{}: a web page came in place of the file", "{}: вместо файла пришла страница", name),
        tr("a proxy or a login page may answer: check the network and HF_ENDPOINT",
           "возможно, отвечает прокси или страница входа: проверьте сеть и HF_ENDPOINT"));
  }
  if (net::is_compressed(result.head)) {
    throw Error(ErrorCode::kFailed,
                tr("{}: something on the way compresses the parts of the file ({})",
                   "{}: что-то по пути сжимает части файла ({})", name,
                   excerpt(result.head.field("content-encoding"))),
                tr("a proxy may do it: check https_proxy and HF_ENDPOINT, or try another network",
                   "возможно, прокси: проверьте https_proxy и HF_ENDPOINT или попробуйте другую "
                   "сеть"));
  }
  throw Error(ErrorCode::kFailed,
              tr("{}: the file on the server does not have the {} bytes that the hub lists",
                 "{}: на сервере у файла не {} байт, как в списке хаба", name,
                 slot.item->file->expected.size),
              hint);
}

}  // namespace

std::uint64_t download_files(const std::vector<DownloadFile>& files,
                             const DownloadOptions& options) {
  return Downloader(files, options).run();
}

}  // namespace oko::hub
