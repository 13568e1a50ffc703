#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/stop_token.h"
#include "models/observer.h"
#include "models/qwen3_vl/chunks.h"
#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/text_model.h"
#include "models/qwen3_vl/vision_model.h"
#include "tensor/weights.h"

namespace oko::models::qwen3_vl {

/// A Qwen3-VL checkpoint ready to run. Used by one thread, the one that owns MLX.
class Model {
 public:
  /// Maps the weights of a model folder. Costs milliseconds and next to no private memory: weights
  /// are read from the mapped files as they are used. Throws kBadModel.
  static std::unique_ptr<Model> load(const std::filesystem::path& model_dir);

  const Config& config() const { return config_; }

  /// Whether the files of the weights still are what was mapped.
  bool is_current() const;

  /// See tensor::Weights::copied_bytes.
  std::uint64_t copied_weight_bytes() const { return copied_weight_bytes_; }

  Work work_of_tokens(int count) const { return text_.work_of(count); }
  Work work_of_picture(int patches) const { return vision_.work_of(patches); }

  /// The vision tower's features of one picture. Throws kCancelled.
  ImageFeatures encode_image(Patches patches, const StopToken& stop = {},
                             const Observer& observer = {}) const;

 private:
  friend class Sequence;
  explicit Model(const Checkpoint& checkpoint);

  tensor::WeightFiles files_;
  std::uint64_t copied_weight_bytes_;
  Config config_;
  VisionModel vision_;
  TextModel text_;
};

struct SequenceOptions {
  int reserve = 0;  ///< tokens to make room for at once
  tensor::cpu::KvType kv_type = tensor::cpu::KvType::kFloat16;
  std::size_t prefill_chunk = kPrefillChunk;  ///< tokens that go through the layers at once, >= 1
};

/// Rows of logits as numbers.
std::vector<std::vector<float>> rows_of(const mx::array& logits);

/// One text that the model reads and continues: the prompt's tokens and pictures, then a token at a
/// time.
class Sequence {
 public:
  /// The model must outlive the sequence.
  Sequence(const Model& model, const SequenceOptions& options);

  /// Reads a prompt, each picture standing for one run of image tokens in `ids`; once, first.
  /// Returns the logits of the token that follows, (1, vocab_size), evaluated.
  /// `progress` is told the tokens done so far. Throws kCancelled; kFailed where pictures and
  /// tokens disagree.
  mx::array read_prompt(std::span<const std::int32_t> ids, std::span<const ImageFeatures> pictures,
                        const StopToken& stop = {},
                        const std::function<void(std::size_t)>& progress = {},
                        const Observer& observer = {});

  /// The same, the logits as numbers.
  std::vector<float> prefill(std::span<const std::int32_t> ids,
                             std::span<const ImageFeatures> pictures, const StopToken& stop = {},
                             const std::function<void(std::size_t)>& progress = {},
                             const Observer& observer = {});

  /// Reads one more token and returns the logits of the next.
  std::vector<float> decode(std::int32_t id) { return std::move(decode({&id, 1}).front()); }

  /// Reads some tokens in one pass and returns the logits after each. By oko's kernels and for up
  /// to 8 tokens they are, to the bit, those of reading one by one.
  std::vector<std::vector<float>> decode(std::span<const std::int32_t> ids);

  /// Reads one more token, id (1), which a graph may not have computed yet, and returns the logits
  /// of the next, (1, vocab_size), in a graph not evaluated.
  mx::array decode(const mx::array& id);

  /// Forgets all but the first `length` tokens, which must not end inside the prompt.
  void truncate(std::size_t length);

  std::size_t length() const { return length_; }  ///< tokens read
  std::size_t cache_bytes() const;                ///< of keys and values in use

 private:
  mx::array forward_next(const mx::array& ids);

  const Model& model_;
  std::vector<tensor::KvCache> caches_;
  std::size_t prefill_chunk_;
  std::size_t length_ = 0;
  std::int32_t rope_delta_ = 0;
};

}  // namespace oko::models::qwen3_vl
