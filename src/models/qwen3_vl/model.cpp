#include "models/qwen3_vl/model.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>

#include "base/error.h"
#include "base/language.h"
#include "models/qwen3_vl/chunks.h"
#include "models/qwen3_vl/rope_index.h"

namespace oko::models::qwen3_vl {
namespace {

/// A picture's place in the prompt.
struct Placement {
  std::size_t first;
  std::size_t count;
  const ImageFeatures* features;
};

std::vector<Placement> place_pictures(std::span<const std::int32_t> ids,
                                      std::span<const ImageFeatures> pictures,
                                      std::int32_t image_token_id) {
  std::vector<Placement> placements;
  std::size_t at = 0;
  for (const ImageFeatures& features : pictures) {
    while (ids[at] != image_token_id) ++at;
    const auto count = static_cast<std::size_t>(features.merged.shape(0));
    placements.push_back({at, count, &features});
    at += count;
  }
  return placements;
}

/// The parts of pictures that fall into tokens [first, last).
std::vector<VisualSpan> spans_of_chunk(std::span<const Placement> placements, std::size_t first,
                                       std::size_t last) {
  std::vector<VisualSpan> spans;
  for (const Placement& placement : placements) {
    const std::size_t begin = std::max(first, placement.first);
    const std::size_t end = std::min(last, placement.first + placement.count);
    if (begin >= end) continue;
    const auto rows = [&](const mx::array& all) {
      return mx::slice(all, {static_cast<int>(begin - placement.first), 0},
                       {static_cast<int>(end - placement.first), all.shape(1)});
    };
    VisualSpan span{static_cast<int>(begin - first), rows(placement.features->merged), {}};
    for (const mx::array& level : placement.features->deepstack) {
      span.deepstack.push_back(rows(level));
    }
    spans.push_back(std::move(span));
  }
  return spans;
}

mx::array array_of(std::span<const std::int32_t> ids) {
  return mx::array(ids.data(), {static_cast<int>(ids.size())}, mx::int32);
}

void check_ids(std::span<const std::int32_t> ids, int vocab_size) {
  if (ids.empty()) throw Error(ErrorCode::kFailed, tr("the prompt is empty", "запрос пуст"));
  for (const std::int32_t id : ids) {
    if (id >= 0 && id < vocab_size) continue;
    throw Error(ErrorCode::kBadModel,
                tr("the tokenizer gives token {}, the model has {} of them",
                   "токенизатор даёт токен {}, у модели их {}", id, vocab_size),
                tr("tokenizer.json and config.json belong to different models",
                   "tokenizer.json и config.json — от разных моделей"));
  }
}

}  // namespace

Model::Model(const Checkpoint& checkpoint)
    : files_(checkpoint.weights.files()),
      copied_weight_bytes_(checkpoint.weights.copied_bytes()),
      config_(checkpoint.config),
      vision_(checkpoint),
      text_(checkpoint) {}

std::unique_ptr<Model> Model::load(const std::filesystem::path& model_dir) {
  const Config config = Config::load(model_dir);
  const tensor::Weights weights = tensor::Weights::open(model_dir);
  return std::unique_ptr<Model>(new Model({weights, config, TensorNames::detect(weights)}));
}

bool Model::is_current() const {
  return files_.is_current();
}

ImageFeatures Model::encode_image(Patches patches, const StopToken& stop,
                                  const Observer& observer) const {
  return vision_.encode(std::move(patches), stop, observer);
}

Sequence::Sequence(const Model& model, const SequenceOptions& options)
    : model_(model),
      caches_(model.text_.make_caches(options.reserve, options.kv_type)),
      prefill_chunk_(options.prefill_chunk) {}

std::vector<std::vector<float>> rows_of(const mx::array& logits) {
  mx::array numbers = mx::astype(logits, mx::float32);
  numbers.eval();
  std::vector<std::vector<float>> rows;
  const auto width = static_cast<std::ptrdiff_t>(numbers.shape(1));
  for (int i = 0; i < numbers.shape(0); ++i) {
    const float* row = numbers.data<float>() + i * width;
    rows.emplace_back(row, row + width);
  }
  return rows;
}

mx::array Sequence::read_prompt(std::span<const std::int32_t> ids,
                                std::span<const ImageFeatures> pictures, const StopToken& stop,
                                const std::function<void(std::size_t)>& progress,
                                const Observer& observer) {
  const Config& config = model_.config_;
  check_ids(ids, config.text.vocab_size);
  std::vector<GridThw> grids;
  for (const ImageFeatures& features : pictures) grids.push_back(features.grid_thw);
  const RopeIndex index =
      rope_index(ids, grids, config.image_token_id, config.vision.spatial_merge_size);
  const std::vector<Placement> placements = place_pictures(ids, pictures, config.image_token_id);
  rope_delta_ = index.delta;
  std::optional<mx::array> hidden;
  for (std::size_t first = 0; first < ids.size(); first += prefill_chunk_) {
    const std::size_t last = std::min(ids.size(), first + prefill_chunk_);
    const std::span positions(index.positions.begin() + static_cast<std::ptrdiff_t>(first),
                              last - first);
    hidden = model_.text_.forward(array_of(ids.subspan(first, last - first)),
                                  spans_of_chunk(placements, first, last),
                                  text_rotary(positions, config.text), caches_, stop, observer);
    if (observer) observer("logits", model_.text_.logits(*hidden));
    // All of a prompt's short chunks would become one long graph.
    if (last < ids.size() && hidden->shape(0) <= kFewTokens) hidden->eval();
    if (progress) progress(last);
  }
  length_ = ids.size();
  mx::array logits = model_.text_.logits(
      mx::slice(*hidden, {hidden->shape(0) - 1, 0}, {hidden->shape(0), hidden->shape(1)}));
  logits.eval();
  return logits;
}

std::vector<float> Sequence::prefill(std::span<const std::int32_t> ids,
                                     std::span<const ImageFeatures> pictures, const StopToken& stop,
                                     const std::function<void(std::size_t)>& progress,
                                     const Observer& observer) {
  return std::move(rows_of(read_prompt(ids, pictures, stop, progress, observer)).front());
}

mx::array Sequence::forward_next(const mx::array& ids) {
  const auto count = static_cast<std::size_t>(ids.shape(0));
  std::vector<std::array<std::int32_t, 3>> positions;
  positions.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t at = static_cast<std::int32_t>(length_ + i) + rope_delta_;
    positions.push_back({at, at, at});
  }
  const mx::array hidden =
      model_.text_.forward(ids, {}, text_rotary(positions, model_.config_.text), caches_, {}, {});
  length_ += count;
  return model_.text_.logits(hidden);
}

std::vector<std::vector<float>> Sequence::decode(std::span<const std::int32_t> ids) {
  check_ids(ids, model_.config_.text.vocab_size);
  return rows_of(forward_next(array_of(ids)));
}

mx::array Sequence::decode(const mx::array& id) {
  return forward_next(id);
}

void Sequence::truncate(std::size_t length) {
  for (tensor::KvCache& cache : caches_) cache.truncate(static_cast<int>(length));
  length_ = length;
}

std::size_t Sequence::cache_bytes() const {
  std::size_t total = 0;
  for (const tensor::KvCache& cache : caches_) total += cache.bytes_per_token() * length_;
  return total;
}

}  // namespace oko::models::qwen3_vl
