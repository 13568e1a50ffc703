#pragma once

#include <cstdint>
#include <list>
#include <optional>

#include "engine/cache_memory.h"
#include "models/qwen3_vl/prompt_layout.h"
#include "models/qwen3_vl/sequence_state.h"
#include "tensor/cpu/kv_rows.h"

namespace oko::engine {

/// States of ended sequences. A prompt that begins like one of them continues from its state: the
/// next question of a conversation, or another one about the same picture. Prompts match token by
/// token, and pictures by their content key. Belongs to one set of weights; used by the model
/// thread.
class PrefixCache {
 public:
  /// Made and destroyed by any thread.
  PrefixCache(budget::MemoryBudget& budget, RunOnModelThread run, std::uint64_t max_bytes);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// A copy of the state after the longest cached prefix of `prompt` with KV caches of this type,
  /// and a capacity of `capacity` tokens in all. Leaves at least one token to read. Nothing if
  /// fewer than kMinTokens match.
  std::optional<models::qwen3_vl::SequenceState> find(const models::qwen3_vl::PromptLayout& prompt,
                                                      tensor::cpu::KvType type,
                                                      std::size_t capacity);

  /// Keeps `state`, which has read the first tokens of `text`, if its memory can be reserved: see
  /// CacheMemory::reserve. Replaces the entry that it continues.
  void put(models::qwen3_vl::PromptLayout text, models::qwen3_vl::SequenceState state,
           tensor::cpu::KvType type);

  void clear();

  /// Reading fewer tokens costs less than copying their state.
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
