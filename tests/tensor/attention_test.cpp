#include "tensor/cpu/attention.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "tests/support/sanitizers.h"
#include "tests/tensor/numbers.h"
#include "tests/tensor/targets.h"

namespace oko::tensor {
namespace {

struct Shape {
  std::size_t queries = 1;
  std::size_t keys = 1;
  std::size_t kv_heads = 1;
  std::size_t group = 1;
  std::size_t head_dim = 64;
  bool causal = false;
};

/// Inputs with rows apart, as slices of a larger matrix have them, and the output of the kernel.
struct Problem {
  explicit Problem(const Shape& s, float deviation = 1.0f) : shape(s) {
    arguments.query_count = s.queries;
    arguments.key_count = s.keys;
    arguments.heads = s.kv_heads * s.group;
    arguments.kv_heads = s.kv_heads;
    arguments.head_dim = s.head_dim;
    arguments.query_stride = arguments.heads * s.head_dim + 3;
    key_stride = s.kv_heads * s.head_dim + 5;
    arguments.kv_stride = key_stride * sizeof(float);
    arguments.scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
    arguments.causal = s.causal;
    queries = noise(s.queries * arguments.query_stride, 1, deviation);
    keys = noise(s.keys * key_stride, 2, deviation);
    values = noise(s.keys * key_stride, 3);
  }

  void run() {
    output.assign(shape.queries * arguments.heads * shape.head_dim + 1,
                  std::numeric_limits<float>::quiet_NaN());
    arguments.queries = queries.data();
    arguments.keys =
        packed_keys.empty() ? static_cast<const void*>(keys.data()) : packed_keys.data();
    arguments.values =
        packed_values.empty() ? static_cast<const void*>(values.data()) : packed_values.data();
    arguments.output = output.data();
    cpu::attention(arguments);
  }

  /// Stores keys and values in `type`; `keys` and `values` become the rounded values.
  void pack(cpu::KvType type) {
    arguments.kv_type = type;
    arguments.kv_stride = shape.kv_heads * cpu::kv_row_bytes(type, shape.head_dim);
    packed_keys = packed(keys, type);
    packed_values = packed(values, type);
    key_stride = shape.kv_heads * shape.head_dim;
    keys = unpacked(packed_keys, type);
    values = unpacked(packed_values, type);
  }

  const float* output_of(std::size_t query, std::size_t head) const {
    return output.data() + (query * arguments.heads + head) * shape.head_dim;
  }

  Shape shape;
  cpu::AttentionArguments arguments;
  std::size_t key_stride = 0;  ///< floats between tokens
  std::vector<float> queries, keys, values, output;
  std::vector<std::uint8_t> packed_keys, packed_values;

 private:
  std::vector<std::uint8_t> packed(const std::vector<float>& rows, cpu::KvType type) const {
    std::vector<float> dense;
    for (std::size_t k = 0; k < shape.keys; ++k) {
      const auto* row = rows.data() + k * key_stride;
      dense.insert(dense.end(), row, row + shape.kv_heads * shape.head_dim);
    }
    std::vector<std::uint8_t> bytes(shape.keys * arguments.kv_stride);
    cpu::pack_kv_rows(dense.data(), shape.keys * shape.kv_heads, shape.head_dim, type,
                      bytes.data());
    return bytes;
  }

  std::vector<float> unpacked(const std::vector<std::uint8_t>& bytes, cpu::KvType type) const {
    std::vector<float> rows;
    const std::size_t row_bytes = cpu::kv_row_bytes(type, shape.head_dim);
    for (const std::uint8_t* row = bytes.data(); row < bytes.data() + bytes.size();
         row += row_bytes) {
      float scale = 1.0f;
      if (type == cpu::KvType::kInt8) std::memcpy(&scale, row + shape.head_dim, sizeof(scale));
      for (std::size_t i = 0; i < shape.head_dim; ++i) {
        rows.push_back(type == cpu::KvType::kInt8
                           ? scale * static_cast<std::int8_t>(row[i])
                           : static_cast<float>(decode(row, cpu::ElementType::kFloat16, i)));
      }
    }
    return rows;
  }
};

/// Softmax attention of one query of one head in f64. Returns the bound of the kernel's error
/// relative to the largest value: the f32 rounding of scores changes every weight.
double reference(const Problem& p, std::size_t query, std::size_t head, std::vector<double>& out) {
  const auto& a = p.arguments;
  const std::size_t offset = head / p.shape.group * a.head_dim;
  const std::size_t count = a.causal ? a.key_count - a.query_count + query + 1 : a.key_count;
  const float* q = p.queries.data() + query * a.query_stride + head * a.head_dim;
  std::vector<double> scores(count);
  double magnitude = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    const float* key = p.keys.data() + k * p.key_stride + offset;
    double terms = 0.0;
    for (std::size_t i = 0; i < a.head_dim; ++i) {
      scores[k] += double{a.scale} * q[i] * key[i];
      terms += std::fabs(double{a.scale} * q[i] * key[i]);
    }
    magnitude = std::max(magnitude, terms);
  }
  const double maximum = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  out.assign(a.head_dim, 0.0);
  for (std::size_t k = 0; k < count; ++k) {
    const double weight = std::exp(scores[k] - maximum);
    sum += weight;
    const float* value = p.values.data() + k * p.key_stride + offset;
    for (std::size_t i = 0; i < a.head_dim; ++i) out[i] += weight * value[i];
  }
  for (double& value : out) value /= sum;
  return 2 * rounding_bound(a.head_dim + 2, magnitude) + rounding_bound(count + 8, 1.0);
}

void expect_reference(const Problem& p) {
  float largest = 0.0f;
  for (const float value : p.values) largest = std::max(largest, std::fabs(value));
  std::size_t wrong = 0;
  std::vector<double> expected;
  for (std::size_t query = 0; query < p.shape.queries; ++query) {
    for (std::size_t head = 0; head < p.arguments.heads; ++head) {
      const double bound = reference(p, query, head, expected) * largest;
      for (std::size_t i = 0; i < p.shape.head_dim; ++i) {
        const float actual = p.output_of(query, head)[i];
        if (!(std::fabs(actual - expected[i]) <= bound) && wrong++ == 0) {
          ADD_FAILURE() << "query " << query << ", head " << head << ", element " << i << ": "
                        << actual << ", expected " << expected[i] << " ± " << bound;
        }
      }
    }
  }
  EXPECT_EQ(wrong, 0u) << p.shape.queries << " queries, " << p.shape.keys << " keys, group "
                       << p.shape.group << ", head_dim " << p.shape.head_dim << ", causal "
                       << p.shape.causal;
  EXPECT_TRUE(std::isnan(p.output.back())) << "wrote past the end";
}

class AttentionTest : public TargetTest {
 protected:
  void check(bool causal) {
    for (std::size_t group = 1; group <= 8; group *= repetitions(2, 8)) {
      for (const std::size_t head_dim : {32, 64, 80, 128}) {
        for (const std::size_t queries : {1, 2, 7, 33, 100}) {
          if (queries == 100 && head_dim != 80) continue;
          for (const std::size_t keys : {queries, queries + 47, std::size_t{300}}) {
            Problem problem({queries, keys, 2, group, head_dim, causal});
            problem.run();
            expect_reference(problem);
          }
        }
      }
    }
  }
};

TEST_P(AttentionTest, FullAttentionEqualsSoftmaxInDouble) {
  check(false);
}

TEST_P(AttentionTest, CausalAttentionEqualsSoftmaxInDouble) {
  check(true);
}

TEST_P(AttentionTest, KeysInFewerBitsGiveWhatTheirBitsStandFor) {
  for (const cpu::KvType type : {cpu::KvType::kFloat16, cpu::KvType::kInt8}) {
    for (const std::size_t head_dim : {20, 32, 80, 128}) {
      for (const std::size_t queries : {1, 2, 5, 40}) {
        Problem problem({queries, 150, 2, 4, head_dim, true});
        problem.pack(type);
        problem.run();
        expect_reference(problem);
      }
    }
  }
}

TEST_P(AttentionTest, PackingStaysWithinAStepOfItsBits) {
  for (const std::size_t head_dim : {7, 32, 128}) {
    Problem half({1, 50, 2, 1, head_dim, false}), eighth = half;
    const std::vector<float> exact = half.keys;
    half.pack(cpu::KvType::kFloat16);
    eighth.pack(cpu::KvType::kInt8);
    for (std::size_t row = 0; row < 100; ++row) {
      const float* from = exact.data() + row / 2 * (2 * head_dim + 5) + row % 2 * head_dim;
      float largest = 0.0f;
      for (std::size_t i = 0; i < head_dim; ++i) largest = std::max(largest, std::fabs(from[i]));
      for (std::size_t i = 0; i < head_dim; ++i) {
        const std::size_t at = row * head_dim + i;
        // A whole step: without F16C, Highway cuts off instead of rounding.
        EXPECT_LE(std::fabs(half.keys[at] - from[i]), std::fabs(from[i]) * 0x1p-10f + 0x1p-24f);
        EXPECT_LE(std::fabs(eighth.keys[at] - from[i]), largest / 254 * 1.0001f);
      }
    }
  }
}

TEST_P(AttentionTest, NumbersBeyondHalfPrecisionAreKeptAsItsLargest) {
  const std::vector<float> row{1e30f, -1e30f, 70000.0f, 1.0f};
  std::vector<std::uint8_t> bytes(8);
  EXPECT_FALSE(cpu::pack_kv_rows(row.data(), 1, 4, cpu::KvType::kFloat16, bytes.data()));
  const double expected[] = {65504.0, -65504.0, 65504.0, 1.0};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(decode(bytes.data(), cpu::ElementType::kFloat16, i), expected[i]);
  }
}

TEST_P(AttentionTest, DetectsNumbersThatFitHalfPrecision) {
  const std::vector<float> row(40, -65504.0f);
  std::vector<std::uint8_t> bytes(80);
  EXPECT_TRUE(cpu::pack_kv_rows(row.data(), 1, 40, cpu::KvType::kFloat16, bytes.data()));
}

TEST_P(AttentionTest, KeyCountsAroundTheBlockSizeAreRight) {
  for (std::size_t keys = 1; keys <= 150; ++keys) {
    Problem problem({1, keys, 1, 4, 20, true});
    problem.run();
    expect_reference(problem);
  }
}

TEST_P(AttentionTest, LargestHeadDimensionIsRight) {
  Problem problem({9, 60, 1, 2, 256, true});
  problem.run();
  expect_reference(problem);
}

TEST_P(AttentionTest, NoQueriesWriteNothing) {
  Problem problem({0, 10, 1, 2, 64, true});
  problem.run();
  EXPECT_TRUE(std::isnan(problem.output[0]));
}

TEST_P(AttentionTest, ScoresOfThousandsStayFiniteAndExact) {
  // Whole numbers: the scores, up to about ±20,000, are exact in f32, and so are their differences.
  Problem problem({7, 120, 1, 2, 64, true});
  problem.arguments.scale = 1.0f;
  for (auto* numbers : {&problem.queries, &problem.keys}) {
    for (float& number : *numbers) number = std::round(number * 16);
  }
  problem.run();
  std::vector<double> expected;
  for (std::size_t query = 0; query < 7; ++query) {
    for (std::size_t head = 0; head < 2; ++head) {
      reference(problem, query, head, expected);
      for (std::size_t i = 0; i < 64; ++i) {
        EXPECT_NEAR(problem.output_of(query, head)[i], expected[i], 1e-5);
      }
    }
  }
}

TEST_P(AttentionTest, ScoresNearTheLimitsOfFloatPickTheLargestKey) {
  Problem problem({3, 100, 1, 4, 32, false});
  std::fill(problem.queries.begin(), problem.queries.end(), 1e18f);
  std::fill(problem.keys.begin(), problem.keys.end(), -1e18f);
  const std::size_t best = 71;
  std::fill_n(problem.keys.begin() + best * problem.key_stride, 32, 1e18f);
  problem.arguments.scale = 1.0f;
  problem.run();
  const float* value = problem.values.data() + best * problem.key_stride;
  for (std::size_t query = 0; query < 3; ++query) {
    for (std::size_t head = 0; head < 4; ++head) {
      for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(problem.output_of(query, head)[i], value[i]);
    }
  }
}

TEST_P(AttentionTest, TwentyThousandKeysNeedNoMatrixOfScores) {
  // The scores would take 64 × 8 × 20,000 × 4 bytes = 41 MB.
  Problem problem({64, 20'000, 1, 8, 32, true});
  problem.output.resize(64 * 8 * 32 + 1);
  const auto peak_kilobytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak_kilobytes();
  problem.run();
#ifdef __APPLE__
  const long unit = 1024;  // ru_maxrss is in bytes there
#else
  const long unit = 1;
#endif
  EXPECT_LT((peak_kilobytes() - before) / unit, 10'000);  // sanitizers add theirs
  std::vector<double> expected;
  const double bound = reference(problem, 63, 5, expected) * 6;
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(problem.output_of(63, 5)[i], expected[i], bound);
  }
}

OKO_FOR_EVERY_TARGET(AttentionTest);

}  // namespace
}  // namespace oko::tensor
