#include "tensor/quantization.h"

#include <nlohmann/json.hpp>

#include "base/localized_text.h"
#include "tests/support/weight_files.h"

namespace oko::tensor {
namespace {

QuantizationConfig parse(const std::string& config) {
  return QuantizationConfig::parse(nlohmann::json::parse(config), "config.json");
}

void expect_refused(const std::string& config, const std::string& message) {
  expect_bad_model([&] { parse(config); }, {"config.json: ", message});
}

TEST(QuantizationTest, WithoutAnEntryLayersAreDense) {
  EXPECT_EQ(parse("{}").of_layer("any"), std::nullopt);
  EXPECT_EQ(parse(R"({"quantization":null})").of_layer("any"), std::nullopt);
}

TEST(QuantizationTest, DefaultIsThatOfMlx) {
  EXPECT_EQ(parse(R"({"quantization":{}})").of_layer("any"), (Quantization{4, 64}));
  EXPECT_EQ(parse(R"({"quantization":{"bits":8,"group_size":32,"mode":"affine"}})").of_layer("any"),
            (Quantization{8, 32}));
  EXPECT_EQ(parse(R"({"quantization_config":{"bits":8}})").of_layer("any"), (Quantization{8, 64}));
}

TEST(QuantizationTest, LayersHaveTheirExceptions) {
  const QuantizationConfig config = parse(R"({"quantization":{"bits":4,"group_size":128,
      "dense":false,"usual":true,"fine":{"bits":8,"group_size":32},"half":{"bits":8}}})");
  EXPECT_EQ(config.of_layer("other"), (Quantization{4, 128}));
  EXPECT_EQ(config.of_layer("dense"), std::nullopt);
  EXPECT_EQ(config.of_layer("usual"), (Quantization{4, 128}));
  EXPECT_EQ(config.of_layer("fine"), (Quantization{8, 32}));
  EXPECT_EQ(config.of_layer("half"), (Quantization{8, 128}));
}

TEST(QuantizationTest, RefusesFormatsWithoutAKernel) {
  expect_refused(R"({"quantization":{"bits":7}})", "7 bits");
  expect_refused(R"({"quantization":{"bits":-4}})", "-4 bits");
  expect_refused(R"({"quantization":{"bits":4294967300}})", "4294967300 bits");  // 2^32 + 4
  expect_refused(R"({"quantization":{"bits":18446744073709551612}})", "bits");   // -4 as signed
  expect_refused(R"({"quantization":{"group_size":16}})", "groups of 16");
  expect_refused(R"({"quantization":{"group_size":4294967360}})", "groups of 4294967360");
  expect_refused(R"({"quantization":{"mode":"mxfp4"}})", "mode \"mxfp4\"");
  expect_refused(R"({"quantization":{"layer":{"bits":9}}})", "9 bits");
  expect_refused(R"({"quantization":{"layer":{"mode":"nvfp4"}}})", "mode \"nvfp4\"");
}

TEST(QuantizationTest, TheQuantizationOfAnotherProgramIsNamed) {
  for (const char* method : {"fp8", "awq", "gptq", "bitsandbytes", "compressed-tensors"}) {
    const std::string settings = fmt::format(R"({{"quant_method":"{}","bits":4}})", method);
    const std::string named = fmt::format(R"(quant_method is "{}")", method);
    expect_refused(fmt::format(R"({{"quantization_config":{}}})", settings), named);
    expect_refused(fmt::format(R"({{"compression_config":{}}})", settings), named);
    expect_refused(fmt::format(R"({{"text_config":{{"quantization_config":{}}}}})", settings),
                   named);
  }
  // MLX's entry precedes that of the original weights.
  EXPECT_EQ(parse(R"({"quantization":{"bits":8},"quantization_config":{"quant_method":"fp8"}})")
                .of_layer("any"),
            (Quantization{8, 64}));
}

TEST(QuantizationTest, ValuesOfAWrongTypeAreRefused) {
  expect_refused(R"({"quantization":4})", "quantization is 4, oko expects an object");
  expect_refused(R"({"quantization":[]})", "quantization is a list");
  expect_refused(R"({"quantization":{"bits":"4"}})", "bits is \"4\", oko expects an integer");
  expect_refused(R"({"quantization":{"bits":4.0}})", "bits is 4.0, oko expects an integer");
  expect_refused(R"({"quantization":{"group_size":null}})", "group_size is null");
  expect_refused(R"({"quantization":{"mode":4}})", "mode 4");
  expect_refused(R"({"quantization":{"layers.0":"no"}})", "layers.0 is \"no\"");
}

TEST(QuantizationTest, ModeNestedWithoutEndIsRefused) {
  constexpr std::size_t kDepth = 500'000;
  std::string mode(kDepth, '[');
  mode.append(kDepth, ']');
  expect_refused(fmt::format(R"({{"quantization":{{"mode":{}}}}})", mode), "mode");
}

}  // namespace
}  // namespace oko::tensor
