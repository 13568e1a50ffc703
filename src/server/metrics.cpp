#include "server/metrics.h"

#include <fmt/format.h>

#include <iterator>

namespace oko::server {
namespace {

void begin_metric(std::string& text, std::string_view name, std::string_view kind,
                  std::string_view help) {
  fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, kind);
}

}  // namespace

void add_metric(std::string& text, std::string_view name, std::string_view kind,
                std::string_view help, double value) {
  begin_metric(text, name, kind, help);
  fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
}

void Metrics::count_answer(std::string_view route, int status, std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const MutexLock lock(mutex_);
  ++answers_[{std::string(route), status}];
  Durations& durations = durations_[std::string(route)];
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    if (seconds <= kBounds[i]) ++durations.counts[i];
  }
  ++durations.count;
  durations.seconds += seconds;
}

std::string Metrics::text() const {
  std::string text;
  const auto out = std::back_inserter(text);
  const MutexLock lock(mutex_);
  begin_metric(text, "oko_requests_total", "counter", "Answers by route and status.");
  for (const auto& [key, count] : answers_) {
    fmt::format_to(out, "oko_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first,
                   key.second, count);
  }
  constexpr std::string_view kName = "oko_request_duration_seconds";
  begin_metric(text, kName, "histogram", "Time to the end of an answer, by route.");
  for (const auto& [route, durations] : durations_) {
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      fmt::format_to(out, "{}_bucket{{route=\"{}\",le=\"{}\"}} {}\n", kName, route, kBounds[i],
                     durations.counts[i]);
    }
    fmt::format_to(out, "{0}_bucket{{route=\"{1}\",le=\"+Inf\"}} {2}\n", kName, route,
                   durations.count);
    fmt::format_to(out, "{0}_sum{{route=\"{1}\"}} {2}\n{0}_count{{route=\"{1}\"}} {3}\n", kName,
                   route, durations.seconds, durations.count);
  }
  return text;
}

}  // namespace oko::server
