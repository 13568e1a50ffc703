#include "engine/generation_task.h"

#include <algorithm>

#include "engine/estimate.h"
#include "tensor/device.h"

namespace oko::engine {

GenerationPhase GenerationTask::phase() const {
  if (writer) return GenerationPhase::kDecode;
  return features.size() < patches.size() ? GenerationPhase::kVision : GenerationPhase::kPrefill;
}

std::size_t GenerationTask::initial_capacity() const {
  return prompt.size() +
         static_cast<std::size_t>(std::min(plan.max_tokens, kInitialDecodeCapacity));
}

std::size_t GenerationTask::unread_tokens() const {
  return prompt.size() - (sequence ? sequence->length() : 0);
}

models::qwen3_vl::PromptChunk GenerationTask::next_chunk(const models::qwen3_vl::Model& model) {
  if (!sequence) {
    sequence = model.make_sequence(static_cast<int>(initial_capacity()),
                                   kv_type_of(plan.settings.kv_bits));
  }
  const std::size_t first = sequence->length();
  return {&prompt, features, first, first + std::min(unread_tokens(), chunk_tokens()), &*sequence};
}

std::uint64_t GenerationTask::phase_bytes() const {
  const auto in_arrays = [](const budget::TagBytes& bytes) {
    return bytes.total() - bytes[budget::Tag::kImage];
  };
  switch (phase()) {
    case GenerationPhase::kVision:
      return in_arrays(plan.memory.vision);
    case GenerationPhase::kPrefill:
      return in_arrays(plan.memory.prefill);
    case GenerationPhase::kDecode:
      return in_arrays(plan.memory.decode);
  }
  return 0;
}

void GenerationTask::begin_to_measure() {
  if (!request.measure_memory) return;
  // Image buffers were allocated before the request; those that it owns are part of its usage.
  std::uint64_t pictures = 0;
  if (!request.images_are_resident) {
    for (const SharedImage& image : request.images) pictures += image->rgb.size();
  }
  meter.emplace(pictures);
}

std::uint64_t GenerationTask::take_peak() {
  return meter ? meter->take_growth() : 0;
}

models::qwen3_vl::PromptLayout GenerationTask::text_read() {
  const std::size_t length =
      std::min(host_decoder ? host_decoder->length_read() : sequence->length(),
               prompt.size() + answer_ids.size());
  sequence->truncate(length);
  models::qwen3_vl::PromptLayout text = prompt;
  for (std::size_t i = prompt.size(); i < length; ++i) {
    const auto at = static_cast<std::int32_t>(i) + prompt.rope_delta;
    text.ids.push_back(answer_ids[i - prompt.size()]);
    text.positions.push_back({at, at, at});
  }
  return text;
}

void GenerationTask::release(std::uint64_t workspace_bytes) {
  count.reset();
  host_decoder.reset();
  device_decoder.reset();
  sequence.reset();
  features.clear();
  patches.clear();
  request.images.clear();
  request.form.reset();
  // After the lease its reservation may belong to another request.
  tensor::trim_memory(workspace_bytes);
  lease.reset();
  request.images_reservation.reset();
}

}  // namespace oko::engine
