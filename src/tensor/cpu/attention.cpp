#include "tensor/cpu/attention.h"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Math functions build on the same target's vectors.
#include <hwy/contrib/math/math-inl.h>

#include "tensor/cpu/attention_few-inl.h"
#include "tensor/cpu/kv_rows-inl.h"
#include "tensor/cpu/tile-inl.h"
#include "tensor/cpu/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

static_assert(kKeyBlock % kTileRows == 0);
constexpr float kMasked = -std::numeric_limits<float>::infinity();

std::size_t lane_count() {
  return hn::Lanes(hn::ScalableTag<float>());
}

/// Blocks that pass over the same keys: loading keys costs as much as multiplying by them once.
constexpr std::size_t kBlocksAtOnce = 8;

/// The state of one block of lanes. A lane is one query of one head; lane l of a block that starts
/// at `first` is query (first + l) / group of head kv_head * group + (first + l) % group.
struct Block {
  std::size_t first = 0;
  std::size_t lanes = 0;        // in use
  std::size_t key_count = 0;    // that any of them sees
  AlignedVector<float> query;   // (head_dim, width), scaled
  AlignedVector<float> scores;  // (kKeyBlock, width), then the weights
  AlignedVector<float> output;  // (head_dim, width)
  AlignedVector<float> maximum;
  AlignedVector<float> sum;
};

/// Place of a block's lane: query and head.
struct LanePlace {
  std::size_t query, head;
};
LanePlace place_of(const AttentionArguments& a, std::size_t kv_head, std::size_t lane) {
  const std::size_t group = a.heads / a.kv_heads;
  return {lane / group, kv_head * group + lane % group};
}

void load_queries(const AttentionArguments& a, std::size_t kv_head, std::size_t width,
                  Block& block) {
  block.query.assign(a.head_dim * width, 0.0f);
  const auto row = [&](std::size_t l) {
    const LanePlace place = place_of(a, kv_head, block.first + l);
    return a.queries + place.query * a.query_stride + place.head * a.head_dim;
  };
  std::size_t l = 0;
  for (; l + 4 <= block.lanes; l += 4) {
    const float* const rows[] = {row(l), row(l + 1), row(l + 2), row(l + 3)};
    std::size_t k = 0;
    for (; k + 4 <= a.head_dim; k += 4) {
      const void* const from[] = {rows[0] + k, rows[1] + k, rows[2] + k, rows[3] + k};
      float* at = block.query.data() + k * width + l;
      void* const to[] = {at, at + width, at + 2 * width, at + 3 * width};
      transpose_words(from, to);
    }
    for (; k < a.head_dim; ++k) {
      for (std::size_t i = 0; i < 4; ++i) block.query[k * width + l + i] = rows[i][k];
    }
  }
  for (; l < block.lanes; ++l) {
    for (std::size_t k = 0; k < a.head_dim; ++k) block.query[k * width + l] = row(l)[k];
  }
  for (float& x : block.query) x *= a.scale;
}

void store_output(const AttentionArguments& a, std::size_t kv_head, std::size_t width,
                  Block& block) {
  for (std::size_t l = 0; l < width; ++l) block.sum[l] = 1.0f / block.sum[l];
  for (std::size_t k = 0; k < a.head_dim; ++k) {
    for (std::size_t l = 0; l < width; ++l) block.output[k * width + l] *= block.sum[l];
  }
  const auto row = [&](std::size_t l) {
    const LanePlace place = place_of(a, kv_head, block.first + l);
    return a.output + (place.query * a.heads + place.head) * a.head_dim;
  };
  store_columns(block.output.data(), width, block.lanes, a.head_dim, row);
}

/// Turns `count` rows of scores into weights under the running maximum, rescaling what came before.
template <std::size_t kVectors>
void update_softmax(std::size_t head_dim, std::size_t count, Block& block) {
  const hn::ScalableTag<float> d;
  const std::size_t width = kVectors * hn::Lanes(d);
  for (std::size_t l = 0; l < width; l += hn::Lanes(d)) {
    const auto before = hn::LoadU(d, block.maximum.data() + l);
    auto maximum = before;
    for (std::size_t k = 0; k < count; ++k) {
      maximum = hn::Max(maximum, hn::LoadU(d, block.scores.data() + k * width + l));
    }
    const auto correction = hn::Exp(d, hn::Sub(before, maximum));
    auto sum = hn::Mul(hn::LoadU(d, block.sum.data() + l), correction);
    for (std::size_t k = 0; k < count; ++k) {
      float* score = block.scores.data() + k * width + l;
      const auto weight = hn::Exp(d, hn::Sub(hn::LoadU(d, score), maximum));
      hn::StoreU(weight, d, score);
      sum = hn::Add(sum, weight);
    }
    hn::StoreU(maximum, d, block.maximum.data() + l);
    hn::StoreU(sum, d, block.sum.data() + l);
    for (std::size_t k = 0; k < head_dim; ++k) {
      float* out = block.output.data() + k * width + l;
      hn::StoreU(hn::Mul(hn::LoadU(d, out), correction), d, out);
    }
  }
}

/// output[k][lane] += sum over keys of values[key][k] * weight[key][lane].
template <std::size_t kVectors>
void add_values(const float* values, std::size_t head_dim, std::size_t count, Block& block) {
  const std::size_t width = kVectors * lane_count();
  std::size_t k = 0;
  for (; k + kTileRows <= head_dim; k += kTileRows) {
    multiply_tile<kTileRows, kVectors, 1>(values + k, kRowStride, block.scores.data(), count,
                                          block.output.data() + k * width, width, true);
  }
  for (; k < head_dim; ++k) {
    multiply_tile<1, kVectors, 1>(values + k, kRowStride, block.scores.data(), count,
                                  block.output.data() + k * width, width, true);
  }
}

/// One block over keys [key, key + count).
template <std::size_t kVectors>
void attend_keys(const AttentionArguments& a, const float* keys, const float* values,
                 std::size_t key, std::size_t count, Block& block) {
  const std::size_t width = kVectors * lane_count();
  for (std::size_t k = 0; k < count; k += kTileRows) {
    multiply_tile<kTileRows, kVectors, kRowStride>(keys + k * kRowStride, 1, block.query.data(),
                                                   a.head_dim, block.scores.data() + k * width,
                                                   width, false);
  }
  for (std::size_t l = 0; l < block.lanes; ++l) {
    for (std::size_t k = std::max(key, visible_keys(a, block.first + l)); k < key + count; ++k) {
      block.scores[(k - key) * width + l] = kMasked;
    }
  }
  update_softmax<kVectors>(a.head_dim, count, block);
  add_values<kVectors>(values, a.head_dim, count, block);
}

template <std::size_t kVectors>
void attend(const AttentionArguments& a, std::size_t kv_head, std::size_t first, std::size_t last) {
  const std::size_t width = kVectors * lane_count();
  thread_local AlignedVector<float> keys, values;  // (kKeyBlock, kRowStride)
  thread_local Block blocks[kBlocksAtOnce];
  keys.resize(kKeyBlock * kRowStride);  // a tile may read rows past the last: not used
  values.resize(kKeyBlock * kRowStride);
  const std::size_t block_count = (last - first + width - 1) / width;
  for (std::size_t i = 0; i < block_count; ++i) {
    Block& block = blocks[i];
    block.first = first + i * width;
    block.lanes = std::min(width, last - block.first);
    block.key_count = visible_keys(a, block.first + block.lanes - 1);
    load_queries(a, kv_head, width, block);
    block.scores.resize(kKeyBlock * width);
    block.output.assign(a.head_dim * width, 0.0f);
    // Finite, so that a lane with nothing to see yet does not compute inf - inf.
    block.maximum.assign(width, std::numeric_limits<float>::lowest());
    block.sum.assign(width, 0.0f);
  }
  const std::size_t key_count = blocks[block_count - 1].key_count;  // the last one sees most
  for (std::size_t key = 0; key < key_count; key += kKeyBlock) {
    const std::size_t count = std::min(kKeyBlock, key_count - key);
    load_kv_block(a, a.keys, kv_head, key, count, keys.data());
    load_kv_block(a, a.values, kv_head, key, count, values.data());
    for (std::size_t i = 0; i < block_count; ++i) {
      Block& block = blocks[i];
      if (key >= block.key_count) continue;
      attend_keys<kVectors>(a, keys.data(), values.data(), key,
                            std::min(count, block.key_count - key), block);
    }
  }
  for (std::size_t i = 0; i < block_count; ++i) store_output(a, kv_head, width, blocks[i]);
}

constexpr std::size_t kVectorsOfLanes = 2;

/// Lanes that a task should have.
std::size_t task_lanes() {
  return kBlocksAtOnce * kVectorsOfLanes * lane_count();
}

/// Lanes [first, last), at most task_lanes(), of a key head.
void attend_many_lanes(const AttentionArguments& a, std::size_t kv_head, std::size_t first,
                       std::size_t last) {
  attend<kVectorsOfLanes>(a, kv_head, first, last);
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {

HWY_EXPORT(task_lanes);
HWY_EXPORT(attend_many_lanes);
HWY_EXPORT(attend_few_lanes);

namespace {

/// The tasks of one run: a key head each, or of many queries a key head and task_lanes() lanes.
struct RunTasks {
  std::size_t first = 0;  ///< of the tasks of all runs
  std::size_t all_lanes = 0;
  std::size_t blocks = 0;  ///< of lanes; 0: a task has all
};

void attend_task(const AttentionArguments& a, const RunTasks& tasks, std::size_t task) {
  const std::size_t kv_head = task % a.kv_heads;
  if (tasks.blocks == 0) {
    HWY_DYNAMIC_DISPATCH(attend_few_lanes)(a, kv_head);
    return;
  }
  const std::size_t lanes = HWY_DYNAMIC_DISPATCH(task_lanes)();
  const std::size_t first = (tasks.blocks - 1 - task / a.kv_heads) * lanes;  // the longest first
  HWY_DYNAMIC_DISPATCH(attend_many_lanes)
  (a, kv_head, first, std::min(tasks.all_lanes, first + lanes));
}

}  // namespace

void attention(std::span<const AttentionArguments> runs) {
  const std::size_t lanes = HWY_DYNAMIC_DISPATCH(task_lanes)();
  std::vector<RunTasks> tasks;
  std::size_t count = 0;
  for (const AttentionArguments& a : runs) {
    const std::size_t all_lanes = a.query_count * (a.heads / a.kv_heads);
    const std::size_t blocks = all_lanes <= kMaxFewLanes ? 0 : (all_lanes + lanes - 1) / lanes;
    tasks.push_back({count, all_lanes, blocks});
    count += a.kv_heads * std::max<std::size_t>(blocks, 1);
  }
  thread_pool().parallel_for(count, [&](std::size_t task) {
    const auto after =
        std::upper_bound(tasks.begin(), tasks.end(), task,
                         [](std::size_t index, const RunTasks& run) { return index < run.first; });
    const auto run = static_cast<std::size_t>(after - tasks.begin()) - 1;
    attend_task(runs[run], tasks[run], task - tasks[run].first);
  });
}

}  // namespace oko::tensor::cpu
#endif
