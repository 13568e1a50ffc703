#include "tensor/cpu/integer_matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/row_ops.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/integer_matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/integer_panels-inl.h"
#include "tensor/cpu/integer_rows-inl.h"
#include "tensor/cpu/round_group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

bool has_byte_dot() {
  return kHasByteDot;
}

float group_sum(const float* x, std::size_t size) {
  const FloatTag d;
  auto sum = hn::Zero(d);
  for (std::size_t j = 0; j < size; j += hn::Lanes(d)) sum = hn::Add(sum, hn::LoadU(d, x + j));
  return hn::GetLane(hn::SumOfLanes(d, sum));
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
      scale = round_group(x, size, limit, reinterpret_cast<std::int16_t*>(to));
      input.sums[row * input.groups + g] = group_sum(x, size);
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
  ordered.resize(input.depth);
  std::fill_n(ordered.data() + input.depth - run, run, std::int16_t{0});
  for (std::size_t g = 0; g < input.groups; ++g, x += group_size) {
    input.sums[row * input.groups + g] = group_sum(x, group_size);
    input.scales[row * input.groups + g] =
        round_group(x, group_size, kLimit, ordered.data() + g * group_size);
  }
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

void prepare_few(const float* x, std::size_t m, const WeightMatrix& weight, IntegerInput& input) {
  for (std::size_t i = 0; i < m; ++i, x += weight.columns) {
    if (weight.bits == 4) {
      prepare_spread_row<4>(x, i, input);
    } else {
      prepare_spread_row<8>(x, i, input);
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
HWY_EXPORT(prepare_few);
HWY_EXPORT(columns_per_vector);
HWY_EXPORT(panel_rows);
HWY_EXPORT(panel_depth);
HWY_EXPORT(multiply_integer_panels);
HWY_EXPORT(stream_weight);
HWY_EXPORT(pair_dot_is_fast);
HWY_EXPORT(has_byte_dot);

constexpr std::size_t kMinRowsPerTask = 32;
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
  input.q.resize((weight.columns + depth - 1) / depth * m * depth * item);
  // Room to read a vector from any group on.
  input.scales.resize(m * input.groups + kMaxLanes);
  input.sums.resize(m * input.groups + kMaxLanes);
  return input;
}

/// The rows of all weights, one after the other.
std::size_t rows_of(std::span<const Product> products) {
  std::size_t rows = 0;
  for (const Product& product : products) rows += product.weight.rows;
  return rows;
}

/// Calls body(product, first, last) for the parts of rows [first, last) of all weights.
template <typename Body>
void for_parts(std::span<const Product> products, std::size_t first, std::size_t last, Body body) {
  for (const Product& product : products) {
    const std::size_t end = std::min(last, product.weight.rows);
    if (first < end) body(product, first, end);
    first -= std::min(first, product.weight.rows);
    last -= std::min(last, product.weight.rows);
  }
}

void multiply_few(const float* x, std::size_t m, std::span<const Product> products) {
  const WeightMatrix& weight = products.front().weight;
  const std::size_t run = HWY_DYNAMIC_DISPATCH(columns_per_vector)(weight.bits);
  IntegerInput& input = room_for(m, weight, (weight.columns + run - 1) / run * run, 2);
  HWY_DYNAMIC_DISPATCH(prepare_few)(x, m, weight, input);
  thread_pool().parallel_runs(
      rows_of(products), kMinRowsPerTask, [&](std::size_t first, std::size_t last) {
        for_parts(products, first, last,
                  [&](const Product& product, std::size_t begin, std::size_t end) {
                    HWY_DYNAMIC_DISPATCH(stream_weight)
                    (input, m, product.weight, product.bias, begin, end, product.y);
                  });
      });
}

/// Rows [first_input, first_input + m) of x.
void multiply_many(const float* x, std::size_t m, std::span<const Product> products,
                   std::size_t first_input, bool bytes) {
  const WeightMatrix& weight = products.front().weight;
  IntegerInput& input = room_for(m, weight, HWY_DYNAMIC_DISPATCH(panel_depth)(), bytes ? 1 : 2);
  const float limit = bytes ? kByteLimit : weight.bits == 0 ? kDenseInputLimit : kLimit;
  thread_pool().parallel_for(m, [&](std::size_t i) {
    HWY_DYNAMIC_DISPATCH(prepare_row)
    (x + (first_input + i) * weight.columns, weight.columns, limit, i, input);
  });
  const std::size_t width = HWY_DYNAMIC_DISPATCH(panel_rows)();
  for (const Product& product : products) {
    thread_pool().parallel_ranges(product.weight.rows, kPanelsPerTask * width,
                                  [&](std::size_t first, std::size_t last) {
                                    HWY_DYNAMIC_DISPATCH(multiply_integer_panels)
                                    (input, product, first_input, first, last);
                                  });
  }
}

}  // namespace

bool integer_pays(const WeightMatrix& weight, std::size_t m, Precision precision) {
  if (precision == Precision::kFloat32) return false;
  return weight.bits != 0 || (weight.type != ElementType::kFloat32 &&
                              (m > kMaxGemvRows || precision == Precision::kInt8Activations) &&
                              HWY_DYNAMIC_DISPATCH(pair_dot_is_fast)());
}

void integer_matmul(const float* x, std::size_t m, std::span<const Product> products,
                    Precision precision) {
  const bool alike = precision == Precision::kInt8Activations;
  if (m <= kMaxGemvRows && !alike) {
    multiply_few(x, m, products);
    return finish_products(m, products);
  }
  const bool bytes =
      alike && products.front().weight.bits == 8 && HWY_DYNAMIC_DISPATCH(has_byte_dot)();
  for (std::size_t i = 0; i < m; i += kMaxIntegerRows) {
    multiply_many(x, std::min(kMaxIntegerRows, m - i), products, i, bytes);
  }
}

void release_integer_input() {
  kept_input() = {};
}

void finish_products(std::size_t m, std::span<const Product> products) {
  for (const Product& product : products) {
    const std::size_t width = product.weight.rows;
    if (product.activation == Activation::kGelu) gelu(product.y, m, width, product.y);
    if (product.activation == Activation::kGeluTanh) gelu_tanh(product.y, m, width, product.y);
    if (product.residual != nullptr) add(product.y, product.residual, m, width, product.y);
  }
}

}  // namespace oko::tensor::cpu
#endif
