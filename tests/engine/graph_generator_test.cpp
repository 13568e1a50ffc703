// Generator and Embedder on MLX's graph, as on a GPU: the checks of generator_test.cpp and
// embedder_test.cpp.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "base/error.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "hub/align_weights.h"
#include "image/image.h"
#include "tests/support/endless_request.h"
#include "tests/support/graph_device.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"

namespace oko::engine {
namespace {

namespace fs = std::filesystem;

class GraphGeneratorTest : public ::testing::Test {
 protected:
  void SetUp() override { tensor::select_device(graph_device()); }

  static GeneratorOptions small_model(std::shared_ptr<ModelHost> host = {}) {
    return {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
            .host = std::move(host)};
  }

  static GenerationRequest question(int max_tokens, int side = 96) {
    GenerationRequest request =
        request_of(GenerationCase{.pictures = {{side, 64}}, .max_tokens = max_tokens});
    request.max_pixels = 1'000'000;
    return request;
  }
};

/// Answers about every picture of demo/ (about two with sanitizers), in both languages.
std::vector<std::string> demo_answers() {
  const fs::path demo = fs::path(OKO_SOURCE_DIR) / "demo";
  Generator engine({.vision_language_model = demo / "models/tiny-vl"});
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(demo / "images")) {
    if (file.path().extension() != ".jsonl") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  files.resize(repetitions(static_cast<int>(files.size()), 2));
  std::vector<std::string> answers;
  for (const fs::path& file : files) {
    for (const char* text : {"Describe this image.", "Опиши это изображение."}) {
      GenerationRequest request;
      request.messages = {
          {text::Role::kUser, {text::Part::make_image(), text::Part::make_text(text)}}};
      request.images = {image::load(file)};
      request.max_tokens = 64;
      answers.push_back(file.filename().string() + ": " + engine.generate(request).text);
    }
  }
  return answers;
}

TEST_F(GraphGeneratorTest, TheDemoPicturesAreDescribedAsByTheKernels) {
  const std::vector<std::string> answers = demo_answers();
  EXPECT_GE(static_cast<int>(answers.size()), repetitions(16, 4));
  tensor::select_device(tensor::Device::kCpu);
  EXPECT_EQ(answers, demo_answers());
}

TEST_F(GraphGeneratorTest, StreamsTheRequestedNumberOfTokens) {
  Generator engine(small_model());
  for (const int count : {1, 2, 17}) {
    std::string streamed;
    const auto result =
        engine.generate(question(count), [&](std::string_view piece) { streamed += piece; });
    EXPECT_EQ(result.stats.generated_tokens, count);
    EXPECT_EQ(streamed, result.text);
  }
}

TEST_F(GraphGeneratorTest, ACachedPictureGivesTheSameAnswerAfterOtherPictures) {
  Generator engine(small_model());
  const auto first = engine.generate(question(16));
  EXPECT_EQ(engine.generate(question(2, 160)).stats.cached_images, 0);
  const auto again = engine.generate(question(16));
  EXPECT_EQ(again.stats.cached_images, 1);
  EXPECT_EQ(again.text, first.text);
}

TEST_F(GraphGeneratorTest, ASeedDecidesTheAnswer) {
  Generator engine(small_model());
  GenerationRequest request = question(24);
  request.sampling = {.temperature = 1.5f, .top_k = 50, .min_p = 0.01f, .seed = 1};
  const std::string one = engine.generate(request).text;
  EXPECT_EQ(engine.generate(request).text, one);
  int others = 0;
  for (request.sampling.seed = 2; request.sampling.seed < 6; ++request.sampling.seed) {
    others += engine.generate(request).text != one;
  }
  EXPECT_GT(others, 0);
}

TEST_F(GraphGeneratorTest, SingleCandidateIsTheMostLikelyToken) {
  Generator engine(small_model());
  GenerationRequest request = question(12);
  const std::string greedy = engine.generate(request).text;
  for (const SamplingOptions& sampling : {
           SamplingOptions{.temperature = 1, .top_k = 1},                 // on the device
           SamplingOptions{.temperature = 1, .min_p = 1},                 // the same
           SamplingOptions{.temperature = 1, .top_p = 1e-6f},             // on the host
           SamplingOptions{.presence_penalty = 1e-6f, .temperature = 0},  // the same
       }) {
    request.sampling = sampling;
    EXPECT_EQ(engine.generate(request).text, greedy) << sampling.top_k << ", " << sampling.top_p;
  }
}

TEST_F(GraphGeneratorTest, LookupGuessesTokens) {
  Generator engine(small_model());
  GenerationRequest request = question(60);
  request.lookup = true;
  const auto result = engine.generate(request);
  EXPECT_EQ(result.stats.generated_tokens, 60);
  EXPECT_GT(result.stats.drafted_tokens, 0);
}

TEST_F(GraphGeneratorTest, AStopEndsTheAnswerAndTheNextRequestWorks) {
  Generator engine(small_model());
  const std::string expected = engine.generate(question(3)).text;
  StopSource stop;
  std::atomic<int> pieces{0};
  GenerationRequest endless = question(1);
  make_endless(endless, small_model().vision_language_model);
  try {
    engine.generate(
        endless,
        [&](std::string_view) {
          if (++pieces == 3) stop.request_stop();
        },
        stop.get_token());
    FAIL() << "was not stopped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_LE(pieces, 5);
  EXPECT_EQ(engine.generate(question(3)).text, expected);
}

TEST_F(GraphGeneratorTest, ModelsThatDoNotFitTogetherAreUnloadedAndReloaded) {
  const auto need = [](const GeneratorOptions& options) {
    Generator engine(options);
    return engine.generate(question(8)).stats;
  };
  const GenerationStats alone = need(small_model());
  const std::uint64_t room = alone.weight_bytes + alone.predicted_memory.peak();
  const auto host = std::make_shared<ModelHost>(
      HostOptions{.budget_bytes = room + alone.weight_bytes / 2, .threads = 1});
  Generator one(small_model(host));
  GeneratorOptions other_model = small_model(host);
  other_model.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 12);
  Generator other(other_model);
  const std::string first = one.generate(question(8)).text;
  const std::string second = other.generate(question(8)).text;
  for (int round = 0; round < 2; ++round) {
    const auto result = one.generate(question(8));
    EXPECT_GT(result.stats.load_seconds, 0) << "the other model was not unloaded for it";
    EXPECT_EQ(result.text, first);
    EXPECT_EQ(other.generate(question(8)).text, second);
  }
}

TEST_F(GraphGeneratorTest, ATextHasTheSameVectorAloneAndAmongOthers) {
  Embedder embedder({.model = RandomModels::get("bge-m3-small-f32", 4)});
  EmbeddingRequest request;
  request.texts = {"слово", words(40), "a word or two"};
  const auto together = embedder.embed(request).texts;
  ASSERT_EQ(together.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EmbeddingRequest single;
    single.texts = {request.texts[i]};
    const auto alone = embedder.embed(single).texts.at(0);
    ASSERT_EQ(alone.encoding.dense.size(), together[i].encoding.dense.size());
    double dot = 0;
    for (std::size_t k = 0; k < alone.encoding.dense.size(); ++k) {
      dot += static_cast<double>(alone.encoding.dense[k]) * together[i].encoding.dense[k];
    }
    EXPECT_GT(dot, 0.99999) << i;
  }
}

class GraphAlignedTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    tensor::select_device(graph_device());
    ::setenv("OKO_HOME", (folder_ / "home").c_str(), 1);
  }
};

/// Otherwise the first start, which makes the aligned copy, would reserve the copied tensors, too.
TEST_F(GraphAlignedTest, MeasuresWeightsAfterAligning) {
  const auto weights_held = [](const fs::path& model, bool aligned) {
    const auto host = std::make_shared<ModelHost>(HostOptions{.threads = 1});
    const auto align = [&] {
      if (aligned) hub::align_weights({.model = model});
    };
    if (fs::exists(model / "preprocessor_config.json")) {
      Generator engine({.vision_language_model = model,
                        .image_cache_bytes = 0,
                        .prepare_weights = align,
                        .host = host});
      engine.generate(request_of(GenerationCase{.pictures = {{64, 64}}, .max_tokens = 1}));
      return host->memory_budget().held()[budget::Tag::kWeights];
    }
    Embedder embedder({.model = model, .prepare_weights = align, .host = host});
    embedder.embed({.texts = {"слово"}});
    return host->memory_budget().held()[budget::Tag::kWeights];
  };
  for (const char* shape : {"qwen3-vl-small-4bit", "bge-m3-small-8bit"}) {
    const fs::path model = folder_ / shape;
    copy_shifted(RandomModels::get(shape, 11), model, 1);
    const std::uint64_t bytes = tensor::Weights::bytes_on_disk(model);
    EXPECT_GT(weights_held(model, false), bytes) << shape;
    EXPECT_EQ(weights_held(model, true), bytes) << shape;
  }
}

}  // namespace
}  // namespace oko::engine
