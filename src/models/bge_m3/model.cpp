#include "models/bge_m3/model.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/checks.h"
#include "tensor/finite.h"

namespace oko::models::bge_m3 {
namespace {

constexpr std::int32_t kLastSpecial = 3;  // <s>, <pad>, </s>, <unk>: no weight in a sparse vector

/// A head, whose tensors are outside the encoder; nothing if the model has none.
std::optional<tensor::Linear> load_head(const tensor::Weights& weights, const Config& config,
                                        const std::string& name) {
  const auto shape = weights.shape(name + ".weight");
  if (!shape) return std::nullopt;
  const std::int64_t outputs = shape->empty() ? 0 : shape->front();
  auto linear =
      tensor::Linear::load(weights, name, outputs, config.hidden_size, config.quantization);
  linear.set_precision(tensor::cpu::Precision::kFloat32);
  return linear;
}

void refuse_classifiers(const tensor::Weights& weights, const std::filesystem::path& model_dir) {
  for (const char* name : {"classifier.weight", "classifier.dense.weight", "score.weight"}) {
    if (!weights.contains(name)) continue;
    throw Error(
        ErrorCode::kBadModel,
        tr("{}: the weights have {}: the model is a classifier (a reranker is one), not one "
           "that makes vectors",
           "{}: в весах есть {}: это классификатор (например, реранкер), а не модель для "
           "векторов",
           model_dir.string(), name),
        hint_for_encoders());
  }
}

/// (rows, width) in memory as f32.
mx::array in_memory(const mx::array& x) {
  mx::array out = mx::contiguous(mx::astype(x, mx::float32));
  out.eval();
  return out;
}

void require_finite(std::span<const float> values) {
  const auto wrong =
      std::find_if_not(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
  if (wrong != values.end()) tensor::require_finite(*wrong);
}

SparseVector sparse_of(std::span<const std::int32_t> ids, const float* weights) {
  require_finite({weights, ids.size()});
  std::map<std::int32_t, float> largest;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] <= kLastSpecial || weights[i] <= 0) continue;
    float& weight = largest[ids[i]];
    weight = std::max(weight, weights[i]);
  }
  return {largest.begin(), largest.end()};
}

TokenVectors colbert_of(const float* rows, std::size_t count, std::size_t width) {
  require_finite({rows, count * width});
  TokenVectors vectors{width, {rows, rows + count * width}};
  for (std::size_t i = 0; i < count; ++i) {
    normalize(std::span(vectors.values).subspan(i * width, width));
  }
  return vectors;
}

}  // namespace

bool assumes_pooling(const std::filesystem::path& model_dir) {
  if (has_pooling(model_dir)) return false;
  const Outputs outputs = outputs_of(model_dir);
  return !outputs.sparse && !outputs.colbert;
}

Outputs outputs_of(const std::filesystem::path& model_dir) {
  const tensor::Weights weights = tensor::Weights::open(model_dir);
  return {.dense = true,
          .sparse = weights.contains("sparse_linear.weight"),
          .colbert = weights.contains("colbert_linear.weight")};
}

Model::Model(const std::filesystem::path& model_dir, const tensor::Weights& weights, Config config)
    : model_dir_(model_dir),
      files_(weights.files()),
      copied_weight_bytes_(weights.copied_bytes()),
      config_(std::move(config)),
      encoder_(weights, config_),
      sparse_linear_(load_head(weights, config_, "sparse_linear")),
      colbert_linear_(load_head(weights, config_, "colbert_linear")) {
  refuse_classifiers(weights, model_dir);
  for (const VectorStep& step : config_.modules.steps) {
    if (step.kind == VectorStep::Kind::kDense) dense_.emplace_back(step);
  }
}

std::vector<float> Model::dense_of(const float* rows, std::size_t count) const {
  const auto width = static_cast<std::size_t>(config_.hidden_size);
  std::vector<float> vector = pool(config_.modules.pooling, rows, count, width);
  require_finite(vector);
  auto layer = dense_.begin();
  for (const VectorStep& step : config_.modules.steps) {
    if (step.kind == VectorStep::Kind::kNormalize) {
      normalize(vector);
    } else {
      vector = (*layer++)(vector);
      require_finite(vector);
    }
  }
  return vector;
}

std::unique_ptr<Model> Model::load(const std::filesystem::path& model_dir) {
  Config config = Config::load(model_dir);
  const tensor::Weights weights = tensor::Weights::open(model_dir);
  return std::unique_ptr<Model>(new Model(model_dir, weights, std::move(config)));
}

void Model::require(const Outputs& outputs) const {
  const auto need = [&](bool wanted, bool there, const char* output, const char* head) {
    if (!wanted || there) return;
    throw MissingOutput(
        output,
        tr("{}: no {} output, because the tensors {}.weight and .bias are missing",
           "{}: выхода {} нет, потому что не хватает тензоров {}.weight и .bias",
           model_dir_.string(), output, head),
        tr("BGE-M3 keeps them in {}.pt: put that file next to the original weights and run "
           "oko convert again",
           "у BGE-M3 они в файле {}.pt: положите его к исходным весам и повторите "
           "oko convert",
           head));
  };
  need(outputs.sparse, sparse_linear_.has_value(), "sparse", "sparse_linear");
  need(outputs.colbert, colbert_linear_.has_value(), "colbert", "colbert_linear");
}

std::vector<Encoding> Model::encode(const PackedTexts& texts, const Outputs& outputs,
                                    const StopToken& stop, const ActivationHook& hook) const {
  require(outputs);
  require_vocabulary(texts.ids, config_.vocab_size);
  const mx::array hidden = encoder_.forward(texts, stop, hook);
  std::optional<mx::array> rows, weights, vectors;
  if (outputs.dense) rows = in_memory(hidden);
  if (outputs.sparse) weights = in_memory((*sparse_linear_)(hidden));
  if (outputs.colbert) vectors = in_memory((*colbert_linear_)(hidden));

  const auto width = static_cast<std::size_t>(config_.hidden_size);
  std::vector<Encoding> encodings;
  for (std::size_t i = 0; i + 1 < texts.cu_seqlens.size(); ++i) {
    const auto first = static_cast<std::size_t>(texts.cu_seqlens[i]);
    const std::size_t count = static_cast<std::size_t>(texts.cu_seqlens[i + 1]) - first;
    Encoding encoding;
    if (rows) {
      encoding.dense = dense_of(rows->data<float>() + first * width, count);
    }
    if (weights) {
      encoding.sparse =
          sparse_of(std::span(texts.ids).subspan(first, count), weights->data<float>() + first);
    }
    if (vectors) {
      const auto dimensions = static_cast<std::size_t>(vectors->shape(1));
      encoding.colbert =
          colbert_of(vectors->data<float>() + (first + 1) * dimensions, count - 1, dimensions);
    }
    encodings.push_back(std::move(encoding));
  }
  return encodings;
}

}  // namespace oko::models::bge_m3
