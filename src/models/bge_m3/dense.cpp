#include "models/bge_m3/dense.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/mapped_file.h"
#include "checkpoint/checkpoint_files.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_checkpoint.h"
#include "tensor/affine_quantizer.h"

namespace oko::models::bge_m3 {
namespace {

namespace fs = std::filesystem;
using checkpoint::Dtype;

/// The small file of a module's weights.
class ModuleWeights {
 public:
  explicit ModuleWeights(const fs::path& folder) : folder_(folder) {
    for (const auto& format : {checkpoint::kSafetensorsFormat, checkpoint::kTorchFormat}) {
      const auto files = checkpoint::checkpoint_files(folder, format);
      if (files.empty()) continue;
      file_ = std::make_unique<MappedFile>(files.front(), ErrorCode::kBadModel);
      const std::string name = files.front().string();
      table_ = files.front().extension() == checkpoint::kTorchFormat.extension
                   ? checkpoint::parse_torch_checkpoint(file_->bytes(), name)
                   : checkpoint::parse_safetensors(file_->bytes(), file_->bytes().size(), name);
      return;
    }
    fail(tr("has neither model.safetensors nor pytorch_model.bin",
            "нет ни model.safetensors, ни pytorch_model.bin"));
  }

  std::vector<float> read(const char* name, std::initializer_list<std::int64_t> shape) const {
    const auto found = table_.find(name);
    if (found == table_.end()) fail(tr("tensor {} is missing", "нет тензора {}", name));
    const checkpoint::TensorInfo& info = found->second;
    const bool is_half = info.dtype == Dtype::kFloat16 || info.dtype == Dtype::kBfloat16;
    if (info.shape != std::vector<std::int64_t>(shape) ||
        (!is_half && info.dtype != Dtype::kFloat32)) {
      fail(tr("tensor {} has another shape or type than config.json says",
              "форма или тип тензора {} — не как в config.json", name));
    }
    const std::byte* bytes = file_->bytes().data() + info.offset;
    std::vector<float> values(info.size / checkpoint::size_of(info.dtype));
    if (!is_half) {
      std::memcpy(values.data(), bytes, info.size);
      return values;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, bytes + 2 * i, 2);
      values[i] = tensor::from_half_bits(bits, info.dtype);
    }
    return values;
  }

 private:
  [[noreturn]] void fail(const LocalizedText& what) const {
    throw Error(ErrorCode::kBadModel, folder_.string() + ": " + what,
                tr("the module belongs to another model, or its download is incomplete",
                   "модуль — от другой модели, или его загрузка не завершена"));
  }

  fs::path folder_;
  std::unique_ptr<MappedFile> file_;
  checkpoint::TensorTable table_;
};

double activate(DenseActivation activation, double x) {
  switch (activation) {
    case DenseActivation::kIdentity:
      return x;
    case DenseActivation::kTanh:
      return std::tanh(x);
    case DenseActivation::kRelu:
      return x > 0 ? x : 0;
    case DenseActivation::kGelu:
      return x / 2 * (1 + std::erf(x * M_SQRT1_2));
    case DenseActivation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case DenseActivation::kSilu:
      return x / (1 + std::exp(-x));
  }
  return x;
}

double dot(std::span<const float> x, const float* row) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += double{x[i]} * row[i];
  return sum;
}

}  // namespace

Dense::Dense(const VectorStep& step) : step_(step) {
  const ModuleWeights weights(step.folder);
  weight_ = weights.read("linear.weight", {step.out_features, step.in_features});
  if (step.bias) bias_ = weights.read("linear.bias", {step.out_features});
  if (step.use_residual && step.in_features != step.out_features) {
    residual_ = weights.read("residual.weight", {step.out_features, step.in_features});
  }
}

std::vector<float> Dense::operator()(std::span<const float> x) const {
  std::vector<float> y(static_cast<std::size_t>(step_.out_features));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double sum = dot(x, &weight_[i * x.size()]) + (bias_.empty() ? 0.0 : double{bias_[i]});
    double out = activate(step_.activation, sum);
    if (step_.use_residual) {
      out += residual_.empty() ? double{x[i]} : dot(x, &residual_[i * x.size()]);
    }
    y[i] = static_cast<float>(out);
  }
  return y;
}

}  // namespace oko::models::bge_m3
