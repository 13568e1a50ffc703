#include "tensor/linear.h"

#include <mlx/array.h>
#include <mlx/compile.h>
#include <mlx/ops.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/array_view.h"
#include "tensor/compute_dtype.h"
#include "tensor/cpu/materialized.h"
#include "tensor/cpu/matmul.h"
#include "tensor/device.h"
#include "tensor/widen_codes.h"

namespace oko::tensor {
namespace {

cpu::ElementType element_type(mx::Dtype dtype) {
  if (dtype == mx::float16) return cpu::ElementType::kFloat16;
  if (dtype == mx::bfloat16) return cpu::ElementType::kBfloat16;
  return cpu::ElementType::kFloat32;
}

bool is_float(mx::Dtype dtype) {
  return dtype == mx::float32 || dtype == mx::float16 || dtype == mx::bfloat16;
}

void require_dtype(bool right, const std::string& tensor) {
  if (right) return;
  throw Error(ErrorCode::kBadModel,
              tr("tensor {} has a dtype that its layer cannot use",
                 "тип данных тензора {} не подходит его слою", tensor),
              hint_for_original_weights());
}

// Compiled, each activation is one kernel on a GPU.

std::vector<mx::array> gelu(const std::vector<mx::array>& inputs) {
  const mx::array& x = inputs[0];
  const mx::array scaled = mx::multiply(x, mx::array(static_cast<float>(M_SQRT1_2), x.dtype()));
  const mx::array one_plus_erf = mx::add(mx::erf(scaled), mx::array(1.0f, x.dtype()));
  return {mx::multiply(mx::multiply(x, mx::array(0.5f, x.dtype())), one_plus_erf)};
}

std::vector<mx::array> gelu_tanh(const std::vector<mx::array>& inputs) {
  const mx::array& x = inputs[0];
  const mx::array cubic =
      mx::add(x, mx::multiply(mx::array(0.044715f, x.dtype()), mx::multiply(x, mx::square(x))));
  const mx::array z = mx::multiply(mx::array(1.5957691216057308f, x.dtype()), cubic);
  return {mx::multiply(x, mx::sigmoid(z))};
}

/// Rows `ids` of a row-contiguous matrix. On the CPU the matrix may be at any address, unlike for
/// MLX's take.
mx::array take_rows(const mx::array& matrix, const mx::array& ids) {
  if (uses_graph()) return mx::take(matrix, ids, 0);
  const mx::array rows = cpu::materialized(ids);
  mx::array taken = cpu::uninitialized({ids.shape(0), matrix.shape(1)}, matrix.dtype());
  const std::size_t row_bytes = matrix.itemsize() * static_cast<std::size_t>(matrix.shape(1));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows.data<std::int32_t>()[i]);
    std::memcpy(static_cast<std::byte*>(taken.data<void>()) + i * row_bytes,
                static_cast<const std::byte*>(matrix.data<void>()) + row * row_bytes, row_bytes);
  }
  return taken;
}

/// The product by MLX's operations.
mx::array activate(const mx::array& x, cpu::Activation activation) {
  static const auto compiled_gelu = mx::compile(&gelu, /*shapeless=*/true);
  static const auto compiled_gelu_tanh = mx::compile(&gelu_tanh, /*shapeless=*/true);
  switch (activation) {
    case cpu::Activation::kNone:
      return x;
    case cpu::Activation::kGelu:
      return compiled_gelu({x})[0];
    case cpu::Activation::kGeluTanh:
      return compiled_gelu_tanh({x})[0];
  }
  return x;
}

}  // namespace

Linear::Linear(mx::array weight, std::optional<mx::array> bias)
    : weight_(std::move(weight)),
      bias_(std::move(bias)),
      out_features_(weight_.shape(0)),
      in_features_(weight_.shape(1)) {}

Linear Linear::load(const Weights& weights, const std::string& name, std::int64_t out_features,
                    std::int64_t in_features, const QuantizationConfig& quantization) {
  std::optional<mx::array> bias;
  if (weights.contains(name + ".bias")) {
    bias = weights.get(name + ".bias", {out_features});
    require_dtype(is_float(bias->dtype()), name + ".bias");
    if (!uses_graph()) bias = cpu::materialized_f32(*bias);  // a few kB, read by every call
  }
  const auto layer = quantization.of_layer(name);
  if (!layer && weights.contains(name + ".scales")) {
    throw Error(ErrorCode::kBadModel,
                tr("layer {} is quantized (it has .scales), and config.json does not say how",
                   "слой {} квантован (есть .scales), но в config.json не сказано как", name),
                tr("config.json belongs to another model", "config.json — от другой модели"));
  }
  if (!layer || !weights.contains(name + ".scales")) {
    Linear linear(weights.matrix(name + ".weight", {out_features, in_features}), std::move(bias));
    require_dtype(is_float(linear.weight_.dtype()), name + ".weight");
    return linear;
  }
  if (in_features % layer->group_size != 0) {
    throw Error(ErrorCode::kBadModel,
                tr("layer {}: {} inputs are not a multiple of the group size {}",
                   "слой {}: {:вход|входа|входов} не кратны размеру группы {}", name,
                   Count(in_features), layer->group_size),
                tr("config.json belongs to another model", "config.json — от другой модели"));
  }
  Linear linear(weights.matrix(name + ".weight", {out_features, in_features * layer->bits / 32}),
                std::move(bias));
  linear.scales_ =
      weights.matrix(name + ".scales", {out_features, in_features / layer->group_size});
  linear.biases_ =
      weights.matrix(name + ".biases", {out_features, in_features / layer->group_size});
  require_dtype(linear.weight_.dtype() == mx::uint32, name + ".weight");
  require_dtype(is_float(linear.scales_->dtype()), name + ".scales");
  require_dtype(linear.biases_->dtype() == linear.scales_->dtype(), name + ".biases");
  linear.quantization_ = *layer;
  if (!uses_graph() && layer->bits != widened_bits(layer->bits)) {
    linear.weight_ = widen_codes(linear.weight_, in_features, layer->bits);
    linear.quantization_.bits = widened_bits(layer->bits);
  }
  linear.in_features_ = static_cast<int>(in_features);
  return linear;
}

Linear Linear::slice_rows(int first, int count) const {
  const auto rows = [&](const mx::array& all) {
    mx::Shape shape = all.shape();
    const std::uint64_t row_bytes = all.nbytes() / static_cast<std::uint64_t>(all.shape(0));
    shape[0] = count;
    return view_of(all, static_cast<std::uint64_t>(first) * row_bytes, std::move(shape),
                   all.dtype());
  };
  Linear part = *this;
  part.out_features_ = count;
  part.weight_ = rows(weight_);
  for (auto* values : {&part.scales_, &part.biases_, &part.bias_}) {
    if (*values) *values = rows(**values);
  }
  return part;
}

mx::array Linear::operator()(const mx::array& x) const {
  if (!uses_graph()) return multiply_all(x, {this}).front();
  if (scales_) {
    mx::array y = mx::quantized_matmul(x, weight_, *scales_, biases_, /*transpose=*/true,
                                       quantization_.group_size, quantization_.bits);
    return bias_ ? mx::add(y, *bias_) : y;
  }
  return bias_ ? mx::addmm(*bias_, x, mx::transpose(weight_))
               : mx::matmul(x, mx::transpose(weight_));
}

cpu::GemmTask Linear::product(mx::array& y) const {
  cpu::GemmTask product;
  product.weight.rows = static_cast<std::size_t>(out_features_);
  product.weight.columns = static_cast<std::size_t>(in_features_);
  product.weight.data = weight_.data<void>();
  product.weight.type = element_type(dtype());
  product.weight.bits = quantization_.bits;
  product.weight.group_size = static_cast<std::size_t>(quantization_.group_size);
  if (scales_) {
    product.weight.scales = scales_->data<void>();
    product.weight.biases = biases_->data<void>();
  }
  product.bias = bias_ ? bias_->data<float>() : nullptr;
  product.y = y.data<float>();
  return product;
}

void Linear::multiply(const mx::array& x, std::span<const cpu::GemmTask> products) const {
  const mx::array input = cpu::materialized_f32(x);
  cpu::matmul(input.data<float>(), static_cast<std::size_t>(x.shape(0)), products,
              cpu_precision() == cpu::Precision::kFloat32 ? cpu::Precision::kFloat32 : precision_);
}

mx::array Linear::forward_activation(const mx::array& x, cpu::Activation activation) const {
  if (uses_graph()) return activate((*this)(x), activation);
  mx::array y = cpu::uninitialized({x.shape(0), out_features_});
  cpu::GemmTask product = this->product(y);
  product.activation = activation;
  multiply(x, {&product, 1});
  return y;
}

mx::array Linear::forward_residual(const mx::array& residual, const mx::array& x) const {
  if (uses_graph()) return mx::add(residual, (*this)(x));
  const mx::array addend = cpu::materialized_f32(residual);
  mx::array y = cpu::uninitialized({x.shape(0), out_features_});
  cpu::GemmTask product = this->product(y);
  product.residual = addend.data<float>();
  multiply(x, {&product, 1});
  return y;
}

std::vector<mx::array> Linear::multiply_all(const mx::array& x,
                                            std::initializer_list<const Linear*> layers) {
  std::vector<mx::array> results;
  if (uses_graph()) {
    for (const Linear* layer : layers) results.push_back((*layer)(x));
    return results;
  }
  std::vector<cpu::GemmTask> products;
  for (const Linear* layer : layers) {
    results.push_back(cpu::uninitialized({x.shape(0), layer->out_features_}));
    products.push_back(layer->product(results.back()));
  }
  (*layers.begin())->multiply(x, products);
  return results;
}

std::uint64_t Linear::nbytes() const {
  std::uint64_t bytes = weight_.nbytes();
  for (const auto* part : {&scales_, &biases_, &bias_}) {
    if (*part) bytes += (*part)->nbytes();
  }
  return bytes;
}

std::uint64_t Linear::multiply_adds() const {
  return scales_ ? weight_.size() * 32 / static_cast<std::uint64_t>(quantization_.bits)
                 : weight_.size();
}

mx::array Linear::embed(const mx::array& ids) const {
  const mx::array rows = take_rows(weight_, ids);
  const mx::Dtype dtype = compute_dtype(this->dtype());
  if (!scales_) return mx::astype(rows, dtype);
  // Scales are cast first: dequantize computes, and rounds, in their dtype.
  const auto cast = [&](const mx::array& all) { return mx::astype(take_rows(all, ids), dtype); };
  return mx::dequantize(rows, cast(*scales_), cast(*biases_), quantization_.group_size,
                        quantization_.bits);
}

}  // namespace oko::tensor
