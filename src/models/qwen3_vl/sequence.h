#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/stop_token.h"
#include "models/activation_hook.h"
#include "models/qwen3_vl/limits.h"
#include "models/qwen3_vl/model.h"

namespace oko::models::qwen3_vl {

struct SequenceOptions {
  int initial_capacity = 0;  ///< in tokens
  tensor::cpu::KvType kv_type = tensor::cpu::KvType::kFloat16;
  std::size_t prefill_chunk = kPrefillChunk;  ///< tokens that go through the layers at once, >= 1
};

/// Rows of logits as numbers.
std::vector<std::vector<float>> rows_of(const mx::array& logits);

/// A text that is read and continued alone: the prompt's tokens and pictures, then a token at a
/// time.
class Sequence {
 public:
  /// The model must outlive the sequence.
  Sequence(const Model& model, const SequenceOptions& options);

  /// Reads a prompt, with one run of image tokens in `ids` for each picture; call it once, first.
  /// Returns the logits of the next token, (1, vocab_size), evaluated. `progress` gets the number
  /// of tokens done so far. Throws kCancelled; kFailed if pictures and tokens disagree.
  mx::array read_prompt(std::span<const std::int32_t> ids, std::span<const ImageFeatures> pictures,
                        const StopToken& stop = {},
                        const std::function<void(std::size_t)>& progress = {},
                        const ActivationHook& hook = {});

  /// The same, the logits as numbers.
  std::vector<float> prefill(std::span<const std::int32_t> ids,
                             std::span<const ImageFeatures> pictures, const StopToken& stop = {},
                             const std::function<void(std::size_t)>& progress = {},
                             const ActivationHook& hook = {});

  /// Reads one more token and returns the logits of the next.
  std::vector<float> decode(std::int32_t id) { return std::move(decode({&id, 1}).front()); }

  /// Reads some tokens in one pass and returns the logits after each; see Model::read_next.
  std::vector<std::vector<float>> decode(std::span<const std::int32_t> ids);

  /// Reads one more token, id (1), which in a graph need not be computed yet, and returns the
  /// logits of the next, (1, vocab_size), in a graph not evaluated.
  mx::array decode(const mx::array& id);

  /// Forgets all but the first `length` tokens.
  void truncate(std::size_t length) { state_.truncate(length); }

  std::size_t length() const { return state_.length(); }      ///< tokens read
  std::size_t cache_bytes() const { return state_.bytes(); }  ///< of keys and values in use
  SequenceState& state() { return state_; }

 private:
  const Model& model_;
  SequenceState state_;
  std::size_t prefill_chunk_;
};

}  // namespace oko::models::qwen3_vl
