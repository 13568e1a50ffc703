#include "server/metrics.h"

#include <gtest/gtest.h>

namespace oko::server {
namespace {

using std::chrono::milliseconds;

TEST(Metrics, CountsAnswersInBuckets) {
  Metrics metrics;
  metrics.count_answer("/a", 200, milliseconds(5));
  metrics.count_answer("/a", 200, milliseconds(6));
  metrics.count_answer("/a", 503, milliseconds(700'000));
  const std::string text = metrics.text();
  for (const char* line :
       {"oko_requests_total{route=\"/a\",status=\"200\"} 2\n",
        "oko_requests_total{route=\"/a\",status=\"503\"} 1\n",
        "_bucket{route=\"/a\",le=\"0.005\"} 1\n", "_bucket{route=\"/a\",le=\"0.02\"} 2\n",
        "_bucket{route=\"/a\",le=\"600\"} 2\n", "_bucket{route=\"/a\",le=\"+Inf\"} 3\n",
        "_sum{route=\"/a\"} 700.011\n", "_count{route=\"/a\"} 3\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

}  // namespace
}  // namespace oko::server
