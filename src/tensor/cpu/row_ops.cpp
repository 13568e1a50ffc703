#include "tensor/cpu/row_ops.h"

#include <algorithm>
#include <cmath>

#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/row_ops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Math functions build on the same target's vectors.
#include <hwy/contrib/math/math-inl.h>

#include "tensor/cpu/activations-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;

/// sum over i of term(x[i]).
template <typename Term>
HWY_INLINE float sum_of(const float* x, std::size_t width, Term term) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  V total = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) total = hn::Add(total, term(d, hn::LoadU(d, x + i)));
  float sum = hn::GetLane(hn::SumOfLanes(d, total));
  const hn::CappedTag<float, 1> one;
  for (; i < width; ++i) sum += hn::GetLane(term(one, hn::LoadU(one, x + i)));
  return sum;
}

/// out[i] = map(d, i) for all i of a row, in vectors of tag d, the rest one by one.
template <typename Map>
HWY_INLINE void map_row(std::size_t width, float* out, Map map) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) hn::StoreU(map(d, i), d, out + i);
  const hn::CappedTag<float, 1> one;
  for (; i < width; ++i) hn::StoreU(map(one, i), one, out + i);
}

void rms_norm_row(const float* x, const float* weight, float epsilon, std::size_t width,
                  float* out) {
  const float squares = sum_of(x, width, [](auto d, auto v) { return hn::Mul(v, v); });
  const float scale = 1.0f / std::sqrt(squares / static_cast<float>(width) + epsilon);
  map_row(width, out, [=](auto d, std::size_t i) {
    return hn::Mul(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, scale)), hn::LoadU(d, weight + i));
  });
}

void layer_norm_row(const float* x, const float* weight, const float* bias, float epsilon,
                    std::size_t width, float* out) {
  const auto count = static_cast<float>(width);
  const float mean = sum_of(x, width, [](auto d, auto v) { return v; }) / count;
  const float squares = sum_of(x, width, [=](auto d, auto v) {
    const auto difference = hn::Sub(v, hn::Set(d, mean));
    return hn::Mul(difference, difference);
  });
  const float scale = 1.0f / std::sqrt(squares / count + epsilon);
  map_row(width, out, [=](auto d, std::size_t i) {
    const auto normal = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
    return hn::MulAdd(normal, hn::LoadU(d, weight + i), hn::LoadU(d, bias + i));
  });
}

void add_row(const float* a, const float* b, std::size_t width, float* out) {
  map_row(width, out,
          [=](auto d, std::size_t i) { return hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)); });
}

void swiglu_row(const float* gate, const float* up, std::size_t width, float* out) {
  map_row(width, out, [=](auto d, std::size_t i) {
    const auto x = hn::LoadU(d, gate + i);
    return hn::Mul(hn::Mul(x, sigmoid(d, x)), hn::LoadU(d, up + i));
  });
}

void gelu_tanh_row(const float* x, std::size_t width, float* out) {
  map_row(width, out, [=](auto d, std::size_t i) { return gelu_tanh(d, hn::LoadU(d, x + i)); });
}

void gelu_row(const float* x, std::size_t width, float* out) {
  map_row(width, out, [=](auto d, std::size_t i) { return gelu(d, hn::LoadU(d, x + i)); });
}

void rotate_row(const float* x, const float* cos, const float* sin, std::size_t heads,
                std::size_t head_dim, float* out) {
  const std::size_t half = head_dim / 2;
  for (std::size_t h = 0; h < heads; ++h, x += head_dim, out += head_dim) {
    const auto rotate_lanes = [&](auto d, std::size_t i) {
      const auto low = hn::LoadU(d, x + i);
      const auto high = hn::LoadU(d, x + half + i);
      const auto c = hn::LoadU(d, cos + i);
      const auto s = hn::LoadU(d, sin + i);
      hn::StoreU(hn::MulAdd(high, c, hn::Mul(low, s)), d, out + half + i);
      return hn::NegMulAdd(high, s, hn::Mul(low, c));
    };
    map_row(half, out, rotate_lanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {
namespace {

HWY_EXPORT(rms_norm_row);
HWY_EXPORT(layer_norm_row);
HWY_EXPORT(add_row);
HWY_EXPORT(swiglu_row);
HWY_EXPORT(gelu_tanh_row);
HWY_EXPORT(gelu_row);
HWY_EXPORT(rotate_row);

/// Calls body(row) for all rows, in tasks of some 16,000 elements: less is not worth a thread.
template <typename Body>
void for_rows(std::size_t rows, std::size_t width, Body body) {
  const std::size_t rows_per_task =
      std::max<std::size_t>(1, 16'384 / std::max<std::size_t>(1, width));
  thread_pool().parallel_ranges(rows, rows_per_task, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) body(row);
  });
}

}  // namespace

void rms_norm(const float* x, const float* weight, float epsilon, std::size_t rows,
              std::size_t width, float* out) {
  for_rows(rows, width, [&](std::size_t row) {
    HWY_DYNAMIC_DISPATCH(rms_norm_row)
    (x + row * width, weight, epsilon, width, out + row * width);
  });
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon,
                std::size_t rows, std::size_t width, float* out) {
  for_rows(rows, width, [&](std::size_t row) {
    HWY_DYNAMIC_DISPATCH(layer_norm_row)
    (x + row * width, weight, bias, epsilon, width, out + row * width);
  });
}

void add(const float* a, const float* b, std::size_t rows, std::size_t width, float* out) {
  for_rows(rows, width, [&](std::size_t row) {
    HWY_DYNAMIC_DISPATCH(add_row)(a + row * width, b + row * width, width, out + row * width);
  });
}

void swiglu(const float* gate, const float* up, std::size_t rows, std::size_t width, float* out) {
  for_rows(rows, width, [&](std::size_t row) {
    HWY_DYNAMIC_DISPATCH(swiglu_row)
    (gate + row * width, up + row * width, width, out + row * width);
  });
}

void gelu_tanh(const float* x, std::size_t rows, std::size_t width, float* out) {
  for_rows(rows, width, [&](std::size_t row) {
    HWY_DYNAMIC_DISPATCH(gelu_tanh_row)(x + row * width, width, out + row * width);
  });
}

void gelu(const float* x, std::size_t rows, std::size_t width, float* out) {
  for_rows(rows, width, [&](std::size_t row) {
    HWY_DYNAMIC_DISPATCH(gelu_row)(x + row * width, width, out + row * width);
  });
}

void rotate(const float* x, std::size_t x_stride, const float* cos, const float* sin,
            std::size_t rows, std::size_t heads, std::size_t head_dim, float* out) {
  for_rows(rows, heads * head_dim, [&](std::size_t row) {
    const std::size_t angles = row * head_dim / 2;
    HWY_DYNAMIC_DISPATCH(rotate_row)
    (x + row * x_stride, cos + angles, sin + angles, heads, head_dim, out + row * heads * head_dim);
  });
}

}  // namespace oko::tensor::cpu
#endif
