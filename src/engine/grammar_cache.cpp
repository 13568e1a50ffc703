#include "engine/grammar_cache.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"

namespace oko::engine {
namespace {

budget::TagBytes in_grammars(std::uint64_t bytes) {
  budget::TagBytes size;
  size[budget::Tag::kGrammars] = bytes;
  return size;
}

bool is_idle(const auto& entry) {
  return entry.use_count() == 1;
}

}  // namespace

GrammarCache::GrammarCache(budget::MemoryBudget& budget, std::uint64_t max_bytes)
    : budget_(budget), max_bytes_(max_bytes), registration_(budget, *this) {}

GrammarCache::~GrammarCache() {
  budget_.evict(registration_);
}

GrammarCache::SharedGrammar GrammarCache::get(const std::string& key,
                                              const std::function<SharedGrammar()>& compile,
                                              const StopToken& stop) {
  {
    const MutexLock lock(mutex_);
    if (SharedGrammar known = find(key)) return known;
  }
  budget::Reservation room =
      budget_.reserve({.size = [] { return in_grammars(grammar::kMostGrammarBytes); },
                       .hint = tr("raise {}, or ask for a simpler format",
                                  "увеличьте {} или попросите формат проще", Knob{"budget"})},
                      stop);
  auto entry = std::make_shared<Entry>(Entry{key, compile()});
  entry->bytes = entry->grammar->bytes() + key.size();
  if (entry->bytes > grammar::kMostGrammarBytes) {
    throw Error(
        ErrorCode::kTooLarge,
        tr("the format of the answer takes {} of memory, the limit is {}",
           "формат ответа занимает {} памяти, предел — {}", budget::memory_size_text(entry->bytes),
           budget::memory_size_text(grammar::kMostGrammarBytes)));
  }
  entry->reservation = room.split(in_grammars(entry->bytes), registration_);
  Entries dropped;  // after the lock
  const MutexLock lock(mutex_);
  if (SharedGrammar known = find(key)) return known;  // of another thread meanwhile
  bytes_ += entry->bytes;
  entries_.push_front(entry);
  if (bytes_ > max_bytes_) dropped = take_oldest(bytes_ - max_bytes_);
  return find(key);
}

/// Marks the grammar as used now. Null: it is not kept.
GrammarCache::SharedGrammar GrammarCache::find(const std::string& key) {
  const auto found =
      std::ranges::find_if(entries_, [&](const auto& entry) { return entry->key == key; });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  last_used_ = Clock::now();
  return {entries_.front(), entries_.front()->grammar.get()};
}

/// Removes the oldest entries that no answer uses: `bytes` or what there is.
GrammarCache::Entries GrammarCache::take_oldest(std::uint64_t bytes) {
  Entries taken;
  std::uint64_t taken_bytes = 0;
  for (auto entry = entries_.end(); entry != entries_.begin() && taken_bytes < bytes;) {
    --entry;
    if (!is_idle(*entry)) continue;
    taken_bytes += (*entry)->bytes;
    const auto next = std::next(entry);
    taken.splice(taken.end(), entries_, entry);
    entry = next;
  }
  bytes_ -= taken_bytes;
  return taken;
}

std::optional<budget::Evictable::Clock::time_point> GrammarCache::idle_since() const {
  const MutexLock lock(mutex_);
  if (std::ranges::none_of(entries_, [](const auto& entry) { return is_idle(entry); })) {
    return std::nullopt;
  }
  return last_used_;
}

bool GrammarCache::evict(std::uint64_t bytes, const StopToken& /*stop*/) {
  Entries evicted;
  {
    const MutexLock lock(mutex_);
    evicted = take_oldest(bytes);
  }
  return !evicted.empty();
}

}  // namespace oko::engine
