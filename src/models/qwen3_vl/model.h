#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/stop_token.h"
#include "models/activation_hook.h"
#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/prompt_layout.h"
#include "models/qwen3_vl/sequence_state.h"
#include "models/qwen3_vl/text_model.h"
#include "models/qwen3_vl/vision_model.h"
#include "tensor/weights.h"

namespace oko::models::qwen3_vl {

/// The next tokens of a sequence.
struct NextTokens {
  SequenceState* sequence = nullptr;
  std::span<const std::int32_t> ids;
};

/// Tokens [first, last) of a prompt, to be read next.
struct PromptChunk {
  const PromptLayout* prompt = nullptr;
  std::span<const ImageFeatures> pictures;  ///< those of the layout
  std::size_t first = 0, last = 0;
  SequenceState* sequence = nullptr;  ///< has read the tokens before `first`

  std::size_t size() const { return last - first; }
};

/// A Qwen3-VL checkpoint ready to run. Used by one thread, the one that owns MLX.
class Model {
 public:
  /// Maps the weights of a model folder. Costs milliseconds and next to no private memory: weights
  /// are read from the mapped files as they are used. Throws kBadModel.
  static std::unique_ptr<Model> load(const std::filesystem::path& model_dir);

  const Config& config() const { return config_; }

  /// The files that it was loaded from.
  const tensor::WeightFiles& files() const { return files_; }

  /// See tensor::Weights::copied_bytes.
  std::uint64_t copied_weight_bytes() const { return copied_weight_bytes_; }

  PassCost cost_of_tokens(int count) const { return text_.cost_of(count); }
  PassCost cost_of_picture(int patches) const { return vision_.cost_of(patches); }

  /// The vision tower's features of one picture. Throws kCancelled.
  ImageFeatures encode_image(Patches patches, const StopToken& stop = {},
                             const ActivationHook& hook = {}) const;

  /// The state of a sequence that has read nothing. `initial_capacity`: in tokens.
  SequenceState make_sequence(int initial_capacity, tensor::cpu::KvType kv_type) const {
    return text_.make_sequence(initial_capacity, kv_type);
  }

  /// Reads chunks of prompts in one pass, each for a sequence of its own. Returns the hidden
  /// states, (tokens of all chunks, hidden_size), and throws, as TextModel::forward. With oko's
  /// kernels, chunks of more than kFewTokens are bitwise equal to those of reading one by one.
  mx::array read_chunks(std::span<const PromptChunk> chunks, const StopToken& stop = {},
                        const ActivationHook& hook = {}) const;

  /// Reads more tokens of several sequences in one pass and returns the logits after each,
  /// (n, vocab_size), in a graph not evaluated: those of the first sequence, then of the next. With
  /// oko's kernels and up to 8 tokens in all they are bitwise equal to those of reading one by one.
  /// Throws kBadModel for tokens outside the vocabulary.
  mx::array read_next(std::span<const NextTokens> next) const;

  /// The same with one token a sequence, ids of (1) each, which in a graph need not be computed
  /// yet. Returns the logits of each sequence, (1, vocab_size).
  std::vector<mx::array> read_next(std::span<SequenceState* const> sequences,
                                   std::span<const mx::array> ids) const;

  /// Logits after each chunk, (1, vocab_size), of the hidden states that `read_chunks` returned, in
  /// a graph not evaluated.
  std::vector<mx::array> last_logits(const mx::array& hidden,
                                     std::span<const PromptChunk> chunks) const;
  mx::array logits(const mx::array& hidden) const { return text_.logits(hidden); }

 private:
  explicit Model(const Checkpoint& checkpoint);

  tensor::WeightFiles files_;
  std::uint64_t copied_weight_bytes_;
  Config config_;
  VisionModel vision_;
  TextModel text_;
};

}  // namespace oko::models::qwen3_vl
