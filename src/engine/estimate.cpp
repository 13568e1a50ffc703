#include "engine/estimate.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/qwen3_vl/memory_estimate.h"

namespace oko::engine {

namespace qwen = models::qwen3_vl;
using budget::Tag;
using budget::TagBytes;

namespace {

constexpr std::uint64_t kChannels = 3;
// Memory of kernels and allocators, independent of the shapes, and of the heap after a prompt.
constexpr std::uint64_t kScratch = 6'500'000, kLeftInHeap = 2'000'000;

/// Bytes of a picture during preprocessing.
struct Picture {
  std::uint64_t rgb = 0;           ///< bytes as it was decoded
  std::uint64_t resized = 0;       ///< and resized
  std::uint64_t half_resized = 0;  ///< in one direction
  std::uint64_t patches = 0;
};

Picture measure(qwen::ImageSize size, const qwen::ImageProcessorConfig& processor) {
  const qwen::ImageSize to = qwen::smart_resize(size, processor);
  const auto bytes = [](int width, int height) {
    return kChannels * static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  };
  const auto patch =
      static_cast<std::uint64_t>(std::int64_t{processor.patch_size} * processor.patch_size);
  return {bytes(size.width, size.height), bytes(to.width, to.height),
          std::max(bytes(size.width, to.height), bytes(to.width, size.height)),
          bytes(to.width, to.height) / kChannels / patch};
}

}  // namespace

PhaseMemory GenerationMemory::totals() const {
  return {preprocess.total(), vision.total(), prefill.total(), decode.total(), decode[Tag::kKv]};
}

const TagBytes& GenerationMemory::largest() const {
  const TagBytes* largest = &preprocess;
  for (const TagBytes* phase : {&vision, &prefill, &decode}) {
    if (phase->total() > largest->total()) largest = phase;
  }
  return *largest;
}

TagBytes GenerationMemory::workspace() const {
  TagBytes workspace;
  workspace[Tag::kPrefill] = largest().total() - std::min(largest().total(), sequence.total());
  return workspace;
}

tensor::cpu::KvType kv_type_of(int bits) {
  switch (bits) {
    case 8:
      return tensor::cpu::KvType::kInt8;
    case 16:
      return tensor::cpu::KvType::kFloat16;
    case 32:
      return tensor::cpu::KvType::kFloat32;
    default:
      throw Error(ErrorCode::kUsage,
                  tr("the KV cache cannot have {} bits", "KV-кэш не может быть {}-битным", bits),
                  tr("use 8, 16 or 32", "укажите 8, 16 или 32"));
  }
}

GenerationMemory estimate(const GenerationShape& shape, const qwen::Config& model,
                          const qwen::ImageProcessorConfig& processor) {
  std::vector<Picture> pictures;
  for (const qwen::ImageSize& size : shape.pictures) pictures.push_back(measure(size, processor));

  GenerationMemory memory;
  std::uint64_t rgb = 0, pixels = 0, tokens = shape.text_tokens;
  for (const Picture& picture : pictures) rgb += shape.pictures_are_resident ? 0 : picture.rgb;
  for (const Picture& picture : pictures) {
    pixels += qwen::pixel_bytes(model.vision, picture.patches);
    // While the last picture is resized, the pixels of the others are in memory.
    memory.preprocess[Tag::kImage] =
        std::max(memory.preprocess[Tag::kImage],
                 kScratch / 2 + rgb + pixels + picture.resized + picture.half_resized);
  }
  memory.sequence[Tag::kImage] = rgb + pixels;
  std::uint64_t features = 0;
  for (const Picture& picture : pictures) {
    pixels -= qwen::pixel_bytes(model.vision, picture.patches);
    const std::uint64_t tower =
        kScratch + features + qwen::vision_bytes(model.vision, picture.patches, shape.memory);
    if (rgb + pixels + tower > memory.vision.total()) {
      memory.vision[Tag::kImage] = rgb + pixels;
      memory.vision[Tag::kVision] = tower;
    }
    features += qwen::feature_bytes(model.vision, picture.patches, shape.memory);
    tokens += picture.patches / static_cast<std::uint64_t>(model.vision.spatial_merge_size *
                                                           model.vision.spatial_merge_size);
  }
  memory.prefill[Tag::kImage] = rgb;
  memory.prefill[Tag::kVision] = features;
  memory.decode = memory.prefill;
  memory.prefill[Tag::kPrefill] =
      kScratch + qwen::prefill_bytes(model.text, tokens, shape.prefill_chunk, shape.memory);
  const std::uint64_t initial_capacity =
      tokens + std::min<std::uint64_t>(shape.max_tokens, kInitialDecodeCapacity);
  memory.prefill[Tag::kKv] =
      qwen::kv_bytes(model.text, initial_capacity, initial_capacity, shape.kv_type, shape.memory);
  memory.decode[Tag::kPrefill] =
      kScratch + kLeftInHeap +
      qwen::decode_bytes(model.text, tokens + shape.max_tokens, shape.memory);
  memory.decode[Tag::kKv] = qwen::kv_bytes(model.text, tokens + shape.max_tokens, initial_capacity,
                                           shape.kv_type, shape.memory);
  if (shape.memory.graph) {
    // The cache of a layer exists twice while it is made and while it grows.
    const auto layers = static_cast<std::uint64_t>(model.text.num_hidden_layers);
    memory.prefill[Tag::kPrefill] += memory.prefill[Tag::kKv] / layers;
    memory.decode[Tag::kPrefill] += memory.decode[Tag::kKv] / layers;
  }
  TagBytes answering = memory.decode;  // with the logits of its token
  answering[Tag::kPrefill] -= std::min(answering[Tag::kPrefill], kScratch + kLeftInHeap);
  // Callers preprocess at the same time, each on its thread.
  for (const TagBytes& kept : {answering, memory.preprocess}) {
    if (kept.total() > memory.sequence.total()) memory.sequence = kept;
  }
  // 5 % for page granularity and size rounding.
  memory.prefill[Tag::kPrefill] += memory.prefill.total() / 20;
  memory.decode[Tag::kPrefill] += memory.decode.total() / 20;
  return memory;
}

}  // namespace oko::engine
