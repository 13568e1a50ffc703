#include "testing/model_switch.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "budget/process_memory.h"
#include "engine/stopwatch.h"
#include "models/bge_m3/model.h"
#include "models/qwen3_vl/model.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"
#include "tensor/weights.h"

namespace oko::testing {
namespace {

namespace qwen = models::qwen3_vl;
namespace bge = models::bge_m3;

void read_text(const qwen::Model& model, const StopToken& stop) {
  qwen::Sequence sequence(model, {.initial_capacity = 16});
  sequence.prefill(std::vector<std::int32_t>{5, 90, 7, 12}, {}, stop);
}

}  // namespace

LoadMemory measure_load(const std::filesystem::path& model, const StopToken& stop) {
  {
    const std::unique_ptr<qwen::Model> first = qwen::Model::load(model);
    read_text(*first, stop);  // what any model needs once is not counted
  }
  tensor::trim_memory();
  tensor::trim_heap();
  const std::uint64_t before = budget::private_bytes();
  const std::unique_ptr<qwen::Model> loaded = qwen::Model::load(model);
  read_text(*loaded, stop);
  tensor::trim_memory();
  tensor::trim_heap();
  const std::uint64_t after = budget::private_bytes();
  return {tensor::Weights::bytes_on_disk(model), after - std::min(before, after)};
}

SwitchTimes measure_switch(const std::filesystem::path& vision_language,
                           const std::filesystem::path& embedding, const StopToken& stop) {
  SwitchTimes times;
  std::unique_ptr<qwen::Model> sees = qwen::Model::load(vision_language);
  read_text(*sees, stop);
  {
    const engine::Stopwatch watch;
    sees.reset();
    tensor::trim_memory();
    const std::unique_ptr<bge::Model> embeds = bge::Model::load(embedding);
    embeds->encode({{0, 5, 2}, {0, 3}}, {}, stop);
    times.there_seconds = watch.seconds();
  }
  const engine::Stopwatch watch;
  tensor::trim_memory();
  sees = qwen::Model::load(vision_language);
  read_text(*sees, stop);
  times.back_seconds = watch.seconds();
  return times;
}

}  // namespace oko::testing
