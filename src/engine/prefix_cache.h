#pragma once

#include <cstdint>
#include <list>
#include <optional>

#include "engine/cache_memory.h"
#include "models/qwen3_vl/prompt_layout.h"
#include "models/qwen3_vl/sequence_state.h"
#include "tensor/cpu/kv_rows.h"

namespace oko::engine {

/// States of sequences that have ended, so that a prompt that begins like one of them is read from
/// there on: the next question of a conversation, or another one about the same picture. A prompt
/// matches token by token, and where tokens are a picture's by what the vision tower read of it.
/// Belongs to one set of weights; used by the model thread.
class PrefixCache {
 public:
  /// Made and destroyed by any thread.
  PrefixCache(budget::MemoryBudget& budget, RunOnModelThread run, std::uint64_t max_bytes);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// A copy of the state after the longest prefix of `prompt` that is kept for caches of this type,
  /// with room for `reserve` tokens in all. At least one token is left to be read. Nothing where
  /// fewer than kMinTokens match.
  std::optional<models::qwen3_vl::SequenceState> find(const models::qwen3_vl::PromptLayout& prompt,
                                                      tensor::cpu::KvType type,
                                                      std::size_t reserve);

  /// Keeps `state`, which has read the first tokens of `text`, if its memory can be reserved: see
  /// CacheMemory::reserve. What it continues goes.
  void put(models::qwen3_vl::PromptLayout text, models::qwen3_vl::SequenceState state,
           tensor::cpu::KvType type);

  void clear();

  /// Copying costs more than reading so few.
  static constexpr std::size_t kMinTokens = 16;

 private:
  struct Entry {
    models::qwen3_vl::PromptLayout text;
    models::qwen3_vl::SequenceState state;
    tensor::cpu::KvType type;
    budget::Reservation reservation;
  };

  std::list<Entry> entries_;  ///< used last, first
  CacheMemory memory_;        // last: it drops entries
};

}  // namespace oko::engine
