#include "tensor/layers.h"

#include <mlx/array.h>
#include <mlx/compile.h>
#include <mlx/fast.h>
#include <mlx/ops.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "tensor/cpu/materialized.h"
#include "tensor/cpu/row_ops.h"
#include "tensor/device.h"

namespace oko::tensor {
namespace {

/// A small vector of weights in the dtype of the normalisation.
mx::array load_vector(const Weights& weights, const std::string& name, std::int64_t width) {
  mx::array vector = weights.get(name, {width});
  if (!uses_graph()) {
    vector = cpu::materialized_f32(vector);
  }
  return vector;
}

std::size_t width_of(const mx::array& x) {
  return static_cast<std::size_t>(x.shape(-1));
}

std::size_t rows_of(const mx::array& x) {
  return x.size() / width_of(x);
}

/// {gate, up} -> {silu(gate) * up}. Compiled, it is one kernel on a GPU.
std::vector<mx::array> swiglu_graph(const std::vector<mx::array>& inputs) {
  const mx::array& gate = inputs[0];
  return {mx::multiply(mx::multiply(gate, mx::sigmoid(gate)), inputs[1])};
}

}  // namespace

RmsNorm RmsNorm::load(const Weights& weights, const std::string& name, std::int64_t width,
                      float epsilon) {
  return RmsNorm(load_vector(weights, name + ".weight", width), epsilon);
}

mx::array RmsNorm::operator()(const mx::array& x) const {
  if (uses_graph()) return mx::fast::rms_norm(x, weight_, epsilon_);
  const mx::array input = cpu::materialized_f32(x);
  mx::array out = cpu::uninitialized(x.shape());
  cpu::rms_norm(input.data<float>(), weight_.data<float>(), epsilon_, rows_of(x), weight_.size(),
                out.data<float>());
  return out;
}

LayerNorm LayerNorm::load(const Weights& weights, const std::string& name, std::int64_t width,
                          float epsilon) {
  const bool old = !weights.contains(name + ".weight") && weights.contains(name + ".gamma");
  return LayerNorm(load_vector(weights, name + (old ? ".gamma" : ".weight"), width),
                   load_vector(weights, name + (old ? ".beta" : ".bias"), width), epsilon);
}

mx::array LayerNorm::operator()(const mx::array& x) const {
  if (uses_graph()) return mx::fast::layer_norm(x, weight_, bias_, epsilon_);
  const mx::array input = cpu::materialized_f32(x);
  mx::array out = cpu::uninitialized(x.shape());
  cpu::layer_norm(input.data<float>(), weight_.data<float>(), bias_.data<float>(), epsilon_,
                  rows_of(x), weight_.size(), out.data<float>());
  return out;
}

mx::array from_host_rows(std::span<const float> values, int rows) {
  return mx::array(values.data(), {rows, static_cast<int>(values.size()) / rows}, mx::float32);
}

mx::array for_row_blocks(int rows, int step,
                         const std::function<mx::array(int first, int count)>& part) {
  if (rows <= step) return part(0, rows);
  std::vector<mx::array> parts;
  std::optional<mx::array> whole;
  for (int first = 0; first < rows; first += step) {
    mx::array some = part(first, std::min(step, rows - first));
    if (uses_graph()) {
      some.eval();
      parts.push_back(std::move(some));
      continue;
    }
    some = cpu::materialized(some);
    if (!whole) whole = cpu::uninitialized({rows, some.shape(1)}, some.dtype());
    std::memcpy(whole->data<std::byte>() + first * some.shape(1) * some.itemsize(),
                some.data<std::byte>(), some.nbytes());
  }
  return whole ? *whole : mx::concatenate(parts, 0);
}

mx::array reshape(const mx::array& x, mx::Shape shape) {
  return uses_graph() ? mx::reshape(x, std::move(shape))
                      : cpu::reshaped(cpu::materialized(x), std::move(shape));
}

mx::array add(const mx::array& a, const mx::array& b) {
  if (uses_graph()) return mx::add(a, b);
  const mx::array left = cpu::materialized_f32(a), right = cpu::materialized_f32(b);
  mx::array out = cpu::uninitialized(a.shape());
  cpu::add(left.data<float>(), right.data<float>(), rows_of(a), width_of(a), out.data<float>());
  return out;
}

mx::array swiglu(const mx::array& gate, const mx::array& up) {
  if (uses_graph()) {
    static const auto compiled = mx::compile(&swiglu_graph, /*shapeless=*/true);
    return compiled({gate, up})[0];
  }
  const mx::array gate_input = cpu::materialized_f32(gate), up_input = cpu::materialized_f32(up);
  mx::array out = cpu::uninitialized(gate.shape());
  cpu::swiglu(gate_input.data<float>(), up_input.data<float>(), rows_of(gate), width_of(gate),
              out.data<float>());
  return out;
}

mx::array split_heads(const mx::array& rows, int heads, int head_dim) {
  if (uses_graph()) return mx::reshape(rows, {rows.shape(0), heads, 1, head_dim});
  return tensor::reshape(rows, {rows.shape(0), heads, head_dim});
}

}  // namespace oko::tensor
