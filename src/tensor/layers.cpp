#include "tensor/layers.h"

#include <mlx/fast.h>
#include <mlx/mlx.h>

#include <cmath>

#include "tensor/cpu/primitive.h"
#include "tensor/cpu/row_ops.h"
#include "tensor/device.h"

namespace oko::tensor {
namespace {

/// A small vector of weights in the dtype that the normalisation reads.
mx::array load_vector(const Weights& weights, const std::string& name, std::int64_t width) {
  mx::array vector = weights.get(name, {width});
  if (!on_gpu()) {
    vector = cpu::as_f32(vector);
    vector.eval();
  }
  return vector;
}

std::size_t rows_of(const mx::array& x) {
  return x.size() / static_cast<std::size_t>(x.shape(-1));
}

const float* floats(const void* data) {
  return static_cast<const float*>(data);
}

}  // namespace

RmsNorm RmsNorm::load(const Weights& weights, const std::string& name, std::int64_t width,
                      float epsilon) {
  return RmsNorm(load_vector(weights, name + ".weight", width), epsilon);
}

mx::array RmsNorm::operator()(const mx::array& x) const {
  if (on_gpu()) return mx::fast::rms_norm(x, weight_, epsilon_);
  const auto width = static_cast<std::size_t>(x.shape(-1));
  return cpu::make_node("RmsNorm", x.shape(), mx::float32, {cpu::as_f32(x), weight_},
                        [rows = rows_of(x), width, epsilon = epsilon_](
                            const std::vector<const void*>& in, void* out) {
                          cpu::rms_norm(floats(in[0]), floats(in[1]), epsilon, rows, width,
                                        static_cast<float*>(out));
                        });
}

LayerNorm LayerNorm::load(const Weights& weights, const std::string& name, std::int64_t width,
                          float epsilon) {
  return LayerNorm(load_vector(weights, name + ".weight", width),
                   load_vector(weights, name + ".bias", width), epsilon);
}

mx::array LayerNorm::operator()(const mx::array& x) const {
  if (on_gpu()) return mx::fast::layer_norm(x, weight_, bias_, epsilon_);
  const auto width = static_cast<std::size_t>(x.shape(-1));
  return cpu::make_node("LayerNorm", x.shape(), mx::float32, {cpu::as_f32(x), weight_, bias_},
                        [rows = rows_of(x), width, epsilon = epsilon_](
                            const std::vector<const void*>& in, void* out) {
                          cpu::layer_norm(floats(in[0]), floats(in[1]), floats(in[2]), epsilon,
                                          rows, width, static_cast<float*>(out));
                        });
}

mx::array matrix(std::span<const float> values, int rows) {
  return mx::array(values.data(), {rows, static_cast<int>(values.size()) / rows}, mx::float32);
}

mx::array swiglu(const mx::array& gate, const mx::array& up) {
  if (on_gpu()) return mx::multiply(mx::multiply(gate, mx::sigmoid(gate)), up);
  const auto width = static_cast<std::size_t>(gate.shape(-1));
  return cpu::make_node(
      "SwiGlu", gate.shape(), mx::float32, {cpu::as_f32(gate), cpu::as_f32(up)},
      [rows = rows_of(gate), width](const std::vector<const void*>& in, void* out) {
        cpu::swiglu(floats(in[0]), floats(in[1]), rows, width, static_cast<float*>(out));
      });
}

mx::array gelu_tanh(const mx::array& x) {
  if (on_gpu()) {
    const mx::array cubic =
        mx::add(x, mx::multiply(mx::array(0.044715f, x.dtype()), mx::multiply(x, mx::square(x))));
    const mx::array z = mx::multiply(mx::array(1.5957691216057308f, x.dtype()), cubic);
    return mx::multiply(x, mx::sigmoid(z));
  }
  const auto width = static_cast<std::size_t>(x.shape(-1));
  return cpu::make_node("GeluTanh", x.shape(), mx::float32, {cpu::as_f32(x)},
                        [rows = rows_of(x), width](const std::vector<const void*>& in, void* out) {
                          cpu::gelu_tanh(floats(in[0]), rows, width, static_cast<float*>(out));
                        });
}

mx::array gelu(const mx::array& x) {
  const mx::array scaled = mx::multiply(x, mx::array(static_cast<float>(M_SQRT1_2), x.dtype()));
  const mx::array one_plus_erf = mx::add(mx::erf(scaled), mx::array(1.0f, x.dtype()));
  return mx::multiply(mx::multiply(x, mx::array(0.5f, x.dtype())), one_plus_erf);
}

mx::array rotate(const mx::array& x, const mx::array& cos, const mx::array& sin) {
  const int half = x.shape(2) / 2;
  if (on_gpu()) {
    const auto low = mx::slice(x, {0, 0, 0}, {x.shape(0), x.shape(1), half});
    const auto high = mx::slice(x, {0, 0, half}, x.shape());
    const auto c = mx::astype(mx::expand_dims(cos, 1), x.dtype());
    const auto s = mx::astype(mx::expand_dims(sin, 1), x.dtype());
    return mx::concatenate({mx::subtract(mx::multiply(low, c), mx::multiply(high, s)),
                            mx::add(mx::multiply(high, c), mx::multiply(low, s))},
                           2);
  }
  const auto rows = static_cast<std::size_t>(x.shape(0));
  const auto heads = static_cast<std::size_t>(x.shape(1));
  const auto head_dim = static_cast<std::size_t>(x.shape(2));
  return cpu::make_node("Rotate", x.shape(), mx::float32, {cpu::as_f32(x), cos, sin},
                        [=](const std::vector<const void*>& in, void* out) {
                          cpu::rotate(floats(in[0]), heads * head_dim, floats(in[1]), floats(in[2]),
                                      rows, heads, head_dim, static_cast<float*>(out));
                        });
}

}  // namespace oko::tensor
