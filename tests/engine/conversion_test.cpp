// Conversion with its checks: the work begins only if the new model can run.
#include "engine/conversion.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ConversionTest : public ScratchFolderTest {
 protected:
  fs::path copy_of(const char* shape) const {
    fs::copy(RandomModels::get(shape, 38), folder_ / "copy");
    return folder_ / "copy";
  }
  fs::path out() const { return folder_ / "out"; }

  /// The message that refuses `source` before the work begins, with nothing left behind.
  std::string refusal(const fs::path& source) const {
    bool began = false;
    const auto run = [&] {
      convert_model({.source = source,
                     .destination = out(),
                     .bits = 8,
                     .progress = [&](std::uint64_t, std::uint64_t) { began = true; }});
    };
    std::string message = message_of(run, ErrorCode::kBadModel);
    EXPECT_FALSE(began) << message;
    EXPECT_EQ(message.find(".part"), std::string::npos) << message;
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
    return message;
  }
  static void change_config(const fs::path& model, const json& changes) {
    json config = json::parse(read_file(model / "config.json", 1'000'000, ErrorCode::kFailed));
    config.merge_patch(changes);
    write_file_atomically(model / "config.json", config.dump());
  }
};

TEST_F(ConversionTest, ModelsThatRunAreConverted) {
  for (const char* shape : {"bge-m3-small-f32", "qwen3-vl-small-f32"}) {
    const auto report = convert_model(
        {.source = RandomModels::get(shape, 38), .destination = out() / shape, .bits = 8});
    EXPECT_EQ(report.bits, 8);
    EXPECT_EQ(fs::file_size(out() / shape / "model.safetensors"), report.bytes);
  }
  convert_model({.source = RandomModels::get("bge-m3-small-8bit", 38), .destination = out() / "8"});
}

TEST_F(ConversionTest, ALayerThatIsMissingIsFoundBeforeTheWork) {
  const fs::path source = copy_of("bge-m3-small-f32");
  change_config(source, {{"num_hidden_layers", 4}});
  const std::string message = refusal(source);
  EXPECT_NE(message.find("encoder.layer.3."), std::string::npos) << message;
}

TEST_F(ConversionTest, RefusesBeforeTheWorkIfEmbedWouldRefuse) {
  const fs::path source = copy_of("bge-m3-small-f32");
  change_config(source, {{"position_embedding_type", "rotary"}});
  EXPECT_NE(refusal(source).find("rotary"), std::string::npos);
  change_config(source, {{"position_embedding_type", "absolute"}});
  fs::remove(source / "tokenizer.json");
  EXPECT_NE(refusal(source).find("tokenizer.json"), std::string::npos);
}

TEST_F(ConversionTest, AnAdapterIsRefusedBeforeTheWork) {
  const fs::path source = copy_of("bge-m3-small-f32");
  write_file_atomically(source / "adapter_config.json", std::string_view("{}"));
  EXPECT_NE(refusal(source).find("adapter_config.json"), std::string::npos);
}

TEST_F(ConversionTest, AResultThatDoesNotRunIsNotKept) {
  const fs::path source = copy_of("bge-m3-small-f32");
  const fs::path weights = source / "model.safetensors";
  std::string bytes = read_file(weights, 1'000'000'000, ErrorCode::kFailed);
  const checkpoint::TensorTable table = checkpoint::parse_safetensors(
      std::as_bytes(std::span(bytes)), bytes.size(), weights.string());
  const auto& norm = table.at("embeddings.LayerNorm.weight");
  const float largest = std::numeric_limits<float>::max();
  for (std::uint64_t at = 0; at < norm.size; at += sizeof(float)) {
    std::memcpy(bytes.data() + norm.offset + at, &largest, sizeof(float));
  }
  write_file_atomically(weights, bytes);
  bool began = false;
  const auto run = [&] {
    convert_model({.source = source,
                   .destination = out() / "new" / "model",
                   .bits = 8,
                   .progress = [&](std::uint64_t, std::uint64_t) { began = true; }});
  };
  const std::string message = message_of(run, ErrorCode::kBadModel);
  EXPECT_TRUE(began);
  EXPECT_FALSE(fs::exists(out())) << message;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(ConversionTest, AClassifierIsRefusedBeforeTheWork) {
  for (const char* head : {"classifier.weight", "classifier.dense.weight", "score.weight"}) {
    const fs::path source = copy_of("bge-m3-small-f32");
    checkpoint::SafetensorsWriter writer(source / "model-00002-of-00002.safetensors",
                                         {{head, checkpoint::Dtype::kFloat32, {1, 1}}});
    writer.finish_hollow();
    fs::rename(source / "model.safetensors", source / "model-00001-of-00002.safetensors");
    const std::string message = refusal(source);
    EXPECT_NE(message.find(head), std::string::npos) << message;
    EXPECT_NE(message.find("the model is a classifier"), std::string::npos) << message;
    fs::remove_all(source);
  }
}

TEST_F(ConversionTest, RefusesBeforeTheWorkIfDescribeWouldRefuse) {
  const fs::path source = copy_of("qwen3-vl-small-f32");
  write_file_atomically(source / "chat_template.jinja", std::string_view("[INST]"));
  EXPECT_NE(refusal(source).find("chat template"), std::string::npos);
  fs::remove(source / "chat_template.jinja");
  fs::remove(source / "preprocessor_config.json");
  EXPECT_NE(refusal(source).find("preprocessor_config.json"), std::string::npos);
}

}  // namespace
}  // namespace oko::engine
