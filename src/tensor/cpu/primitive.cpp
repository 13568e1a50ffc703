#include "tensor/cpu/primitive.h"

#include <mlx/backend/cpu/encoder.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include <stdexcept>
#include <utility>

namespace oko::tensor::cpu {
namespace {

class KernelNode : public mx::UnaryPrimitive {
 public:
  KernelNode(mx::Stream stream, const char* name, Kernel kernel)
      : UnaryPrimitive(stream), name_(name), kernel_(std::move(kernel)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, mx::array& output) override {
    output.set_data(mx::allocator::malloc(output.nbytes()));
    std::vector<const void*> pointers;
    pointers.reserve(inputs.size());
    // MLX keeps the buffers of inputs and output alive until the task has run.
    for (const mx::array& input : inputs) pointers.push_back(input.data<void>());
    mx::cpu::get_command_encoder(stream()).dispatch(
        [kernel = kernel_, pointers = std::move(pointers), out = output.data<void>()] {
          kernel(pointers, out);
        });
  }

  void eval_gpu(const std::vector<mx::array>&, mx::array&) override {
    throw std::logic_error(std::string(name_) + " is a CPU kernel");
  }

  const char* name() const override { return name_; }

 private:
  const char* name_;
  Kernel kernel_;
};

/// Weights are: their bytes are read where the file is mapped. mx::contiguous would copy them, as
/// it does with any view of a much larger buffer.
bool is_evaluated_and_contiguous(const mx::array& x) {
  return x.is_available() && x.flags().row_contiguous;
}

}  // namespace

mx::array make_node(const char* name, mx::Shape shape, mx::Dtype dtype,
                    std::vector<mx::array> inputs, Kernel kernel) {
  for (mx::array& input : inputs) {
    if (!is_evaluated_and_contiguous(input)) input = mx::contiguous(input);
  }
  const mx::Stream stream = mx::default_stream(mx::Device::cpu);
  return mx::array(std::move(shape), dtype,
                   std::make_shared<KernelNode>(stream, name, std::move(kernel)),
                   std::move(inputs));
}

mx::array as_f32(const mx::array& x) {
  return x.dtype() == mx::float32 ? x : mx::astype(x, mx::float32);
}

}  // namespace oko::tensor::cpu
