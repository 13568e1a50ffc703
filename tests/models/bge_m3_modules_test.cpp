// The settings of sentence-transformers for an encoder: run as by it, or refused by name.
// Formulas: sentence-transformers 6.2.0 (modules Pooling, Dense and Normalize).
#include "models/bge_m3/modules.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/stop_token.h"
#include "checkpoint/safetensors_writer.h"
#include "models/bge_m3/model.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko::models::bge_m3 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kWidth = 128;
using Vector = std::vector<double>;

class ModulesTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    tensor::prepare_device();
    model_ = folder_ / "model";
    fs::copy(RandomModels::get("bge-m3-small-f32", 38), model_);
  }

  void write(const std::string& name, const json& value) const {
    fs::create_directories((model_ / name).parent_path());
    write_file_atomically(model_ / name, value.dump());
  }
  void write_modules(const std::vector<std::string>& kinds) const {
    json list = json::array();
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      list.push_back({{"idx", i},
                      {"path", i == 0 ? "" : std::to_string(i) + "_" + kinds[i]},
                      {"type", "sentence_transformers.models." + kinds[i]}});
    }
    write("modules.json", list);
  }
  void change_config(const json& changes) const {
    json config = json::parse(read_file(model_ / "config.json", 1'000'000, ErrorCode::kFailed));
    config.update(changes);
    write("config.json", config);
  }
  std::string refusal() const {
    return message_of([&] { Model::load(model_); }, ErrorCode::kBadModel);
  }
  void expect_refused(const std::string& part) const {
    const std::string message = refusal();
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  /// A text's dense vector, and its hidden states in `rows`.
  Vector dense() {
    PackedTexts text{{0, 9, 17, 400, 33, 2}, {0, 6}};
    const auto hook = [&](const std::string&, const tensor::mx::array& output) {
      const float* values = output.data<float>();
      rows_.assign(6, Vector(kWidth));
      for (int i = 0; i < 6 * kWidth; ++i) rows_[i / kWidth][i % kWidth] = values[i];
    };
    const auto encoding = Model::load(model_)->encode(text, {}, {}, hook).at(0);
    return {encoding.dense.begin(), encoding.dense.end()};
  }

  static void expect_near(const Vector& actual, const Vector& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 2e-6) << i;
  }
  static Vector unit(Vector x) {
    double squares = 0;
    for (const double value : x) squares += value * value;
    for (double& value : x) value /= std::sqrt(squares);
    return x;
  }
  /// A number of a vector from those of the tokens.
  Vector of_columns(const std::function<double(const Vector&)>& pooled) const {
    Vector result;
    for (int j = 0; j < kWidth; ++j) {
      Vector column;
      for (const Vector& row : rows_) column.push_back(row[static_cast<std::size_t>(j)]);
      result.push_back(pooled(column));
    }
    return result;
  }

  fs::path model_;
  std::vector<Vector> rows_;  ///< of a token each
};

double sum(const Vector& x) {
  double total = 0;
  for (const double value : x) total += value;
  return total;
}

double weighted_mean(const Vector& x) {
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) total += static_cast<double>(i + 1) * x[i];
  return total / 21;
}

struct Mode {
  const char* name;
  const char* flag;
  double (*pooled)(const Vector&);
};

const Mode kModes[] = {
    {"cls", "pooling_mode_cls_token", [](const Vector& x) { return x.front(); }},
    {"max", "pooling_mode_max_tokens",
     [](const Vector& x) { return *std::max_element(x.begin(), x.end()); }},
    {"mean", "pooling_mode_mean_tokens", [](const Vector& x) { return sum(x) / 6; }},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens",
     [](const Vector& x) { return sum(x) / std::sqrt(6.0); }},
    {"weightedmean", "pooling_mode_weightedmean_tokens", weighted_mean},
    {"lasttoken", "pooling_mode_lasttoken", [](const Vector& x) { return x.back(); }},
};

TEST_F(ModulesTest, AStopEndsAPassBetweenLayers) {
  StopSource stop;
  std::vector<std::string> stages;
  const auto hook = [&](const std::string& stage, const tensor::mx::array&) {
    stages.push_back(stage);
    if (stage == "layer.0") stop.request_stop();
  };
  const auto model = Model::load(model_);
  message_of(
      [&] {
        model->encode({{0, 9, 2}, {0, 3}}, {}, stop.get_token(), hook);
      },
      ErrorCode::kCancelled);
  EXPECT_EQ(stages, (std::vector<std::string>{"embedded", "layer.0"}));
}

TEST_F(ModulesTest, WithoutModulesVectorsAreThoseOfBgeM3) {
  const Vector vector = dense();
  expect_near(vector, unit(of_columns(kModes[0].pooled)));
}

TEST_F(ModulesTest, EveryPoolingModeIsRunInBothSpellings) {
  write_modules({"Transformer", "Pooling"});
  for (const Mode& mode : kModes) {
    SCOPED_TRACE(mode.name);
    write("1_Pooling/config.json", {{"pooling_mode", mode.name}, {"embedding_dimension", kWidth}});
    const Vector vector = dense();
    expect_near(vector, of_columns(mode.pooled));  // no Normalize: as long as it is
    json flags{{"word_embedding_dimension", kWidth}};
    for (const Mode& other : kModes) flags[other.flag] = other.flag == mode.flag;
    write("1_Pooling/config.json", flags);
    EXPECT_EQ(dense(), vector);
  }
}

TEST_F(ModulesTest, SeveralPoolingModesArePutTogether) {
  write_modules({"Transformer", "Pooling", "Normalize"});
  write("1_Pooling/config.json", {{"pooling_mode", {"lasttoken", "mean"}}});
  const Vector vector = dense();
  Vector expected = of_columns(kModes[5].pooled);
  for (const double value : of_columns(kModes[2].pooled)) expected.push_back(value);
  expect_near(vector, unit(expected));
  EXPECT_EQ(Config::load(model_).dense_size(), 2 * kWidth);
}

TEST_F(ModulesTest, PoolingThatOkoDoesNotKnowIsNamed) {
  write("1_Pooling/config.json", {{"pooling_mode", "attention"}});
  expect_refused("pooling_mode is \"attention\"");
  write("1_Pooling/config.json", {{"pooling_mode_attention", true}});
  expect_refused("pooling_mode_attention");
  write("1_Pooling/config.json", {{"word_embedding_dimension", kWidth / 2}});
  expect_refused("word_embedding_dimension is 64");
}

TEST_F(ModulesTest, MissingPoolingSettingsHaveTheDefaultsOfSentenceTransformers) {
  write_modules({"Transformer", "Pooling"});
  write("1_Pooling/config.json", json::object());
  const Vector vector = dense();
  expect_near(vector, of_columns(kModes[2].pooled));
  EXPECT_TRUE(Config::load(model_).modules.include_prompt);
  write("1_Pooling/config.json", {{"include_prompt", false}});
  EXPECT_FALSE(Config::load(model_).modules.include_prompt);
}

TEST_F(ModulesTest, ADenseLayerIsRun) {
  write_modules({"Transformer", "Pooling", "Dense", "Normalize"});
  write("1_Pooling/config.json", {{"pooling_mode", "mean"}});
  write("2_Dense/config.json", {{"in_features", kWidth}, {"out_features", 3}});  // Tanh
  std::vector<float> weight(3 * kWidth), bias{0.1f, -0.2f, 0.3f};
  for (std::size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<float>(i * 7919 % 201) / 1000 - 0.1f;
  }
  checkpoint::SafetensorsWriter writer(model_ / "2_Dense/model.safetensors",
                                       {{"linear.weight", checkpoint::Dtype::kFloat32, {3, kWidth}},
                                        {"linear.bias", checkpoint::Dtype::kFloat32, {3}}});
  writer.write(0, 0, std::as_bytes(std::span(weight)));
  writer.write(1, 0, std::as_bytes(std::span(bias)));
  writer.finish();
  const Vector vector = dense();
  const Vector mean = of_columns(kModes[2].pooled);
  Vector expected;
  for (std::size_t i = 0; i < 3; ++i) {
    double x = bias[i];
    for (std::size_t j = 0; j < kWidth; ++j) x += double{weight[i * kWidth + j]} * mean[j];
    expected.push_back(std::tanh(x));
  }
  expect_near(vector, unit(expected));
  EXPECT_EQ(Config::load(model_).dense_size(), 3);

  write_modules({"Transformer", "Pooling", "Dense", "Dense"});
  write("3_Dense/config.json", {{"in_features", kWidth}, {"out_features", 2}});
  expect_refused("in_features is 128, oko expects 3");
  write_modules({"Transformer", "Pooling", "Dense", "Normalize"});

  write("2_Dense/config.json",
        {{"in_features", kWidth}, {"out_features", 3}, {"activation_function", "my.Function"}});
  expect_refused("my.Function");
  write("2_Dense/config.json", {{"in_features", 99}, {"out_features", 3}});
  expect_refused("in_features is 99");
  write("2_Dense/config.json", {{"in_features", kWidth}, {"out_features", 4}});
  expect_refused("linear.weight");
}

TEST_F(ModulesTest, OtherModulesAreNamed) {
  write("1_Pooling/config.json", {{"pooling_mode", "mean"}});
  write_modules({"Transformer", "Pooling", "LayerNorm"});
  expect_refused("module LayerNorm");
  write_modules({"Transformer", "SpladePooling"});
  expect_refused("Transformer, SpladePooling");
  write("modules.json", json::array({{{"path", ""}, {"type", "my.Transformer"}}}));
  expect_refused("my.Transformer");
  write("modules.json", json::object());
  expect_refused("holds an object, oko expects a list of modules");
}

TEST_F(ModulesTest, ModulesElsewhereOrOfSomethingElseAreRefused) {
  const auto modules = [](const std::string& encoder, const std::string& pooling) {
    return json::array({{{"path", encoder}, {"type", "sentence_transformers.models.Transformer"}},
                        {{"path", pooling}, {"type", "sentence_transformers.models.Pooling"}}});
  };
  write("1_Pooling/config.json", {{"pooling_mode", "mean"}});
  write("modules.json", modules("", "../model/1_Pooling"));
  expect_refused("path is \"../model/1_Pooling\"");
  write("modules.json", modules("", (model_ / "1_Pooling").string()));
  expect_refused("a folder of the model");
  write("modules.json", modules("0_Transformer", "1_Pooling"));
  expect_refused("a folder of its own, 0_Transformer");
  write_modules({"Transformer", "Pooling", "Normalize"});
  write("2_Normalize/config.json", {{"module_input_name", "token_embeddings"}});
  expect_refused("module_input_name is \"token_embeddings\"");
}

TEST_F(ModulesTest, SettingsOfTheEncoderAreReadByAnyOfItsNames) {
  EXPECT_EQ(Config::load(model_).max_tokens(), 512);
  write("tokenizer_config.json", {{"model_max_length", 40}});
  EXPECT_EQ(Config::load(model_).max_tokens(), 40);
  write("sentence_roberta_config.json", {{"max_seq_length", 20}, {"do_lower_case", true}});
  const Config config = Config::load(model_);
  EXPECT_EQ(config.max_tokens(), 20);
  EXPECT_TRUE(config.modules.do_lower_case);
  write("sentence_bert_config.json", {{"max_seq_length", 1'000}});
  EXPECT_EQ(Config::load(model_).max_tokens(), 512);  // no more than there are positions
  for (const json& wrong : {json(1), json("true")}) {
    write("sentence_bert_config.json", {{"do_lower_case", wrong}});
    expect_refused("do_lower_case is " + wrong.dump() + ", oko expects true or false");
  }
  write("sentence_bert_config.json", {{"transformer_task", "fill-mask"}});
  expect_refused("transformer_task is \"fill-mask\"");
  write("sentence_bert_config.json", {{"tokenizer_args", {{"use_fast", false}}}});
  expect_refused("tokenizer_args");
}

TEST_F(ModulesTest, TheDefaultPromptMustBeThere) {
  const char* name = "config_sentence_transformers.json";
  write(name, {{"prompts", {{"query", "query: "}}}, {"default_prompt_name", nullptr}});
  EXPECT_EQ(Config::load(model_).modules.prompt, "");
  write(name, {{"prompts", {{"query", "query: "}}}, {"default_prompt_name", "query"}});
  EXPECT_EQ(Config::load(model_).modules.prompt, "query: ");
  EXPECT_EQ(Config::load(model_).modules.passage_prompt, "query: ") << "the default";
  write(name, {{"prompts", {{"query", "q: "}, {"passage", "p: "}, {"document", ""}}}});
  EXPECT_EQ(Config::load(model_).modules.prompt, "");
  EXPECT_EQ(Config::load(model_).modules.query_prompt, "q: ");
  EXPECT_EQ(Config::load(model_).modules.passage_prompt, "p: ");
  write(name, {{"prompts", {{"document", "d: "}, {"passage", "p: "}}}});
  EXPECT_EQ(Config::load(model_).modules.query_prompt, "");
  EXPECT_EQ(Config::load(model_).modules.passage_prompt, "d: ");
  write(name, {{"default_prompt_name", "document"}});
  EXPECT_EQ(Config::load(model_).modules.prompt, "");
  write(name, {{"prompts", {{"query", {"query: "}}}}, {"default_prompt_name", "query"}});
  expect_refused("prompts.query is a list, oko expects a text");
  write(name, {{"default_prompt_name", "none"}});
  expect_refused("default_prompt_name is \"none\"");
  write(name, {{"model_type", "CrossEncoder"}});
  expect_refused("CrossEncoder");
}

TEST_F(ModulesTest, ModelsOfAnotherTaskAreNamed) {
  change_config({{"architectures", {"XLMRobertaForSequenceClassification"}}});
  expect_refused("a classifier (a reranker is one)");
  change_config({{"architectures", {"XLMRobertaForMaskedLM"}}});
  expect_refused("a language model");
  // sentence-transformers runs its encoder if modules.json says so.
  write_modules({"Transformer", "Pooling"});
  write("1_Pooling/config.json", {{"pooling_mode", "mean"}});
  EXPECT_EQ(dense().size(), static_cast<std::size_t>(kWidth));
  change_config({{"is_decoder", true}});
  expect_refused("is_decoder");
}

TEST_F(ModulesTest, AnAdapterIsRefusedByName) {
  write("adapter_config.json", json::object());
  expect_refused("adapter_config.json");
}

TEST_F(ModulesTest, HintOfABadConfigNamesEncoders) {
  change_config({{"position_embedding_type", "rotary"}});
  try {
    Model::load(model_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("BGE-M3"),
              std::string::npos)
        << error.hint();
  }
}

}  // namespace
}  // namespace oko::models::bge_m3
