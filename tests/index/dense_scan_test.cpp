#include "index/dense_scan.h"

#include <algorithm>
#include <limits>
#include <set>
#include <thread>

#include "base/error.h"
#include "index/rotation.h"
#include "tests/index/vectors.h"
#include "tests/support/sanitizers.h"
#include "tests/tensor/targets.h"

namespace oko::index {
namespace {

class DenseScanTest : public tensor::TargetTest {};

/// Inner products of the codes in f64, sorted: what a scan has to find.
std::vector<ScoredRow> reference(const CodedSet& set, std::span<const float> query, std::size_t k,
                                 const std::vector<std::uint64_t>& live = {}) {
  const QueryCodes coded(query);
  std::vector<ScoredRow> rows;
  for (std::size_t row = 0; row < set.scales.size(); ++row) {
    if (!live.empty() && (live[row / 64] >> row % 64 & 1) == 0) continue;
    double dot = 0.0;
    for (std::size_t i = 0; i < set.dimensions; ++i) {
      dot += static_cast<double>(coded.codes[i]) * (set.codes[row * set.dimensions + i] - 128);
    }
    const float score = static_cast<float>(dot) * (set.scales[row] * coded.scale);
    rows.push_back({static_cast<std::uint32_t>(row), score});
  }
  std::sort(rows.begin(), rows.end(), is_before);
  if (rows.size() > k) rows.resize(k);
  return rows;
}

TEST_P(DenseScanTest, FindsWhatASortOfAllInF64Finds) {
  const auto most = static_cast<std::size_t>(repetitions(2048, 384));
  for (const std::size_t dimensions : {32, 96, 384, 1024, 2048}) {
    if (dimensions > most) break;
    const VectorSet queries = unit_vectors(2, dimensions, 4);
    for (const std::size_t rows : {0, 1, 5, 63, 64, 65, 1023, 1024, 1500, 2500}) {
      const CodedSet set(unit_vectors(rows, dimensions, static_cast<unsigned>(rows)));
      const std::vector<ScoredRow> all = reference(set, queries.of(0), rows);
      for (const std::size_t k : {0, 1, 10, 3000}) {
        const std::vector<ScoredRow> expected(all.begin(), all.begin() + std::min(k, rows));
        EXPECT_EQ(top_rows(set.view(), queries.of(0), k), expected)
            << dimensions << ", " << rows << ", " << k;
      }
    }
  }
}

TEST_P(DenseScanTest, ReadsBlocksThatLieApart) {
  constexpr std::size_t kDimensions = 64, kRows = 2100, kBlocks = 3;
  const CodedSet set(unit_vectors(kRows, kDimensions, 5));
  constexpr std::size_t kCodes = kBlockRows * kDimensions, kGap = 4096;
  std::vector<std::uint8_t> codes(kBlocks * (kCodes + kGap), 255);
  std::vector<float> scales(kBlocks * (kBlockRows + 8), 1e9f);
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t block = row / kBlockRows, in_block = row % kBlockRows;
    std::copy_n(set.codes.data() + row * kDimensions, kDimensions,
                codes.data() + block * (kCodes + kGap) + in_block * kDimensions);
    scales[block * (kBlockRows + 8) + in_block] = set.scales[row];
  }
  const CodeView view{.dimensions = kDimensions,
                      .rows = kRows,
                      .codes = codes.data(),
                      .scales = scales.data(),
                      .codes_stride = kCodes + kGap,
                      .scales_stride = kBlockRows + 8};
  const VectorSet query = unit_vectors(1, kDimensions, 6);
  const std::vector<std::uint64_t> all((kRows + 63) / 64, ~std::uint64_t{0});  // and some more
  EXPECT_EQ(top_rows(view, query.of(0), 50), reference(set, query.of(0), 50));
  EXPECT_EQ(top_rows(view, query.of(0), 50, all), reference(set, query.of(0), 50));
}

TEST_P(DenseScanTest, ArmsProductsOfBytesGiveTheBitsOfVectors) {
  if (tensor::cpu::arm_dot() == tensor::cpu::ArmDot::kNone) GTEST_SKIP() << "there are none";
  for (const std::size_t dimensions : {32, 96, 384, 2048}) {
    const CodedSet set(unit_vectors(71, dimensions, 5));
    const VectorSet query = unit_vectors(1, dimensions, 6);
    const std::vector<std::uint64_t> few{0x8000'0000'0000'0421, 0x11};
    tensor::expect_equal_for_arm_dots([&] { return top_rows(set.view(), query.of(0), 71); });
    tensor::expect_equal_for_arm_dots([&] { return top_rows(set.view(), query.of(0), 71, few); });
  }
}

/// Every product of the largest numbers: sums reach the end of 31 bits.
TEST_P(DenseScanTest, SumsHoldTheLargestProducts) {
  constexpr std::size_t kDimensions = 2048;
  std::vector<float> query(kDimensions, 1.0f);
  rotate_back(query);  // all its codes are 8191
  CodedSet set(VectorSet{kDimensions, {}});
  set.codes.assign(2 * kDimensions, 255);
  std::fill_n(set.codes.begin(), kDimensions, 1);
  set.scales = {1.0f, 1.0f};
  const auto rows = top_rows(set.view(), query, 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].row, 1u);
  EXPECT_NEAR(rows[0].score, 127.0f * kDimensions, 130.0f);
  EXPECT_NEAR(rows[1].score, -127.0f * kDimensions, 130.0f);
}

TEST_P(DenseScanTest, ReturnsOnlyRowsWhoseBitIsSet) {
  constexpr std::size_t kRows = 3000;
  const CodedSet set(unit_vectors(kRows, 96, 7));
  const VectorSet query = unit_vectors(1, 96, 8);
  std::mt19937_64 random(9);
  for (const int kept : {0, 1, 8, 32, 64}) {  // of 64, about
    std::vector<std::uint64_t> live((kRows + 63) / 64);
    for (std::size_t bit = 0; bit < live.size() * 64; ++bit) {
      if (static_cast<int>(random() % 64) < kept) live[bit / 64] |= std::uint64_t{1} << bit % 64;
    }
    EXPECT_EQ(top_rows(set.view(), query.of(0), 40, live), reference(set, query.of(0), 40, live));
  }
}

TEST_P(DenseScanTest, EqualsComeByTheirRowForAnyNumberOfThreads) {
  // The same 3 vectors again and again.
  const VectorSet three = unit_vectors(3, 64, 10);
  VectorSet many{64, {}};
  for (std::size_t row = 0; row < 20'000; ++row) {
    const auto vector = three.of(row % 3);
    many.values.insert(many.values.end(), vector.begin(), vector.end());
  }
  const CodedSet set(many);
  const auto expected = reference(set, three.of(1), 500);
  for (const std::size_t threads : {1, 2, 3, 8}) {
    tensor::cpu::ThreadPool pool(threads);
    for (int round = 0; round < 10; ++round) {  // threads end in any order
      ASSERT_EQ(top_rows(set.view(), three.of(1), 500, {}, pool), expected) << threads;
    }
  }
}

TEST_P(DenseScanTest, RisingScoresAreNotLost) {
  // The worst order: every row is better than all before it.
  const VectorSet two = unit_vectors(2, 64, 11);
  VectorSet rising{64, {}};
  for (std::size_t row = 0; row < 5000; ++row) {
    const float part = static_cast<float>(row) / 5000.0f;
    for (std::size_t i = 0; i < 64; ++i) {
      rising.values.push_back(part * two.of(0)[i] + (1.0f - part) * two.of(1)[i]);
    }
  }
  const CodedSet set(rising);
  EXPECT_EQ(top_rows(set.view(), two.of(0), 100), reference(set, two.of(0), 100));
}

OKO_FOR_EVERY_TARGET(DenseScanTest);

TEST(DenseScanRowsTest, DamagedScalesReturnNothingThatIsNotANumber) {
  CodedSet set(unit_vectors(100, 32, 12));
  set.scales[7] = std::numeric_limits<float>::quiet_NaN();
  const VectorSet query = unit_vectors(1, 32, 13);
  const auto rows = top_rows(set.view(), query.of(0), 100);
  EXPECT_EQ(rows.size(), 99u);
  for (const ScoredRow& row : rows) EXPECT_NE(row.row, 7u);
}

TEST(DenseScanRowsTest, QueriesOfSeveralThreadsDoNotMix) {
  const CodedSet set(unit_vectors(5000, 64, 14));
  const VectorSet queries = unit_vectors(4, 64, 15);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto expected = reference(set, queries.of(i), 10);
      for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(top_rows(set.view(), queries.of(i), 10), expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Of 10 rows that f32 finds, how many are among 10 of 40 candidates rescored, in the mean.
double recall_at_10(const VectorSet& set, const VectorSet& queries) {
  const CodedSet coded(set);
  double found = 0.0;
  for (std::size_t i = 0; i < queries.rows(); ++i) {
    const auto query = queries.of(i);
    std::vector<ScoredRow> exact;
    for (std::size_t row = 0; row < set.rows(); ++row) {
      exact.push_back(
          {static_cast<std::uint32_t>(row), static_cast<float>(inner_product(set.of(row), query))});
    }
    std::sort(exact.begin(), exact.end(), is_before);
    const auto rows = rescore(top_rows(coded.view(), query, 40), query, 10,
                              [&](std::uint32_t row, std::span<float> vector) {
                                std::copy_n(set.of(row).begin(), vector.size(), vector.begin());
                                return true;
                              });
    std::set<std::uint32_t> answers;
    for (const ScoredRow& row : rows) answers.insert(row.row);
    for (std::size_t j = 0; j < 10; ++j) found += answers.contains(exact[j].row) ? 0.1 : 0.0;
  }
  return found / static_cast<double>(queries.rows());
}

TEST(DenseScanRowsTest, RescoredCandidatesAreThoseOfF32) {
  for (const std::size_t clusters : {0, 20}) {
    const double recall =
        recall_at_10(unit_vectors(5000, 384, 16, clusters), unit_vectors(20, 384, 17, clusters));
    EXPECT_GE(recall, 0.99) << clusters;
  }
}

TEST(DenseScanRowsTest, RescoringLeavesOutRowsWithoutAVector) {
  const VectorSet set = unit_vectors(3, 32, 18);
  const std::vector<ScoredRow> candidates{{0, 0.9f}, {1, 0.8f}, {2, 0.7f}};
  const auto read = [&](std::uint32_t row, std::span<float> vector) {
    std::copy_n(set.of(row).begin(), vector.size(), vector.begin());
    return row != 1;
  };
  const auto rows = rescore(candidates, set.of(2), 5, read);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].row, 2u);
  EXPECT_NEAR(rows[0].score, 1.0f, 1e-6f);
  EXPECT_EQ(rows[1].row, 0u);
}

}  // namespace
}  // namespace oko::index
