#include "tensor/cpu/integer_matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/integer_matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/integer_rows-inl.h"
#include "tensor/cpu/integer_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

constexpr float kLimit = 32767.0f;
constexpr float kSmallestScale = 1e-30f;  // less would overflow as 1 / scale, and is nothing

/// One group of x as whole numbers, in order; returns its scale.
float round_group(const float* x, std::size_t size, std::int16_t* q) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(d);
  for (std::size_t j = 0; j < size; j += lanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + j)));
  }
  const float scale = hn::GetLane(hn::MaxOfLanes(d, largest)) / kLimit;
  const auto inverse = hn::Set(d, scale > kSmallestScale ? 1.0f / scale : 0.0f);
  const hn::Rebind<std::int16_t, FloatTag> half;
  for (std::size_t j = 0; j < size; j += lanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + j), inverse));
    hn::StoreU(hn::DemoteTo(half, whole), half, q + j);
  }
  return scale;
}

float group_sum(const float* x, std::size_t size) {
  const FloatTag d;
  auto sum = hn::Zero(d);
  for (std::size_t j = 0; j < size; j += hn::Lanes(d)) sum = hn::Add(sum, hn::LoadU(d, x + j));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// Row `row` of `input` from x, columns in order.
void prepare_row(const float* x, std::size_t group_size, std::size_t row, IntegerInput& input) {
  for (std::size_t g = 0; g < input.groups; ++g, x += group_size) {
    const std::size_t column = g * group_size;
    const std::size_t slice = column / input.depth;
    std::int16_t* to = input.q.data() + (slice * input.rows + row) * input.depth;
    input.sums[row * input.groups + g] = group_sum(x, group_size);
    input.scales[row * input.groups + g] = round_group(x, group_size, to + column % input.depth);
  }
}

/// Likewise with one slice, where within every `run` columns first every parts-th one from the
/// first lies, then from the second, ... (columns_per_vector).
void prepare_spread_row(const float* x, std::size_t group_size, std::size_t run, std::size_t parts,
                        std::size_t row, IntegerInput& input) {
  std::int16_t* to = input.q.data() + row * input.depth;
  const std::size_t part_size = run / parts;
  alignas(64) std::int16_t q[128];
  for (std::size_t g = 0; g < input.groups; ++g, x += group_size) {
    const std::size_t column = g * group_size;
    input.sums[row * input.groups + g] = group_sum(x, group_size);
    input.scales[row * input.groups + g] = round_group(x, group_size, q);
    const std::size_t piece = std::min(run, group_size);  // lies in one run
    for (std::size_t j = 0; j < group_size; j += piece) {
      std::int16_t* start = to + (column + j) / run * run + (column + j) % run / parts;
      for (std::size_t part = 0; part < parts; ++part) {
        for (std::size_t k = 0; k < piece / parts; ++k) {
          start[part * part_size + k] = q[j + k * parts + part];
        }
      }
    }
  }
}

template <std::size_t kM>
void stream_rows(const IntegerInput& x, std::size_t input, const WeightMatrix& weight,
                 const float* bias, std::size_t first, std::size_t last, float* y) {
  if (weight.bits == 4) {
    stream_rows<kM, 4>(x, input, weight, bias, first, last, y);
  } else {
    stream_rows<kM, 8>(x, input, weight, bias, first, last, y);
  }
}

/// Rows [first, last) of the weight times all m rows of x, up to 4 at a time.
void stream_weight(const IntegerInput& x, std::size_t m, const WeightMatrix& weight,
                   const float* bias, std::size_t first, std::size_t last, float* y) {
  for (std::size_t input = 0; input < m;) {
    switch (m - input) {
      case 1:
        stream_rows<1>(x, input, weight, bias, first, last, y);
        return;
      case 2:
        stream_rows<2>(x, input, weight, bias, first, last, y);
        return;
      case 3:
        stream_rows<3>(x, input, weight, bias, first, last, y);
        return;
      default:
        stream_rows<4>(x, input, weight, bias, first, last, y);
        input += 4;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {
namespace {

HWY_EXPORT(prepare_row);
HWY_EXPORT(prepare_spread_row);
HWY_EXPORT(columns_per_vector);
HWY_EXPORT(panel_rows);
HWY_EXPORT(panel_depth);
HWY_EXPORT(multiply_integer_panels);
HWY_EXPORT(stream_weight);

constexpr std::size_t kMinRowsPerTask = 32;
constexpr std::size_t kPanelsPerTask = 4;    // that pass over a slice of x while it is in the cache
constexpr std::size_t kMaxLanes = 16;        // of any target
constexpr std::size_t kMaxTileInputs = 512;  // rows of x at a time: bounds its copy

/// Makes room for m rows of x in slices of `depth` columns.
IntegerInput& room_for(std::size_t m, const WeightMatrix& weight, std::size_t depth) {
  thread_local IntegerInput input;  // kept: the same sizes come again with every layer
  input.rows = m;
  input.depth = depth;
  input.groups = weight.columns / weight.group_size;
  input.q.resize((weight.columns + depth - 1) / depth * m * depth);
  // Room to read a vector from any group on.
  input.scales.resize(m * input.groups + kMaxLanes);
  input.sums.resize(m * input.groups + kMaxLanes);
  return input;
}

void multiply_few(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias,
                  float* y) {
  const std::size_t run = HWY_DYNAMIC_DISPATCH(columns_per_vector)(weight.bits);
  const std::size_t codes_per_word = 16 / static_cast<std::size_t>(weight.bits);
  IntegerInput& input = room_for(m, weight, (weight.columns + run - 1) / run * run);
  for (std::size_t i = 0; i < m; ++i) {
    // A last run that is not full is multiplied whole.
    std::fill_n(input.q.data() + (i + 1) * input.depth - run, run, std::int16_t{0});
    HWY_DYNAMIC_DISPATCH(prepare_spread_row)
    (x + i * weight.columns, weight.group_size, run, codes_per_word, i, input);
  }
  thread_pool().parallel_runs(
      weight.rows, kMinRowsPerTask, [&](std::size_t first, std::size_t last) {
        HWY_DYNAMIC_DISPATCH(stream_weight)(input, m, weight, bias, first, last, y);
      });
}

void multiply_many(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias,
                   float* y) {
  IntegerInput& input = room_for(m, weight, HWY_DYNAMIC_DISPATCH(panel_depth)());
  thread_pool().parallel_for(m, [&](std::size_t i) {
    HWY_DYNAMIC_DISPATCH(prepare_row)(x + i * weight.columns, weight.group_size, i, input);
  });
  const std::size_t width = HWY_DYNAMIC_DISPATCH(panel_rows)();
  thread_pool().parallel_ranges(
      weight.rows, kPanelsPerTask * width, [&](std::size_t first, std::size_t last) {
        HWY_DYNAMIC_DISPATCH(multiply_integer_panels)(input, weight, bias, first, last, y);
      });
}

}  // namespace

void integer_matmul(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias,
                    float* y) {
  if (m <= kFewRows) return multiply_few(x, m, weight, bias, y);
  for (std::size_t i = 0; i < m; i += kMaxTileInputs) {
    multiply_many(x + i * weight.columns, std::min(kMaxTileInputs, m - i), weight, bias,
                  y + i * weight.rows);
  }
}

}  // namespace oko::tensor::cpu
#endif
