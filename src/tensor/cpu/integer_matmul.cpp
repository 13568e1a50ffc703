#include "tensor/cpu/integer_matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/cpu/amx.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/row_ops.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/integer_matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/few_rows-inl.h"
#include "tensor/cpu/integer_panels-inl.h"
#include "tensor/cpu/integer_rows-inl.h"
#include "tensor/cpu/one_row-inl.h"
#include "tensor/cpu/round_group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

bool has_amx() {
  return kHasAmx;
}

bool has_byte_dot() {
  return kHasByteDot || uses_arm_dot();
}

bool has_arm_dot() {
  return uses_arm_dot();
}

/// Row `row` of `input` from x, columns in order.
void prepare_row(const float* x, std::size_t columns, float limit, std::size_t row,
                 IntegerInput& input) {
  const std::size_t size = input.group_size;
  alignas(64) float rest[128] = {};
  for (std::size_t g = 0; g < input.groups; ++g, x += size) {
    const std::size_t column = g * size;
    if (column + size > columns) {
      std::copy(x, x + (columns - column), rest);
      x = rest;
    }
    std::byte* to = input.row(column / input.depth, row) + column % input.depth * input.item;
    float& scale = input.scales[row * input.groups + g];
    if (input.item == 1) {
      const RoundedBytes rounded =
          round_bytes(x, size, limit, /*zero=*/0, reinterpret_cast<std::uint8_t*>(to));
      scale = rounded.scale;
      input.sums[row * input.groups + g] = scale * static_cast<float>(rounded.sum);
    } else {
      input.sums[row * input.groups + g] = group_sum(x, size);
      if (!input.in_tiles) {
        scale = round_group(x, size, limit, reinterpret_cast<std::int16_t*>(to));
        continue;
      }
      alignas(64) std::int16_t whole[128];
      scale = round_group(x, size, limit, whole);
      to = input.row(column / input.depth, row) + column % input.depth;
      for (std::size_t j = 0; j < size; ++j) {
        to[j] = static_cast<std::byte>(whole[j]);
        to[input.depth + j] = static_cast<std::byte>(whole[j] >> 8);
      }
    }
  }
}

/// The same in one slice, padded with zeros, where the columns of every run (columns_per_vector)
/// lie as the codes come out of 16-bit words: the first of every word, then the second, ...
template <int kBits>
void prepare_spread_row(const float* x, std::size_t row, IntegerInput& input) {
  const ShortTag d;
  const std::size_t group_size = input.group_size;
  const std::size_t run = columns_per_vector(kBits);
  thread_local AlignedVector<std::int16_t> ordered;
  ordered.assign(input.depth, 0);
  for (std::size_t g = 0; g < input.groups; ++g, x += group_size) {
    input.sums[row * input.groups + g] = group_sum(x, group_size);
    input.scales[row * input.groups + g] =
        round_group(x, group_size, kLimit, ordered.data() + g * group_size);
  }
  if (uses_arm_dot()) return spread_halves<kBits>(ordered.data(), input.depth, input.row(0, row));
  auto* to = reinterpret_cast<std::int16_t*>(input.row(0, row));
  for (std::size_t column = 0; column < input.depth; column += run) {
    const std::int16_t* from = ordered.data() + column;
    ShortVector part[4];
    if constexpr (kBits == 4) {
      hn::LoadInterleaved4(d, from, part[0], part[1], part[2], part[3]);
    } else {
      hn::LoadInterleaved2(d, from, part[0], part[1]);
    }
    for (std::size_t p = 0; p < 16 / kBits; ++p) {
      hn::Store(part[p], d, to + column + p * hn::Lanes(d));
    }
  }
}

void prepare_spread(const float* x, std::size_t m, const WeightMatrix& weight,
                    IntegerInput& input) {
  for (std::size_t i = 0; i < m; ++i, x += weight.columns) {
    if (weight.bits == 4) {
      prepare_spread_row<4>(x, i, input);
    } else {
      prepare_spread_row<8>(x, i, input);
    }
  }
}

/// Columns that a spread row is padded to a multiple of: a block of the kernel of one row.
std::size_t spread_columns(int bits, std::size_t group_size) {
  return kHasFewRowsPanels ? hn::Lanes(FloatTag()) * group_size : columns_per_vector(bits);
}

template <std::size_t kM>
void stream_rows(const IntegerInput& x, std::size_t input, const WeightMatrix& weight,
                 const float* bias, std::size_t first, std::size_t last, float* y) {
  const auto stream = [&](auto bits) {
    if constexpr (kHasArmDot) {
      if (uses_arm_dot()) {
        return stream_rows<kM, bits, true>(x, input, weight, bias, first, last, y);
      }
    }
    stream_rows<kM, bits, false>(x, input, weight, bias, first, last, y);
  };
  if (weight.bits == 4) {
    stream(std::integral_constant<int, 4>());
  } else {
    stream(std::integral_constant<int, 8>());
  }
}

/// Rows [first, last) of the weight times all m rows of x, up to 4 at a time; with panels, of one.
void stream_weight(const IntegerInput& x, std::size_t m, const WeightMatrix& weight,
                   const float* bias, std::size_t first, std::size_t last, float* y) {
  if constexpr (kHasFewRowsPanels) {
    return weight.bits == 4 ? stream_one_row<4>(x, weight, bias, first, last, y)
                            : stream_one_row<8>(x, weight, bias, first, last, y);
  } else {
    for (std::size_t input = 0; input < m; input += 4) {
      switch (m - input) {
        case 1:
          stream_rows<1>(x, input, weight, bias, first, last, y);
          break;
        case 2:
          stream_rows<2>(x, input, weight, bias, first, last, y);
          break;
        case 3:
          stream_rows<3>(x, input, weight, bias, first, last, y);
          break;
        default:
          stream_rows<4>(x, input, weight, bias, first, last, y);
      }
    }
  }
}

bool has_few_rows_panels() {
  return kHasFewRowsPanels;
}

/// Groups [first, last) of all rows of x.
void prepare_few(const float* x, const WeightMatrix& weight, std::size_t first, std::size_t last,
                 FewRowsInput& input) {
  if (weight.bits == 4) {
    prepare_few_groups<4>(x, weight, first, last, input);
  } else {
    prepare_few_groups<8>(x, weight, first, last, input);
  }
}

/// Rows [first, last) of the weight, the first one a multiple of few_rows_width(), · all rows of x.
void multiply_few(const FewRowsInput& x, const WeightMatrix& weight, const float* bias,
                  std::size_t first, std::size_t last, float* y) {
  if constexpr (kHasFewRowsPanels) {
    thread_local FewRowsPanel panel;
    if (weight.bits == 4) {
      multiply_few_panels<4>(x, weight, bias, first, last, panel, y);
    } else {
      multiply_few_panels<8>(x, weight, bias, first, last, panel, y);
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
HWY_EXPORT(prepare_spread);
HWY_EXPORT(prepare_few);
HWY_EXPORT(spread_columns);
HWY_EXPORT(has_few_rows_panels);
HWY_EXPORT(few_rows_width);
HWY_EXPORT(panel_rows);
HWY_EXPORT(panel_depth);
HWY_EXPORT(multiply_integer_panels);
HWY_EXPORT(stream_weight);
HWY_EXPORT(multiply_few);
HWY_EXPORT(pair_dot_is_fast);
HWY_EXPORT(has_byte_dot);
HWY_EXPORT(has_amx);
HWY_EXPORT(has_arm_dot);

constexpr std::size_t kMinRowsPerTask = 32;
constexpr std::size_t kGroupsPerTask = 16;
constexpr std::size_t kPanelsPerTask = 4;  // that pass over a slice of x while it is in the cache
constexpr std::size_t kMaxLanes = 16;      // of any target

/// Kept, since the same sizes come again with every layer.
IntegerInput& kept_input() {
  thread_local IntegerInput input;
  return input;
}

/// Makes room for m rows of x in slices of `depth` columns.
IntegerInput& room_for(std::size_t m, const WeightMatrix& weight, std::size_t depth,
                       std::size_t item) {
  IntegerInput& input = kept_input();
  input.item = item;
  input.rows = m;
  input.depth = depth;
  input.group_size = item == 1 ? kByteGroup : weight.bits == 0 ? kDenseGroup : weight.group_size;
  input.groups = (weight.columns + input.group_size - 1) / input.group_size;
  input.in_tiles = false;
  input.q.resize(((weight.columns + depth - 1) / depth * m + kAmxRows) * depth * item);
  // Room to read a vector from any group on.
  input.scales.resize(m * input.groups + kMaxLanes);
  input.sums.resize(m * input.groups + kMaxLanes);
  return input;
}

/// Calls body(product, first, last) for runs of the rows of all weights, `width` rows at a time.
template <typename Body>
void for_runs(std::span<const GemmTask> products, std::size_t width, std::size_t smallest,
              Body body) {
  const auto panels_of = [&](const GemmTask& product) {
    return (product.weight.rows + width - 1) / width;
  };
  std::size_t count = 0;
  for (const GemmTask& product : products) count += panels_of(product);
  thread_pool().parallel_runs(count, smallest, [&](std::size_t first, std::size_t last) {
    for (const GemmTask& product : products) {
      const std::size_t panels = panels_of(product);
      const std::size_t end = std::min(last, panels);
      if (first < end) body(product, first * width, std::min(end * width, product.weight.rows));
      first -= std::min(first, panels);
      last -= std::min(last, panels);
    }
  });
}

/// Weights are read as they lie.
void multiply_streamed(const float* x, std::size_t m, std::span<const GemmTask> products) {
  const WeightMatrix& weight = products.front().weight;
  const std::size_t run = HWY_DYNAMIC_DISPATCH(spread_columns)(weight.bits, weight.group_size);
  IntegerInput& input = room_for(m, weight, (weight.columns + run - 1) / run * run, 2);
  HWY_DYNAMIC_DISPATCH(prepare_spread)(x, m, weight, input);
  for_runs(products, 1, kMinRowsPerTask,
           [&](const GemmTask& product, std::size_t first, std::size_t last) {
             HWY_DYNAMIC_DISPATCH(stream_weight)
             (input, m, product.weight, product.bias, first, last, product.y);
           });
}

FewRowsInput& kept_few_rows() {
  thread_local FewRowsInput input;
  return input;
}

void multiply_few(const float* x, std::size_t m, std::span<const GemmTask> products) {
  const WeightMatrix& weight = products.front().weight;
  FewRowsInput& input = kept_few_rows();
  input.rows = m;
  input.padded_rows = (m + 1) / 2 * 2;
  input.groups = weight.columns / weight.group_size;
  input.pairs.resize(weight.columns / 2 * input.padded_rows);
  input.scales.resize(input.groups * input.padded_rows);
  input.sums.resize(input.groups * input.padded_rows);
  thread_pool().parallel_ranges(input.groups, kGroupsPerTask,
                                [&](std::size_t first, std::size_t last) {
                                  HWY_DYNAMIC_DISPATCH(prepare_few)(x, weight, first, last, input);
                                });
  const std::size_t width = HWY_DYNAMIC_DISPATCH(few_rows_width)();
  for_runs(products, width, std::max<std::size_t>(1, kMinRowsPerTask / width),
           [&](const GemmTask& product, std::size_t first, std::size_t last) {
             HWY_DYNAMIC_DISPATCH(multiply_few)
             (input, product.weight, product.bias, first, last, product.y);
           });
}

/// True if AMX or Arm's products of bytes multiply m rows of x. Of a few rows most of a tile of AMX
/// would be empty, and the groups must fill its rows.
bool goes_in_tiles(const WeightMatrix& weight, std::size_t m, bool bytes) {
  if (HWY_DYNAMIC_DISPATCH(has_arm_dot)()) return weight.bits != 0;
  return m > kMaxGemvRows && (bytes || (weight.bits != 0 && weight.group_size >= 64)) &&
         uses_amx() && HWY_DYNAMIC_DISPATCH(has_amx)();
}

/// Rows [first_input, first_input + m) of x.
void multiply_many(const float* x, std::size_t m, std::span<const GemmTask> products,
                   std::size_t first_input, bool bytes) {
  const WeightMatrix& weight = products.front().weight;
  IntegerInput& input = room_for(m, weight, HWY_DYNAMIC_DISPATCH(panel_depth)(), bytes ? 1 : 2);
  input.in_tiles = goes_in_tiles(weight, m, bytes);
  const float limit = bytes ? kByteLimit : weight.bits == 0 ? kDenseInputLimit : kLimit;
  thread_pool().parallel_for(m, [&](std::size_t i) {
    HWY_DYNAMIC_DISPATCH(prepare_row)
    (x + (first_input + i) * weight.columns, weight.columns, limit, i, input);
  });
  const std::size_t width = HWY_DYNAMIC_DISPATCH(panel_rows)();
  for (const GemmTask& product : products) {
    thread_pool().parallel_ranges(product.weight.rows, kPanelsPerTask * width,
                                  [&](std::size_t first, std::size_t last) {
                                    HWY_DYNAMIC_DISPATCH(multiply_integer_panels)
                                    (input, product, first_input, first, last);
                                  });
  }
}

}  // namespace

bool prefers_int_gemm(const WeightMatrix& weight, std::size_t m, Precision precision) {
  if (precision == Precision::kFloat32) return false;
  return weight.bits != 0 || (weight.type != ElementType::kFloat32 &&
                              (m > kMaxGemvRows || precision == Precision::kInt8Activations) &&
                              HWY_DYNAMIC_DISPATCH(pair_dot_is_fast)());
}

void integer_matmul(const float* x, std::size_t m, std::span<const GemmTask> products,
                    Precision precision) {
  const bool alike = precision == Precision::kInt8Activations;
  if (m <= kMaxGemvRows && !alike) {
    if (m > 1 && HWY_DYNAMIC_DISPATCH(has_few_rows_panels)()) {
      multiply_few(x, m, products);
    } else {
      multiply_streamed(x, m, products);
    }
    return finish_products(m, products);
  }
  const bool bytes =
      alike && products.front().weight.bits == 8 && HWY_DYNAMIC_DISPATCH(has_byte_dot)();
  for (std::size_t i = 0; i < m; i += kMaxIntegerRows) {
    multiply_many(x, std::min(kMaxIntegerRows, m - i), products, i, bytes);
  }
}

std::uint64_t integer_input_bytes() {
  return kept_input().q.capacity() +
         kept_few_rows().pairs.capacity() * sizeof(kept_few_rows().pairs[0]);
}

void trim_integer_input() {
  kept_input() = {};
  kept_few_rows() = {};
}

void finish_products(std::size_t m, std::span<const GemmTask> products) {
  for (const GemmTask& product : products) {
    const std::size_t width = product.weight.rows;
    if (product.activation == Activation::kGelu) gelu(product.y, m, width, product.y);
    if (product.activation == Activation::kGeluTanh) gelu_tanh(product.y, m, width, product.y);
    if (product.residual != nullptr) add(product.y, product.residual, m, width, product.y);
  }
}

}  // namespace oko::tensor::cpu
#endif
