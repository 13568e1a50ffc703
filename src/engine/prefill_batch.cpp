#include "engine/prefill_batch.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "models/qwen3_vl/limits.h"

namespace oko::engine {
namespace {

/// Up to this many rows have logits with the bits of each row alone.
constexpr std::size_t kMaxPrompts = models::qwen3_vl::kFewTokens;

/// Shorter chunks take other kernels, whose sums have another order: they are read alone.
bool can_batch(const GenerationTask& task, std::size_t tokens) {
  return task.phase() == GenerationPhase::kPrefill && !task.reads_alone &&
         tokens <= task.chunk_tokens() &&
         task.unread_tokens() > std::size_t{models::qwen3_vl::kFewTokens};
}

/// Bytes that a pass of all tasks needs beyond what is reserved: all sequences and the largest
/// workspace. The sum of the predictions bounds the pass.
std::uint64_t unreserved_bytes(const std::vector<GenerationTask*>& tasks) {
  std::uint64_t needed = 0, reserved = 0, workspace = 0;
  for (const GenerationTask* task : tasks) {
    const GenerationMemory& memory = task->plan.memory;
    needed += memory.prefill.total();
    reserved += memory.sequence.total();
    workspace = std::max(workspace, memory.workspace().total());
  }
  return needed - std::min(needed, reserved + workspace);
}

}  // namespace

PrefillBatch batch_prompts(GenerationTask& first,
                           const std::list<std::unique_ptr<GenerationTask>>& tasks) {
  PrefillBatch batch{{&first}};
  std::size_t tokens = first.unread_tokens();
  if (!can_batch(first, tokens)) return batch;
  std::size_t chunk = first.chunk_tokens();
  for (const auto& task : tasks) {
    if (batch.tasks.size() == kMaxPrompts) break;
    const std::size_t more = tokens + task->unread_tokens();
    if (task.get() == &first || more > chunk || !can_batch(*task, more)) continue;
    batch.tasks.push_back(task.get());
    tokens = more;
    chunk = std::min(chunk, task->chunk_tokens());
  }
  for (; batch.tasks.size() > 1; batch.tasks.pop_back()) {
    budget::TagBytes bytes;
    bytes[budget::Tag::kPrefill] = unreserved_bytes(batch.tasks);
    if (bytes.total() == 0) break;
    std::optional<budget::Reservation> memory = first.lease->try_reserve(bytes);
    if (!memory) continue;
    batch.memory = std::move(*memory);
    break;
  }
  return batch;
}

}  // namespace oko::engine
