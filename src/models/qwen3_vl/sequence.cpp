#include "models/qwen3_vl/sequence.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>
#include <optional>

namespace oko::models::qwen3_vl {

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

Sequence::Sequence(const Model& model, const SequenceOptions& options)
    : model_(model),
      state_(model.make_sequence(options.initial_capacity, options.kv_type)),
      prefill_chunk_(options.prefill_chunk) {}

mx::array Sequence::read_prompt(std::span<const std::int32_t> ids,
                                std::span<const ImageFeatures> pictures, const StopToken& stop,
                                const std::function<void(std::size_t)>& progress,
                                const ActivationHook& hook) {
  std::vector<PromptImage> images;
  for (const ImageFeatures& features : pictures) images.push_back({features.grid_thw});
  const PromptLayout prompt = layout_prompt({ids.begin(), ids.end()}, images, model_.config());
  std::optional<mx::array> hidden;
  PromptChunk chunk{&prompt, pictures, 0, 0, &state_};
  while (chunk.last < prompt.size()) {
    chunk.first = chunk.last;
    chunk.last = std::min(prompt.size(), chunk.first + prefill_chunk_);
    hidden = model_.read_chunks({&chunk, 1}, stop, hook);
    if (hook) hook("logits", model_.logits(*hidden));
    if (progress) progress(chunk.last);
  }
  mx::array logits = model_.last_logits(*hidden, {&chunk, 1}).front();
  logits.eval();
  return logits;
}

std::vector<float> Sequence::prefill(std::span<const std::int32_t> ids,
                                     std::span<const ImageFeatures> pictures, const StopToken& stop,
                                     const std::function<void(std::size_t)>& progress,
                                     const ActivationHook& hook) {
  return std::move(rows_of(read_prompt(ids, pictures, stop, progress, hook)).front());
}

std::vector<std::vector<float>> Sequence::decode(std::span<const std::int32_t> ids) {
  const NextTokens next{&state_, ids};
  return rows_of(model_.read_next({&next, 1}));
}

mx::array Sequence::decode(const mx::array& id) {
  SequenceState* const sequence = &state_;
  return model_.read_next({&sequence, 1}, {&id, 1}).front();
}

}  // namespace oko::models::qwen3_vl
