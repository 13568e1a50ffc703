// A prompt and its continuation on MLX's graph: chunks, growth of the cache, tokens in place.
#include <gtest/gtest.h>
#include <mlx/memory.h>
#include <mlx/mlx.h>

#include <cmath>

#include "tensor/token_choice.h"
#include "tests/models/prompted.h"
#include "tests/support/graph_device.h"

namespace oko::models::qwen3_vl {
namespace {

/// f32 weights: only the order of sums differs. A GPU may multiply in TF32.
double tolerance() {
  return has_gpu() ? 5e-3 : 1e-4;
}

std::vector<std::int32_t> some_tokens(int count) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ids.push_back((i * 37 + i * i) % 900);
  return ids;
}

TEST(GraphSequenceTest, APromptWithPicturesMayBeCutAnywhere) {
  const Prompted setup({"qwen3_vl_small_f32_two_pictures", "qwen3-vl-small-f32"}, graph_device());
  const auto features = setup.encode();
  SequenceOptions options = exact(static_cast<int>(setup.ids.size()));
  const std::vector<float> expected = Sequence(*setup.model, options).prefill(setup.ids, features);
  for (std::size_t chunk = 1; chunk < setup.ids.size(); ++chunk) {
    options.prefill_chunk = chunk;
    const auto logits = Sequence(*setup.model, options).prefill(setup.ids, features);
    EXPECT_LE(relative_error(logits, expected), tolerance()) << "chunks of " << chunk;
  }
}

/// Logits after a prompt with a picture, and after each of the next 8 tokens.
std::vector<std::vector<float>> logits_on(tensor::Device device) {
  tensor::prepare_device({.device = device, .precision = tensor::cpu::Precision::kFloat32});
  const std::filesystem::path& folder = RandomModels::get("qwen3-vl-mid-f32", 3);
  const auto model = Model::load(folder);
  const auto config = ImageProcessorConfig::load(folder / "preprocessor_config.json");
  const Patches picture = preprocess(pattern_picture(0, 256, 192), config);
  std::vector<std::int32_t> ids = some_tokens(12);
  ids.insert(ids.begin() + 4, 8 * 6, model->config().image_token_id);
  Sequence sequence(*model, exact(128));
  std::vector<std::vector<float>> logits{
      sequence.prefill(ids, std::vector{model->encode_image(picture)})};
  for (const std::int32_t id : some_tokens(8)) logits.push_back(sequence.decode(id));
  return logits;
}

/// Heads of 64 and 128, for which a GPU has fused attention.
TEST(GraphSequenceTest, HeadsOfTheRealSizesGiveTheLogitsOfTheKernels) {
  const auto expected = logits_on(tensor::Device::kCpu);
  const auto actual = logits_on(graph_device());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LE(relative_error(actual[i], expected[i]), tolerance()) << "step " << i;
  }
}

TEST(GraphSequenceTest, ACacheThatGrowsGivesTheLogitsOfOneThatHadRoom) {
  tensor::prepare_device({.device = graph_device()});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  const std::vector<std::int32_t> ids = some_tokens(530);  // over two steps of 256
  Sequence whole(*model, exact(600));
  const std::vector<float> expected = whole.prefill(ids, {});
  Sequence growing(*model, exact(1));
  growing.prefill(std::span(ids).first(250), {});
  std::vector<float> logits;
  for (const std::int32_t id : std::span(ids).subspan(250)) logits = growing.decode(id);
  EXPECT_LE(relative_error(logits, expected), tolerance());
}

TEST(GraphSequenceTest, ForgetsWrongGuesses) {
  tensor::prepare_device({.device = graph_device()});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  const std::vector<std::int32_t> ids = some_tokens(20);
  Sequence plain(*model, exact(64));
  plain.prefill(std::span(ids).first(12), {});
  Sequence guessing(*model, exact(64));
  guessing.prefill(std::span(ids).first(12), {});
  guessing.decode(std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7});
  guessing.truncate(12);
  const auto rows = guessing.decode(std::span(ids).subspan(12));
  for (std::size_t i = 12; i < ids.size(); ++i) {
    EXPECT_LE(relative_error(rows[i - 12], plain.decode(ids[i])), tolerance()) << i;
  }
}

TEST(GraphSequenceTest, AStopIsSeenBetweenLayers) {
  tensor::prepare_device({.device = graph_device()});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  StopSource stop;
  stop.request_stop();
  EXPECT_THROW(Sequence(*model, exact(64)).prefill(some_tokens(20), {}, stop.get_token()), Error);
}

/// Peak bytes of arrays while `count` tokens are decoded, above those before.
std::uint64_t peak_of_decoding(const Model& model, int initial_capacity, int count) {
  Sequence sequence(model, {.initial_capacity = initial_capacity});
  tensor::TokenChoice choice(sequence.read_prompt(some_tokens(20), {}), {}, 0);
  for (int i = 0; i < 2; ++i) choice = {sequence.decode(choice.id()), {}, 0};
  choice.read_id();
  mx::synchronize();
  mx::reset_peak_memory();
  const std::uint64_t before = mx::get_active_memory();
  for (int i = 0; i < count; ++i) {
    tensor::TokenChoice next(sequence.decode(choice.id()), {}, 0);
    choice.read_id();
    choice = next;
  }
  choice.read_id();
  return mx::get_peak_memory() - before;
}

TEST(GraphSequenceTest, WritesTokensSubmittedAheadInPlace) {
  tensor::prepare_device({.device = graph_device()});
  // As many operations a token as the 4B has: a shorter graph would not fill MLX's queue.
  const auto model = Model::load(RandomModels::get("qwen3-vl-4b-narrow", 3));
  constexpr int kReserve = 16'384;
  constexpr std::uint64_t kOneLayer = std::uint64_t{2} * kReserve * 128 * 2;
  const std::uint64_t peak = peak_of_decoding(*model, kReserve, 8);
  RecordProperty("peak", std::to_string(peak));
  EXPECT_LT(peak, kOneLayer / 2) << "a layer's keys and values are " << kOneLayer;
}

}  // namespace
}  // namespace oko::models::qwen3_vl
