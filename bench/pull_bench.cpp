// A download by oko beside one by curl's easy interface, in turns, from a server on this machine.
// OKO_PULL_MB: size of the file (1000). Both write to $TMPDIR; only oko hashes and syncs, so curl's
// time is taken without and with a sync (fsync) at the end. The argument is the most that the
// server sends, in MB a second; 0: all that the processor gives, of which server, curl's copying
// and oko's hash then take parts.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/disk_sync.h"
#include "base/error.h"
#include "hub/digest.h"
#include "hub/download.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double kMegabyte = 1e6;

std::uint64_t file_bytes() {
  const char* megabytes = std::getenv("OKO_PULL_MB");
  return std::uint64_t{1'000'000} *
         std::strtoull(megabytes != nullptr ? megabytes : "1000", nullptr, 10);
}

/// Lets all connections together send so many bytes a second.
class Pace {
 public:
  explicit Pace(double bytes_per_second) : rate_(bytes_per_second) {
    void* const shared =
        ::mmap(nullptr, sizeof(*next_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) std::abort();
    next_ = new (shared) std::atomic<std::int64_t>(0);
  }

  /// Waits until it is the turn of the next `bytes`.
  void wait(double bytes) const {
    if (rate_ == 0) return;
    const auto cost = static_cast<std::int64_t>(bytes / rate_ * 1e9);
    std::int64_t turn = 0, next = *next_;
    do {
      turn = std::max<std::int64_t>(next, Clock::now().time_since_epoch().count());
    } while (!next_->compare_exchange_weak(next, turn + cost));
    std::this_thread::sleep_until(Clock::time_point(std::chrono::nanoseconds(turn)));
  }

 private:
  double rate_;
  std::atomic<std::int64_t>* next_ = nullptr;  ///< in memory that the processes share
};

/// Sends the file, or the range that is asked for, as long as the client asks.
void serve(int client, int file, std::uint64_t size, const Pace& pace) {
  std::string head;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::recv(client, buffer, sizeof(buffer), 0);
    if (got <= 0) break;
    head.append(buffer, static_cast<std::size_t>(got));
    if (!head.ends_with("\r\n\r\n")) continue;
    unsigned long long first = 0, last = size - 1;
    const std::size_t range = head.find("Range: bytes=");
    const bool has_range = range != head.npos;
    if (has_range) std::sscanf(head.c_str() + range, "Range: bytes=%llu-%llu", &first, &last);
    std::string answer = has_range
                             ? "HTTP/1.1 206 -\r\nContent-Range: bytes " + std::to_string(first) +
                                   "-" + std::to_string(last) + "/" + std::to_string(size) + "\r\n"
                             : "HTTP/1.1 200 -\r\n";
    answer += "Content-Length: " + std::to_string(last - first + 1) + "\r\n\r\n";
    ::send(client, answer.data(), answer.size(), 0);
    auto at = static_cast<off_t>(first);
    while (at <= static_cast<off_t>(last)) {
      constexpr std::uint64_t kPiece = 1 << 18;
      const auto piece = std::min<std::uint64_t>(kPiece, last + 1 - static_cast<std::uint64_t>(at));
      pace.wait(static_cast<double>(piece));
      if (::sendfile(client, file, &at, piece) <= 0) break;
    }
    head.clear();
  }
  ::close(client);
}

/// A server in a process of its own, so that its memory does not count. A child a connection.
class Server {
 public:
  Server(const fs::path& path, std::uint64_t size, const Pace& pace) {
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (::bind(listening, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(listening, 64) != 0) {
      std::abort();
    }
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/file";
    process_ = ::fork();
    if (process_ == 0) {
      std::signal(SIGCHLD, SIG_IGN);
      std::signal(SIGPIPE, SIG_IGN);
      const int file = ::open(path.c_str(), O_RDONLY);
      while (true) {
        const int client = ::accept(listening, nullptr, nullptr);
        if (client < 0) std::_Exit(0);
        if (::fork() == 0) {
          serve(client, file, size, pace);
          std::_Exit(0);
        }
        ::close(client);
      }
    }
    ::close(listening);
  }
  ~Server() {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& url() const { return url_; }

 private:
  std::string url_;
  pid_t process_ = -1;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct CurlSeconds {
  double written = 0;  ///< until the file was closed
  double synced = 0;   ///< until it was on the disk, too
};

CurlSeconds curl_seconds(const std::string& url, const fs::path& path) {
  const auto start = Clock::now();
  CURL* const easy = curl_easy_init();
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, file);
  if (curl_easy_perform(easy) != CURLE_OK) std::abort();
  curl_easy_cleanup(easy);
  std::fclose(file);
  CurlSeconds seconds{.written = seconds_since(start)};
  const int written = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (!sync_to_disk(written)) std::abort();
  ::close(written);
  seconds.synced = seconds_since(start);
  fs::remove(path);
  return seconds;
}

double oko_seconds(const std::string& url, const fs::path& path, const RepositoryFile& expected) {
  const auto start = Clock::now();
  download_files({{.url = url, .path = path, .expected = expected}}, {});
  const double seconds = seconds_since(start);
  fs::remove(path);
  return seconds;
}

double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / kMegabyte;
}

/// A folder with a file and its hash, removed at the end.
struct Source {
  Source() : folder(fs::temp_directory_path() / ("oko_pull_bench_" + std::to_string(::getpid()))) {
    fs::create_directories(folder);
    std::vector<char> block(1'000'000);
    std::uint32_t state = 1;
    for (char& c : block) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    expected = {"file", file_bytes(), "", ""};
    Digest digest(DigestKind::kSha256);
    std::ofstream file(folder / "source", std::ios::binary);
    for (std::uint64_t at = 0; at < expected.size; at += block.size()) {
      file.write(block.data(), std::ssize(block));
      digest.update(std::as_bytes(std::span(block)));
    }
    expected.sha256 = digest.finish();
  }
  ~Source() { fs::remove_all(folder); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  fs::path folder;
  RepositoryFile expected;
};

void pull(benchmark::State& state) {
  const Source source;
  const Pace pace(kMegabyte * static_cast<double>(state.range(0)));
  const Server server(source.folder / "source", source.expected.size, pace);
  CurlSeconds curl;
  double oko = 0, peak = 0;
  for (auto _ : state) {
    const double seconds = oko_seconds(server.url(), source.folder / "oko", source.expected);
    state.SetIterationTime(seconds);
    oko += seconds;
    if (peak == 0) peak = peak_megabytes();
    const CurlSeconds taken = curl_seconds(server.url(), source.folder / "curl");
    curl.written += taken.written;
    curl.synced += taken.synced;
  }
  const double megabytes = static_cast<double>(source.expected.size) / kMegabyte *
                           static_cast<double>(state.iterations());
  state.counters["oko_MB_s"] = megabytes / oko;
  state.counters["curl_MB_s"] = megabytes / curl.written;
  state.counters["synced_curl_MB_s"] = megabytes / curl.synced;
  state.counters["ratio"] = curl.written / oko;
  state.counters["ratio_synced"] = curl.synced / oko;
  state.counters["peak_MB"] = peak;
}
BENCHMARK(pull)->Arg(125)->Arg(312)->Arg(0)->UseManualTime()->Iterations(3)->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace oko::hub
