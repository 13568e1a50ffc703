// The cost of switching between the two large models, and of a refusal: on random checkpoints
// of their sizes, whose files are in the page cache.
#include <benchmark/benchmark.h>

#include <memory>

#include "base/error.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "models/bge_m3/model.h"
#include "models/qwen3_vl/model.h"
#include "tensor/weights.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko {
namespace {

const std::filesystem::path& vision_language() {
  return RandomModels::get("qwen3-vl-4b", 1);
}
const std::filesystem::path& embedding() {
  return RandomModels::get("bge-m3", 1);
}

template <typename Model>
struct Loadable : engine::LoadableModel {
  explicit Loadable(const std::filesystem::path& model) : folder(model) {}
  void load() override { model = Model::load(folder); }
  void unload() noexcept override { model.reset(); }
  bool is_current() const override { return model->files().is_current(); }

  std::filesystem::path folder;
  std::unique_ptr<Model> model;
};

/// Both models in a host with room for one: each use unloads the other and loads its own.
void switch_model(benchmark::State& state, bool to_embedding) {
  const std::uint64_t large = tensor::Weights::bytes_on_disk(vision_language());
  const std::uint64_t small = tensor::Weights::bytes_on_disk(embedding());
  Loadable<models::qwen3_vl::Model> first(vision_language());
  Loadable<models::bge_m3::Model> second(embedding());
  engine::ModelHost host({.budget_bytes = large});
  engine::ModelRegistration a(host, first, large), b(host, second, small);
  for (auto _ : state) {
    state.PauseTiming();
    host.admit(to_embedding ? a : b, budget::TagBytes(), "")->run([] {});
    state.ResumeTiming();
    host.admit(to_embedding ? b : a, budget::TagBytes(), "")->run([] {});
  }
}
BENCHMARK_CAPTURE(switch_model, vision_language_to_embedding, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(switch_model, embedding_to_vision_language, false)->Unit(benchmark::kMillisecond);

/// A short question and a short text, the first use of pages after a load included: `switched`, in
/// a host with room for one model, otherwise for both.
void work_after_switch(benchmark::State& state, bool switched) {
  const std::uint64_t large = tensor::Weights::bytes_on_disk(vision_language());
  const std::uint64_t small = tensor::Weights::bytes_on_disk(embedding());
  constexpr std::uint64_t kWork = 300'000'000;
  const auto host = std::make_shared<engine::ModelHost>(
      engine::HostOptions{.budget_bytes = large + kWork + (switched ? 0 : small)});
  engine::Generator engine(
      {.vision_language_model = vision_language(), .image_cache_bytes = 0, .host = host});
  engine::Embedder embedder({.model = embedding(), .host = host});
  const engine::GenerationRequest question = engine::request_of(engine::GenerationCase{{}, 10, 1});
  const engine::EmbeddingRequest text = engine::request_of(engine::EmbeddingCase{1, 10});
  engine.generate(question);
  embedder.embed(text);
  for (auto _ : state) {
    engine.generate(question);
    embedder.embed(text);
  }
  state.counters["loads"] = static_cast<double>(host->loads());
}
BENCHMARK_CAPTURE(work_after_switch, both_stay, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(work_after_switch, one_at_a_time, true)->Unit(benchmark::kMillisecond);

/// The refusal of a question that can never fit, by a host whose models are loaded.
void refusal(benchmark::State& state) {
  const std::uint64_t large = tensor::Weights::bytes_on_disk(vision_language());
  const auto host =
      std::make_shared<engine::ModelHost>(engine::HostOptions{.budget_bytes = large + 300'000'000});
  engine::Generator engine(
      {.vision_language_model = vision_language(), .image_cache_bytes = 0, .host = host});
  engine.generate(engine::request_of(engine::GenerationCase{{}, 10, 1}));
  const engine::GenerationRequest too_long =
      engine::request_of(engine::GenerationCase{{}, 10, 100'000});
  for (auto _ : state) {
    try {
      engine.generate(too_long);
      state.SkipWithError("it was admitted");
    } catch (const Error& error) {
      benchmark::DoNotOptimize(error.code());
    }
  }
}
BENCHMARK(refusal)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace oko
