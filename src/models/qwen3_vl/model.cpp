#include "models/qwen3_vl/model.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>

#include "models/checks.h"
#include "models/qwen3_vl/limits.h"

namespace oko::models::qwen3_vl {
namespace {

/// Appends the parts of pictures in `chunk`, which begins at `row` of the batch.
void append_visuals(std::vector<VisualSpan>& spans, const PromptChunk& chunk, int row) {
  for (std::size_t i = 0; i < chunk.pictures.size(); ++i) {
    const ImageSpan& image = chunk.prompt->images[i];
    const std::size_t begin = std::max(chunk.first, image.first);
    const std::size_t end = std::min(chunk.last, image.first + image.count);
    if (begin >= end) continue;
    const auto rows = [&](const mx::array& all) {
      return mx::slice(all, {static_cast<int>(begin - image.first), 0},
                       {static_cast<int>(end - image.first), all.shape(1)});
    };
    const ImageFeatures& picture = chunk.pictures[i];
    VisualSpan span{row + static_cast<int>(begin - chunk.first), rows(picture.merged), {}};
    for (const mx::array& level : picture.deepstack) span.deepstack.push_back(rows(level));
    spans.push_back(std::move(span));
  }
}

mx::array array_of(std::span<const std::int32_t> ids) {
  return mx::array(ids.data(), {static_cast<int>(ids.size())}, mx::int32);
}

/// (n, columns) -> n of (1, columns).
std::vector<mx::array> split_rows(const mx::array& x) {
  if (x.shape(0) == 1) return {x};
  std::vector<mx::array> rows;
  for (int i = 0; i < x.shape(0); ++i) {
    rows.push_back(mx::slice(x, {i, 0}, {i + 1, x.shape(1)}));
  }
  return rows;
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

mx::array Model::read_chunks(std::span<const PromptChunk> chunks, const StopToken& stop,
                             const ActivationHook& hook) const {
  std::vector<std::int32_t> ids;
  Batch batch{mx::array(0), {}, {0}, {}};
  bool is_finished = true;
  for (const PromptChunk& chunk : chunks) {
    const PromptLayout& prompt = *chunk.prompt;
    const auto first = static_cast<std::ptrdiff_t>(chunk.first);
    const auto last = static_cast<std::ptrdiff_t>(chunk.last);
    append_visuals(batch.visuals, chunk, batch.cu_seqlens.back());
    ids.insert(ids.end(), prompt.ids.begin() + first, prompt.ids.begin() + last);
    batch.positions.insert(batch.positions.end(), prompt.positions.begin() + first,
                           prompt.positions.begin() + last);
    batch.cu_seqlens.push_back(static_cast<int>(ids.size()));
    batch.sequences.push_back(chunk.sequence);
    is_finished = is_finished && chunk.last == prompt.size();
  }
  batch.ids = array_of(ids);
  mx::array hidden = text_.forward(batch, stop, hook);
  for (const PromptChunk& chunk : chunks) chunk.sequence->set_rope_delta(chunk.prompt->rope_delta);
  // Otherwise all short chunks of a prompt would become one long graph.
  if (!is_finished && ids.size() <= std::size_t{kFewTokens}) hidden.eval();
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
  return split_rows(logits);
}

std::vector<mx::array> Model::last_logits(const mx::array& hidden,
                                          std::span<const PromptChunk> chunks) const {
  std::vector<mx::array> rows;
  int end = 0;
  for (const PromptChunk& chunk : chunks) {
    end += static_cast<int>(chunk.size());
    rows.push_back(mx::slice(hidden, {end - 1, 0}, {end, hidden.shape(1)}));
  }
  return split_rows(text_.logits(rows.size() == 1 ? rows.front() : mx::concatenate(rows, 0)));
}

}  // namespace oko::models::qwen3_vl
