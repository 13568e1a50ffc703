#pragma once

#include <cstdint>
#include <list>
#include <optional>

#include "models/qwen3_vl/prompt_layout.h"
#include "models/qwen3_vl/sequence_state.h"
#include "tensor/cpu/kv_rows.h"

namespace oko::engine {

/// States of sequences that have ended, so that a prompt that begins like one of them is read from
/// there on: the next question of a conversation, or another one about the same picture. A prompt
/// matches token by token, and where tokens are a picture's by what the vision tower read of it.
/// Belongs to one model; used by the model thread.
class PrefixCache {
 public:
  explicit PrefixCache(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  /// A copy of the state after the longest prefix of `prompt` that is kept for caches of this type,
  /// with room for `reserve` tokens in all. At least one token is left to be read. Nothing where
  /// fewer than kMinTokens match.
  std::optional<models::qwen3_vl::SequenceState> find(const models::qwen3_vl::PromptLayout& prompt,
                                                      tensor::cpu::KvType type,
                                                      std::size_t reserve);

  /// Keeps `state`, which has read the first tokens of `text`, and lets those go that were not used
  /// for longest, and those that it continues. What is larger than the cache is not kept.
  void put(models::qwen3_vl::PromptLayout text, models::qwen3_vl::SequenceState state,
           tensor::cpu::KvType type);

  /// Lets the one go that was not used for longest. False where there is none.
  bool evict();

  std::uint64_t bytes() const { return bytes_; }  ///< allocated
  void clear();

  /// Copying costs more than reading so few.
  static constexpr std::size_t kMinTokens = 16;

 private:
  struct Entry {
    models::qwen3_vl::PromptLayout text;
    models::qwen3_vl::SequenceState state;
    tensor::cpu::KvType type;
  };
  void erase(std::list<Entry>::iterator entry);

  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  ///< used last, first
};

}  // namespace oko::engine
