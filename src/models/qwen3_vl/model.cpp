#include "models/qwen3_vl/model.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>

#include "models/checks.h"
#include "models/qwen3_vl/limits.h"

namespace oko::models::qwen3_vl {
namespace {

/// The parts of pictures in tokens [first, last).
std::vector<VisualSpan> visuals_of(const PromptLayout& prompt,
                                   std::span<const ImageFeatures> pictures, std::size_t first,
                                   std::size_t last) {
  std::vector<VisualSpan> spans;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const ImageSpan& image = prompt.images[i];
    const std::size_t begin = std::max(first, image.first);
    const std::size_t end = std::min(last, image.first + image.count);
    if (begin >= end) continue;
    const auto rows = [&](const mx::array& all) {
      return mx::slice(all, {static_cast<int>(begin - image.first), 0},
                       {static_cast<int>(end - image.first), all.shape(1)});
    };
    VisualSpan span{static_cast<int>(begin - first), rows(pictures[i].merged), {}};
    for (const mx::array& level : pictures[i].deepstack) span.deepstack.push_back(rows(level));
    spans.push_back(std::move(span));
  }
  return spans;
}

mx::array array_of(std::span<const std::int32_t> ids) {
  return mx::array(ids.data(), {static_cast<int>(ids.size())}, mx::int32);
}

/// Appends `sequence` and the positions of `count` more of its tokens.
void append_positions(Batch& batch, SequenceState& sequence, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::int32_t>(sequence.length() + i) + sequence.rope_delta();
    batch.positions.push_back({at, at, at});
  }
  batch.cu_seqlens.push_back(batch.cu_seqlens.back() + static_cast<int>(count));
  batch.sequences.push_back(&sequence);
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

ImageFeatures Model::encode_image(Patches patches, const StopToken& stop,
                                  const ActivationHook& hook) const {
  return vision_.encode(std::move(patches), stop, hook);
}

mx::array Model::read_chunk(const PromptLayout& prompt, std::span<const ImageFeatures> pictures,
                            std::size_t first, std::size_t last, SequenceState& sequence,
                            const StopToken& stop, const ActivationHook& hook) const {
  const auto count = static_cast<int>(last - first);
  const auto at = [](std::size_t index) { return static_cast<std::ptrdiff_t>(index); };
  mx::array hidden = text_.forward(
      {.ids = array_of(std::span(prompt.ids).subspan(first, last - first)),
       .positions = {prompt.positions.begin() + at(first), prompt.positions.begin() + at(last)},
       .cu_seqlens = {0, count},
       .sequences = {&sequence},
       .visuals = visuals_of(prompt, pictures, first, last)},
      stop, hook);
  sequence.set_rope_delta(prompt.rope_delta);
  // Otherwise all short chunks of a prompt would become one long graph.
  if (last < prompt.size() && count <= kFewTokens) hidden.eval();
  return hidden;
}

mx::array Model::read_next(std::span<const NextTokens> next) const {
  std::vector<std::int32_t> ids;
  Batch batch{mx::array(0), {}, {0}, {}};
  for (const NextTokens& tokens : next) {
    require_vocabulary(tokens.ids, config_.text.vocab_size);
    append_positions(batch, *tokens.sequence, tokens.ids.size());
    ids.insert(ids.end(), tokens.ids.begin(), tokens.ids.end());
  }
  batch.ids = array_of(ids);
  return text_.logits(text_.forward(batch));
}

std::vector<mx::array> Model::read_next(std::span<SequenceState* const> sequences,
                                        std::span<const mx::array> ids) const {
  const bool one = ids.size() == 1;
  Batch batch{one ? ids.front() : mx::concatenate({ids.begin(), ids.end()}, 0), {}, {0}, {}};
  for (SequenceState* sequence : sequences) append_positions(batch, *sequence, 1);
  const mx::array logits = text_.logits(text_.forward(batch));
  if (one) return {logits};
  std::vector<mx::array> rows;
  rows.reserve(sequences.size());
  for (int i = 0; i < logits.shape(0); ++i) {
    rows.push_back(mx::slice(logits, {i, 0}, {i + 1, logits.shape(1)}));
  }
  return rows;
}

mx::array Model::last_logits(const mx::array& hidden) const {
  return text_.logits(
      mx::slice(hidden, {hidden.shape(0) - 1, 0}, {hidden.shape(0), hidden.shape(1)}));
}

}  // namespace oko::models::qwen3_vl
