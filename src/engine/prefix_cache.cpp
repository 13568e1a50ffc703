#include "engine/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace oko::engine {

namespace qwen = models::qwen3_vl;

std::optional<qwen::SequenceState> PrefixCache::find(const qwen::PromptLayout& prompt,
                                                     tensor::cpu::KvType type,
                                                     std::size_t reserve) {
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
  entries_.splice(entries_.begin(), entries_, best);
  return best->state.clone_prefix(longest, reserve - std::min(reserve, longest));
}

void PrefixCache::put(qwen::PromptLayout text, qwen::SequenceState state,
                      tensor::cpu::KvType type) {
  if (state.length() < kMinTokens || state.allocated_bytes() > max_bytes_) return;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    const std::size_t common = std::min(common_prefix(entry->text, text), state.length());
    if (entry->type == type && common >= entry->state.length()) erase(entry);
    entry = next;
  }
  bytes_ += state.allocated_bytes();
  entries_.push_front({std::move(text), std::move(state), type});
  while (bytes_ > max_bytes_) evict();
}

bool PrefixCache::evict() {
  if (entries_.empty()) return false;
  erase(std::prev(entries_.end()));
  return true;
}

void PrefixCache::clear() {
  entries_.clear();
  bytes_ = 0;
}

void PrefixCache::erase(std::list<Entry>::iterator entry) {
  bytes_ -= entry->state.allocated_bytes();
  entries_.erase(entry);
}

}  // namespace oko::engine
