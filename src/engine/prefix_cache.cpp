#include "engine/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace oko::engine {

namespace qwen = models::qwen3_vl;

PrefixCache::PrefixCache(budget::MemoryBudget& budget, RunOnModelThread run,
                         std::uint64_t max_bytes)
    : memory_(budget, {.order = budget::EvictionOrder::kPrefixCache,
                       .tag = budget::Tag::kPrefixCache,
                       .max_bytes = max_bytes,
                       .run = std::move(run),
                       .drop_oldest = [this] {
                         if (entries_.empty()) return false;
                         entries_.pop_back();
                         return true;
                       }}) {}

PrefixCache::~PrefixCache() {
  memory_.run([this] { clear(); });
}

std::optional<qwen::SequenceState> PrefixCache::find(const qwen::PromptLayout& prompt,
                                                     tensor::cpu::KvType type,
                                                     std::size_t capacity) {
  auto best = entries_.end();
  std::size_t longest = 0;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->type != type) continue;
    const std::size_t length =
        std::min({common_prefix(entry->text, prompt), entry->state.length(), prompt.size() - 1});
    if (length <= longest) continue;
    best = entry;
    longest = length;
  }
  if (longest < kMinTokens) return std::nullopt;
  memory_.touch();
  entries_.splice(entries_.begin(), entries_, best);
  return best->state.clone_prefix(longest, capacity - std::min(capacity, longest));
}

void PrefixCache::put(qwen::PromptLayout text, qwen::SequenceState state,
                      tensor::cpu::KvType type) {
  if (state.length() < kMinTokens) return;
  std::erase_if(entries_, [&](const Entry& entry) {
    const std::size_t common = std::min(common_prefix(entry.text, text), state.length());
    return entry.type == type && common >= entry.state.length();
  });
  std::optional<budget::Reservation> reservation = memory_.reserve(state.allocated_bytes());
  if (!reservation) return;
  entries_.push_front({std::move(text), std::move(state), type, std::move(*reservation)});
}

void PrefixCache::clear() {
  entries_.clear();
}

}  // namespace oko::engine
