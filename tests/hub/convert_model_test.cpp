#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/stop_token.h"
#include "checkpoint/safetensors_writer.h"
#include "hub/align_weights.h"
#include "hub/conversion_plan.h"
#include "hub/convert.h"
#include "hub/source_checkpoint.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/bge_m3/model.h"
#include "models/bge_m3/similarity.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;
namespace bge = models::bge_m3;

constexpr bge::Outputs kAll{true, true, true};

/// A text of some tokens of a vocabulary of `vocab_size`.
bge::PackedTexts some_text(int count, int vocab_size) {
  bge::PackedTexts text{{0}, {0}};
  for (int i = 1; i + 1 < count; ++i) text.ids.push_back(4 + i * 7919 % (vocab_size - 4));
  text.ids.push_back(2);
  text.cu_seqlens.push_back(count);
  return text;
}

double cosine(const float* a, const float* b, std::size_t count) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < count; ++i) {
    dot += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

class ConvertModelTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    tensor::prepare_device();
  }

  ConvertReport to(const fs::path& source, int bits = 8) const {
    return convert({.source = source, .destination = out(), .bits = bits});
  }
  fs::path out() const { return folder_ / "out"; }

  static fs::path torch_model() { return fs::path(OKO_TEST_DATA) / "torch_bge"; }

  /// A copy of the files of `model`, to be changed.
  fs::path copy_of(const fs::path& model) const {
    fs::copy(model, folder_ / "copy");
    return folder_ / "copy";
  }

  std::set<std::string> left_behind() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
};

TEST_F(ConvertModelTest, EightBitsKeepTheDirectionsOfTheVectors) {
  const fs::path& source = RandomModels::get("bge-m3-small-f32", 38);
  const ConvertReport report = to(source);
  const bge::PackedTexts text = some_text(60, 1024);
  const bge::Encoding exact = bge::Model::load(source)->encode(text, kAll).at(0);
  const bge::Encoding small = bge::Model::load(out())->encode(text, kAll).at(0);
  EXPECT_GT(cosine(exact.dense.data(), small.dense.data(), exact.dense.size()), 0.999);
  for (std::size_t i = 0; i < exact.colbert.count(); ++i) {
    EXPECT_GT(cosine(exact.colbert.row(i), small.colbert.row(i), exact.colbert.dimensions), 0.999);
  }
  EXPECT_NEAR(bge::sparse_score(exact, exact), bge::sparse_score(exact, small),
              0.05 * bge::sparse_score(exact, exact));  // random weights are often near 0
  // The tokenizer and all other files of a model exist.
  EXPECT_TRUE(fs::exists(out() / "tokenizer.json"));
  for (const ConvertedLayer& layer : report.layers) {
    EXPECT_LT(layer.relative_error, 0.006) << layer.name;
    EXPECT_EQ(layer.relative_error > 0.0005, layer.quantized) << layer.name;
    EXPECT_EQ(layer.name.find("_linear") != std::string::npos && layer.quantized, false);
  }
  EXPECT_LT(report.bytes, report.source_bytes / 3);
  EXPECT_EQ(report.bytes, fs::file_size(out() / "model.safetensors"));
}

/// The tensors of a checkpoint with the dimensions of `config`, before a conversion.
std::vector<checkpoint::TensorDeclaration> declarations_of(const bge::Config& config) {
  const std::int64_t width = config.hidden_size, wide = config.intermediate_size;
  std::vector<checkpoint::TensorDeclaration> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors.push_back({name, checkpoint::Dtype::kFloat16, std::move(shape)});
  };
  add("embeddings.word_embeddings.weight", {config.vocab_size, width});
  add("embeddings.position_embeddings.weight", {config.max_position_embeddings, width});
  add("colbert_linear.weight", {width, width});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    for (const char* name : {"attention.self.query", "attention.self.key", "attention.self.value",
                             "attention.output.dense"}) {
      add(layer + name + ".weight", {width, width});
    }
    add(layer + "intermediate.dense.weight", {wide, width});
    add(layer + "output.dense.weight", {width, wide});
  }
  return tensors;
}

TEST_F(ConvertModelTest, WeightsOfBgeM3ArePredictedAsAConversionMakesThem) {
  const bge::Config config = bge::bge_m3();
  const fs::path file = folder_ / "model.safetensors";
  checkpoint::SafetensorsWriter(file, declarations_of(config)).finish_hollow();
  const auto source = open_safetensors({file});
  const ConversionPlan plan = plan_conversion({{"model_type", "xlm-roberta"}}, source, 8, {}, "");
  EXPECT_EQ(config.quantization.of_layer("encoder.layer.0.output.dense"), plan.quantization);
  std::uint64_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    const std::optional<tensor::Quantization> dense;
    bytes += tensor::bytes_of(tensor.source->count(), tensor.quantized ? plan.quantization : dense);
  }
  EXPECT_NEAR(static_cast<double>(bge::weight_bytes(config)), static_cast<double>(bytes),
              0.005 * static_cast<double>(bytes));
}

TEST_F(ConvertModelTest, FourBitsAreHalfAsLarge) {
  const fs::path& source = RandomModels::get("bge-m3-small-f32", 38);
  const ConvertReport report = to(source, 4);
  const bge::PackedTexts text = some_text(60, 1024);
  const bge::Encoding exact = bge::Model::load(source)->encode(text, {}).at(0);
  const bge::Encoding small = bge::Model::load(out())->encode(text, {}).at(0);
  EXPECT_GT(cosine(exact.dense.data(), small.dense.data(), exact.dense.size()), 0.97);
  for (const ConvertedLayer& layer : report.layers) {
    if (!layer.quantized) continue;
    EXPECT_LT(layer.bytes * 7, layer.source_bytes) << layer.name;
  }
}

/// Element `i` of tensor `number`, as tools/parity/make_torch_bge.py says.
float torch_value(std::uint64_t number, std::uint64_t i) {
  return static_cast<float>(static_cast<int>((7919 * i + 104729 * number) % 2001) - 1000) / 8192;
}

TEST_F(ConvertModelTest, PyTorchFilesAndTheirHeadsHaveTheValuesThatWereSaved) {
  const auto tensors = open_source(torch_model());
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("roberta.") && tensor.is_float()) names.push_back(name);
  }
  for (const char* name : {"colbert_linear.weight", "colbert_linear.bias", "sparse_linear.weight",
                           "sparse_linear.bias"}) {
    names.push_back(name);
  }
  ASSERT_EQ(names.size(), 27u);
  for (std::size_t number = 0; number < names.size(); ++number) {
    const SourceTensor& tensor = tensors.at(names[number]);
    const auto values = tensor.read(names[number], 0, tensor.count());
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(values[i], torch_value(number, i)) << names[number] << " at " << i;
    }
  }
}

TEST_F(ConvertModelTest, APyTorchModelBecomesOneThatRunsWithAllItsHeads) {
  const ConvertReport report = to(torch_model());
  for (const ConvertedLayer& layer : report.layers) {
    EXPECT_EQ(layer.name.find("pooler"), std::string::npos);
    EXPECT_EQ(layer.name.find("position_ids"), std::string::npos);
    EXPECT_FALSE(layer.name.starts_with("roberta."));
  }
  const auto model = bge::Model::load(out());
  EXPECT_EQ(model->config().max_tokens(), 38);
  EXPECT_EQ(model->config().number_bytes, 2u) << "its numbers are float16 now";
  const bge::Encoding encoding = model->encode(some_text(20, 96), kAll).at(0);
  EXPECT_EQ(encoding.dense.size(), 64u);
  EXPECT_EQ(encoding.colbert.count(), 19u);
}

TEST_F(ConvertModelTest, WithoutAHeadItsOutputIsRefusedAndTheFileNamed) {
  const fs::path source = copy_of(torch_model());
  fs::remove(source / "sparse_linear.pt");
  to(source);
  const auto model = bge::Model::load(out());
  const std::string message =
      message_of([&] { model->encode(some_text(5, 96), {.sparse = true}); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("no sparse output"), std::string::npos) << message;
  EXPECT_NE(message.find("sparse_linear"), std::string::npos) << message;
  EXPECT_EQ(model->encode(some_text(5, 96), {.colbert = true}).at(0).colbert.count(), 4u);
}

TEST_F(ConvertModelTest, AQwenModelKeepsItsVisionTower) {
  const fs::path& source = RandomModels::get("qwen3-vl-small-f32", 1);
  const ConvertReport report = to(source, 4);
  bool any = false;
  for (const ConvertedLayer& layer : report.layers) {
    const bool vision = layer.name.starts_with("vision_tower.");
    EXPECT_FALSE(vision && layer.quantized) << layer.name;
    any |= layer.quantized;
  }
  EXPECT_TRUE(any);
  const auto model = models::qwen3_vl::Model::load(out());
  EXPECT_EQ(model->config().number_bytes, 2u) << "its numbers are float16 now";
  models::qwen3_vl::Sequence sequence(*model, {.initial_capacity = 8});
  const std::vector<std::int32_t> ids{5, 6, 7, 8};
  for (const float logit : sequence.prefill(ids, {})) EXPECT_TRUE(std::isfinite(logit));
}

TEST_F(ConvertModelTest, QuantizedModelIsCopiedAsItIsAndAligned) {
  const fs::path& original = RandomModels::get("qwen3-vl-small-4bit", 5);
  copy_shifted(original, folder_ / "copy", 3);
  EXPECT_GT(aligned_copy_of(folder_ / "copy").bytes, 0U);
  const ConvertReport report = convert({.source = folder_ / "copy", .destination = out()});
  EXPECT_EQ(report.bits, 4);
  EXPECT_EQ(report.group_size, 64);
  EXPECT_EQ(report.bytes, fs::file_size(out() / "model.safetensors"));
  EXPECT_EQ(aligned_copy_of(out()).bytes, 0U);
  const auto expected = open_source(original), found = open_source(out());
  ASSERT_EQ(found.size(), expected.size());
  EXPECT_EQ(report.layers.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const auto copy = found.at(name).bytes();
    EXPECT_TRUE(std::equal(copy.begin(), copy.end(), tensor.bytes().begin(), tensor.bytes().end()))
        << name;
  }
  EXPECT_EQ(read_file(out() / "config.json", 1'000'000, ErrorCode::kFailed),
            read_file(original / "config.json", 1'000'000, ErrorCode::kFailed));
  EXPECT_TRUE(fs::exists(out() / "tokenizer.json"));
}

TEST_F(ConvertModelTest, QuantizedModelKeepsItsBits) {
  const fs::path& source = RandomModels::get("bge-m3-small-8bit", 1);
  const std::string message = message_of([&] { to(source, 4); }, ErrorCode::kUsage);
  EXPECT_NE(message.find("is quantized already, with 8 bits"), std::string::npos) << message;
  message_of([&] { convert({.source = source, .destination = out(), .group_size = 32}); },
             ErrorCode::kUsage);
  EXPECT_TRUE(left_behind().empty());
  EXPECT_EQ(to(source, 8).bits, 8);
}

TEST_F(ConvertModelTest, WeightsThatAreNotNumbersAreRefusedByName) {
  const fs::path source = copy_of(RandomModels::get("bge-m3-small-f32", 38));
  const fs::path file = source / "model.safetensors";
  std::string bytes = read_file(file, 100'000'000, ErrorCode::kFailed);
  const float bad = NAN;
  std::memcpy(bytes.data() + bytes.size() / 2 / 4 * 4, &bad, 4);
  write_file_atomically(file, std::string_view(bytes));
  const std::string message = message_of([&] { to(source); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("not numbers"), std::string::npos) << message;
  EXPECT_EQ(left_behind(), std::set<std::string>{"copy"});
}

TEST_F(ConvertModelTest, AStopLeavesNothing) {
  StopSource stop;
  const auto run = [&] {
    convert({.source = RandomModels::get("bge-m3-small-f32", 38),
             .destination = out(),
             .progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); },
             .stop = stop.get_token()});
  };
  message_of(run, ErrorCode::kCancelled);
  EXPECT_TRUE(left_behind().empty());
}

TEST_F(ConvertModelTest, WrongOptionsAndFoldersAreErrors) {
  const fs::path& source = RandomModels::get("bge-m3-small-f32", 38);
  message_of([&] { convert({source, out(), 5}); }, ErrorCode::kUsage);
  message_of([&] { convert({source, out(), 8, 48}); }, ErrorCode::kUsage);
  message_of([&] { to(folder_ / "nothing"); }, ErrorCode::kBadModel);
  fs::create_directories(out() / "something");
  message_of([&] { to(source); }, ErrorCode::kUsage);
}

TEST_F(ConvertModelTest, LayersThatNoGroupDividesStayDense) {
  const ConvertReport report = convert({torch_model(), out(), 8, 128});
  int quantized = 0, dense = 0;
  for (const ConvertedLayer& layer : report.layers) {
    if (layer.shape.size() != 2 || !layer.name.starts_with("encoder.layer.")) continue;
    EXPECT_EQ(layer.quantized, layer.shape[1] % 128 == 0) << layer.name;
    ++(layer.quantized ? quantized : dense);
  }
  EXPECT_GT(quantized, 0);
  EXPECT_GT(dense, 0);
  EXPECT_EQ(bge::Model::load(out())->encode(some_text(20, 96), kAll).at(0).dense.size(), 64u);
}

TEST_F(ConvertModelTest, AllSettingsAndModulesAreCopied) {
  const fs::path source = copy_of(RandomModels::get("bge-m3-small-f32", 38));
  write_file_atomically(source / "modules.json",
                        R"([{"path":"."},{"path":"./1_Pooling/"},{"path":"2_Dense"}])");
  write_file_atomically(source / "pytorch_model.onnx", "no setting");
  for (const char* name :
       {"1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors",
        "processor_config.json", "sentence_roberta_config.json", "chat_template.jinja"}) {
    fs::create_directories((source / name).parent_path());
    write_file_atomically(source / name, "{}");
  }
  write_file_atomically(source / "model.safetensors.index.json", "{}");
  to(source);
  for (const char* name : {"1_Pooling/config.json", "2_Dense/model.safetensors", "modules.json",
                           "processor_config.json", "sentence_roberta_config.json",
                           "chat_template.jinja", "tokenizer.json"}) {
    EXPECT_TRUE(fs::exists(out() / name)) << name;
  }
  EXPECT_FALSE(fs::exists(out() / "model.safetensors.index.json"));
  EXPECT_FALSE(fs::exists(out() / "pytorch_model.onnx"));
}

TEST_F(ConvertModelTest, TheWeightsOfAnotherProgramAreRefusedByName) {
  const fs::path source = copy_of(RandomModels::get("bge-m3-small-f32", 38));
  auto config =
      nlohmann::json::parse(read_file(source / "config.json", 1'000'000, ErrorCode::kFailed));
  config["quantization_config"] = {{"quant_method", "gptq"}, {"bits", 4}};
  write_file_atomically(source / "config.json", config.dump());
  const std::string message = message_of([&] { to(source); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("\"gptq\""), std::string::npos) << message;
}

TEST_F(ConvertModelTest, AnotherArchitectureIsRefused) {
  const fs::path source = copy_of(torch_model());
  write_file_atomically(source / "config.json", std::string_view(R"({"model_type": "t5"})"));
  const std::string message = message_of([&] { to(source); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("t5"), std::string::npos) << message;
}

}  // namespace
}  // namespace oko::hub
