#include "hub/conversion_plan.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/config_reader.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"

namespace oko::hub {
namespace {

using checkpoint::Dtype;

bool begins_with(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

/// The parts of the models of one architecture.
struct Architecture {
  /// The new name; empty: left out.
  std::string (*rename)(const std::string& name);
  /// True if a matrix of this new name is quantized.
  bool (*quantizes)(const std::string& name);
  int group_size;  ///< the default
};

std::string rename_bert(const std::string& name) {
  std::string_view short_name = name;
  for (const std::string_view prefix : {"roberta.", "bert.", "model."}) {
    if (short_name.starts_with(prefix)) short_name.remove_prefix(prefix.size());
  }
  // Keep a head of another task, so that loading refuses the new model for it.
  const bool kept = begins_with(short_name, {"embeddings.", "encoder.layer.", "sparse_linear.",
                                             "colbert_linear.", "classifier.", "score."});
  return std::string(kept ? short_name : std::string_view());
}

bool quantizes_bert(const std::string& name) {
  return name == "embeddings.word_embeddings.weight" || begins_with(name, {"encoder.layer."});
}

std::string rename_qwen3_vl(const std::string& name) {
  return name;
}

bool quantizes_qwen3_vl(const std::string& name) {
  return begins_with(name, {"model.language_model.", "language_model.", "lm_head."});
}

const Architecture& architecture_of(const nlohmann::json& config, const std::string& folder) {
  static constexpr Architecture kBert{rename_bert, quantizes_bert, tensor::kEncoderGroupSize};
  static constexpr Architecture kQwen3Vl{rename_qwen3_vl, quantizes_qwen3_vl,
                                         tensor::kDecoderGroupSize};
  const LocalizedText hint = tr("oko converts xlm-roberta, bert and qwen3_vl",
                                "oko преобразует xlm-roberta, bert и qwen3_vl");
  const std::string type =
      ConfigReader(config, (std::filesystem::path(folder) / "config.json").string(), hint)
          .string_or("model_type", "");
  if (type == "xlm-roberta" || type == "bert") return kBert;
  if (type == "qwen3_vl") return kQwen3Vl;
  throw Error(ErrorCode::kBadModel,
              tr("{}: model_type is \"{}\"", "{}: model_type — \"{}\"", folder, excerpt(type, 60)),
              hint);
}

constexpr float kLargestFloat16 = 65504;

/// The dtype of a tensor that is not quantized.
Dtype dense_dtype(const std::string& name, const SourceTensor& source) {
  if (source.info().dtype != Dtype::kFloat32) return source.info().dtype;
  constexpr std::uint64_t kPart = 1 << 20;
  for (std::uint64_t first = 0; first < source.count(); first += kPart) {
    const std::uint64_t count = std::min(kPart, source.count() - first);
    const std::vector<float> values = source.read(name, first, count);
    source.forget(first, count);
    if (std::any_of(values.begin(), values.end(),
                    [](float x) { return std::abs(x) > kLargestFloat16; })) {
      return Dtype::kFloat32;
    }
  }
  return Dtype::kFloat16;
}

bool divides(int group_size, const PlannedTensor& tensor) {
  return !tensor.quantized || tensor.source->info().shape.back() % group_size == 0;
}

/// `largest`, or half or a quarter of it if that divides all layers.
int fitting_group_size(const std::vector<PlannedTensor>& tensors, int largest) {
  for (int size = largest; size >= 32; size /= 2) {
    if (std::all_of(tensors.begin(), tensors.end(),
                    [&](const PlannedTensor& tensor) { return divides(size, tensor); })) {
      return size;
    }
  }
  return largest;
}

/// Layers whose columns no group divides stay dense, as in MLX's own conversion.
void leave_dense(std::vector<PlannedTensor>& tensors, int group_size) {
  for (PlannedTensor& tensor : tensors) {
    if (divides(group_size, tensor)) continue;
    tensor.quantized = false;
    tensor.dtype = dense_dtype(tensor.name, *tensor.source);
  }
}

}  // namespace

ConversionPlan plan_conversion(const nlohmann::json& config,
                               const std::map<std::string, SourceTensor>& source, int bits,
                               std::optional<int> group_size, const std::string& folder) {
  const Architecture& architecture = architecture_of(config, folder);
  std::vector<PlannedTensor> tensors;
  bool any_quantized = false;
  for (const auto& [name, tensor] : source) {
    PlannedTensor planned{architecture.rename(name), &tensor};
    if (planned.name.empty() || !tensor.is_float()) continue;
    planned.quantized = tensor.info().shape.size() == 2 && name.ends_with(".weight") &&
                        architecture.quantizes(planned.name);
    if (planned.quantized) {
      planned.dtype =
          tensor.info().dtype == Dtype::kFloat32 ? Dtype::kFloat16 : tensor.info().dtype;
      any_quantized = true;
    } else {
      planned.dtype = dense_dtype(planned.name, tensor);
    }
    tensors.push_back(std::move(planned));
  }
  const int size = group_size ? *group_size : fitting_group_size(tensors, architecture.group_size);
  if (any_quantized) leave_dense(tensors, size);
  if (std::none_of(tensors.begin(), tensors.end(),
                   [](const PlannedTensor& tensor) { return tensor.quantized; })) {
    throw Error(ErrorCode::kBadModel,
                any_quantized
                    ? tr("{}: the columns of no layer are a multiple of the group size {}",
                         "{}: ни у одного слоя столбцы не кратны размеру группы {}", folder, size)
                    : tr("{}: the weights have no layers of this architecture",
                         "{}: в весах нет слоёв этой архитектуры", folder),
                any_quantized
                    ? tr("choose a smaller {}", "выберите {} поменьше", Knob{"group_size"})
                    : tr("config.json belongs to another model", "config.json — от другой модели"));
  }
  return {{bits, size}, std::move(tensors)};
}

}  // namespace oko::hub
