#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace oko::index {

struct ScoredRow {
  friend bool operator==(const ScoredRow&, const ScoredRow&) = default;

  std::uint32_t row = 0;
  float score = 0.0f;  ///< inner product; of unit vectors the cosine
};

/// The order of results: the larger score first, equals by their row.
inline bool is_before(const ScoredRow& a, const ScoredRow& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

/// The k first rows of those offered, by `is_before`; k is at least 1. Allocates when it is made
/// and when it is copied only.
class BestRows {
 public:
  explicit BestRows(std::size_t k) : k_(k) { rows_.reserve(enough()); }  ///< std::bad_alloc

  /// Forgets all rows and takes those from `threshold` on.
  void restart(float threshold) {
    threshold_ = threshold;
    rows_.clear();
  }

  /// Scores below it cannot be among the k first.
  float threshold() const { return threshold_; }

  void offer(ScoredRow row) {
    // Equals may come in any order. A NaN, of a damaged scale, is never taken.
    if (!(row.score >= threshold_)) return;
    rows_.push_back(row);
    if (rows_.size() == enough()) keep_first();
  }

  void offer_all(const BestRows& other) {
    for (const ScoredRow& row : other.rows_) offer(row);
    if (rows_.size() >= k_) keep_first();  // a threshold for the next
  }

  std::size_t size() const { return rows_.size(); }

  /// All that are kept, at most k.
  std::vector<ScoredRow> sorted() && {
    if (rows_.size() > k_) keep_first();
    std::sort(rows_.begin(), rows_.end(), is_before);
    return std::move(rows_);
  }

 private:
  /// A few more than k are gathered before the k-th is looked for again.
  std::size_t enough() const { return 2 * k_ + 64; }

  void keep_first() {
    const auto last = rows_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(rows_.begin(), last, rows_.end(), is_before);
    rows_.resize(k_);
    threshold_ = std::max(threshold_, rows_.back().score);
  }

  std::size_t k_;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<ScoredRow> rows_;
};

}  // namespace oko::index
