#include "tensor/linear.h"

#include <mlx/mlx.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/localized_text.h"
#include "checkpoint/safetensors_writer.h"
#include "tensor/device.h"
#include "tests/support/weight_files.h"
#include "tests/tensor/numbers.h"

namespace oko::tensor {
namespace {

constexpr int kOutputs = 50;
constexpr int kInputs = 192;
constexpr double kOneRounding = 0x1p-22;  // of scale * code + bias in f32, with or without FMA

/// `array` as a tensor of a file.
TestTensor tensor_of(std::string name, mx::array array) {
  array = mx::contiguous(array);
  array.eval();
  const char* dtype = array.dtype() == mx::float32    ? "F32"
                      : array.dtype() == mx::float16  ? "F16"
                      : array.dtype() == mx::bfloat16 ? "BF16"
                                                      : "U32";
  return {std::move(name), dtype,
          std::vector<std::int64_t>(array.shape().begin(), array.shape().end()),
          std::string(array.data<char>(), array.nbytes())};
}

mx::array random_array(mx::Shape shape, std::uint32_t seed, mx::Dtype dtype = mx::float32) {
  std::size_t size = 1;
  for (const auto dimension : shape) size *= static_cast<std::size_t>(dimension);
  const std::vector<float> values = noise(size, seed);
  return mx::astype(mx::array(values.data(), std::move(shape), mx::float32), dtype);
}

std::vector<float> floats_of(const mx::array& array) {
  mx::array plain = mx::contiguous(mx::astype(array, mx::float32));
  plain.eval();
  return std::vector<float>(plain.data<float>(), plain.data<float>() + plain.size());
}

/// A layer quantized by MLX, and its values, computed without rounding to the dtype of the scales.
struct Quantized {
  Quantized(int bits, int group_size, mx::Dtype dtype, std::uint32_t seed) {
    parts = mx::quantize(random_array({kOutputs, kInputs}, seed, dtype), group_size, bits);
    values = floats_of(mx::dequantize(parts[0], mx::astype(parts[1], mx::float32),
                                      mx::astype(parts[2], mx::float32), group_size, bits));
    const std::vector<float> biases = floats_of(parts[2]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float bias = std::fabs(biases[i / static_cast<std::size_t>(group_size)]);
      magnitudes.push_back(std::fabs(values[i]) + 2 * bias);
    }
  }
  void add_to(std::vector<TestTensor>& tensors, const std::string& name) const {
    tensors.push_back(tensor_of(name + ".weight", parts[0]));
    tensors.push_back(tensor_of(name + ".scales", parts[1]));
    tensors.push_back(tensor_of(name + ".biases", parts[2]));
  }
  std::vector<mx::array> parts;
  std::vector<float> values;
  std::vector<float> magnitudes;  ///< |scale * code| + |bias| is at most this
};

class LinearTest : public ::testing::Test {
 protected:
  void SetUp() override {
    prepare_device({.device = Device::kCpu, .precision = cpu::Precision::kFloat32});
  }

  Linear load(const std::string& quantization, std::int64_t outputs = kOutputs,
              std::int64_t inputs = kInputs, std::size_t shift = 0) {
    folder_.write("model.safetensors", safetensors_file(tensors_, shift));
    const auto config = QuantizationConfig::parse(
        nlohmann::json{{"quantization", nlohmann::json::parse(quantization)}}, "config.json");
    return Linear::load(Weights::open(folder_.path()), "layer", outputs, inputs, config);
  }

  void expect_refused(const std::string& quantization, const std::vector<std::string>& parts,
                      std::int64_t inputs = kInputs) {
    expect_bad_model([&] { load(quantization, kOutputs, inputs); }, parts);
  }

  std::vector<TestTensor> tensors_;
  TemporaryFolder folder_;
};

/// layer(x) against the product in f64, and embed(ids) against the rows.
void expect_layer(const Linear& layer, const std::vector<float>& weight,
                  const std::vector<float>& magnitudes, const std::vector<float>& bias,
                  double embed_error) {
  for (const int m : {1, 3, 40}) {
    const mx::array x = random_array({m, kInputs}, 20);
    const std::vector<float> in = floats_of(x);
    const mx::array y = layer(x);
    ASSERT_EQ(y.shape(), (mx::Shape{m, kOutputs}));
    ASSERT_EQ(y.dtype(), mx::float32);
    const std::vector<float> out = floats_of(y);
    for (std::size_t at = 0; at < out.size(); ++at) {
      const std::size_t i = at / kOutputs, r = at % kOutputs;
      double sum = bias.empty() ? 0.0 : bias[r], magnitude = std::fabs(sum);
      for (std::size_t k = 0; k < kInputs; ++k) {
        sum += double{in[i * kInputs + k]} * weight[r * kInputs + k];
        magnitude += std::fabs(double{in[i * kInputs + k]} * magnitudes[r * kInputs + k]);
      }
      ASSERT_NEAR(out[at], sum, rounding_bound(kInputs + 3, magnitude))
          << m << ": " << i << ", " << r;
    }
  }
  const std::vector<int> ids{0, 49, 7, 7};
  const std::vector<float> rows = floats_of(layer.embed(mx::array(ids.data(), {4}, mx::int32)));
  ASSERT_EQ(rows.size(), ids.size() * kInputs);
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const std::size_t from = static_cast<std::size_t>(ids[at / kInputs]) * kInputs + at % kInputs;
    ASSERT_NEAR(rows[at], weight[from], embed_error * magnitudes[from]) << at;
  }
}

std::vector<float> absolute(std::vector<float> values) {
  for (float& value : values) value = std::fabs(value);
  return values;
}

TEST_F(LinearTest, DenseLayersOfEveryDtypeMultiplyAndEmbed) {
  for (const mx::Dtype dtype : {mx::float32, mx::float16, mx::bfloat16}) {
    const mx::array weight = random_array({kOutputs, kInputs}, 1, dtype);
    const mx::array bias = random_array({kOutputs}, 2, dtype);
    tensors_ = {tensor_of("layer.weight", weight), tensor_of("layer.bias", bias)};
    const Linear layer = load("null");
    EXPECT_EQ(layer.dtype(), dtype);
    expect_layer(layer, floats_of(weight), absolute(floats_of(weight)), floats_of(bias), 0.0);
    tensors_.pop_back();
    expect_layer(load("null"), floats_of(weight), absolute(floats_of(weight)), {}, 0.0);
  }
}

TEST_F(LinearTest, LayerFromArraysEqualsTheLoadedOne) {
  const mx::array weight = random_array({kOutputs, kInputs}, 1);
  const mx::array bias = random_array({kOutputs}, 2);
  expect_layer(Linear(weight, bias), floats_of(weight), absolute(floats_of(weight)),
               floats_of(bias), 0.0);
}

TEST_F(LinearTest, WeightsThatMlxQuantizedMultiplyAndEmbedAsMlxReadsThem) {
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group_size : {32, 64}) {
      for (const mx::Dtype dtype : {mx::float32, mx::float16, mx::bfloat16}) {
        SCOPED_TRACE(::testing::Message() << bits << " bits, groups of " << group_size);
        const Quantized quantized(bits, group_size, dtype, 3);
        const mx::array bias = random_array({kOutputs}, 4, mx::bfloat16);
        tensors_ = {tensor_of("layer.bias", bias)};
        quantized.add_to(tensors_, "layer");
        const Linear layer =
            load(fmt::format(R"({{"bits":{},"group_size":{}}})", bits, group_size));
        EXPECT_EQ(layer.dtype(), dtype);
        expect_layer(layer, quantized.values, quantized.magnitudes, floats_of(bias), kOneRounding);
      }
    }
  }
}

TEST_F(LinearTest, MisalignedWeightsGiveTheSameBits) {
  const std::vector<int> ids{0, 49, 7, 7};
  for (const int bits : {0, 4, 8}) {
    for (const mx::Dtype dtype : {mx::float32, mx::float16, mx::bfloat16}) {
      tensors_ = {tensor_of("layer.bias", random_array({kOutputs}, 4, dtype))};
      if (bits == 0) {
        tensors_.push_back(tensor_of("layer.weight", random_array({kOutputs, kInputs}, 1, dtype)));
      } else {
        Quantized(bits, 64, dtype, 3).add_to(tensors_, "layer");
      }
      const std::string config =
          bits == 0 ? "null" : fmt::format(R"({{"bits":{},"group_size":64}})", bits);
      std::vector<std::vector<float>> first;
      for (std::size_t shift = 0; shift < 8; ++shift) {
        SCOPED_TRACE(::testing::Message() << bits << " bits, shifted by " << shift);
        Linear layer = load(config, kOutputs, kInputs, shift);
        std::vector<std::vector<float>> results{
            floats_of(layer.embed(mx::array(ids.data(), {4}, mx::int32))),
            floats_of(layer.slice_rows(3, 20)(random_array({2, kInputs}, 20)))};
        for (const auto precision :
             {cpu::Precision::kInt16Activations, cpu::Precision::kInt8Activations}) {
          prepare_device();  // each layer at its own precision
          layer.set_precision(precision);
          for (const int m : {1, 8, 40}) {
            results.push_back(floats_of(layer(random_array({m, kInputs}, 21))));
          }
        }
        prepare_device({.precision = cpu::Precision::kFloat32});
        for (const int m : {1, 40}) {
          results.push_back(floats_of(layer(random_array({m, kInputs}, 22))));
        }
        if (shift == 0) first = results;
        EXPECT_EQ(results, first);
      }
    }
  }
}

TEST_F(LinearTest, WidenedCodesCountAsMemory) {
  const auto beyond = [&](int bits) {
    tensors_.clear();
    Quantized(bits, 64, mx::float16, 3).add_to(tensors_, "layer");
    folder_.write("model.safetensors", safetensors_file(tensors_));
    folder_.write("config.json", fmt::format(R"({{"quantization":{{"bits":{}}}}})", bits));
    return Weights::bytes_beyond_disk(folder_.path());
  };
  constexpr std::uint64_t kCodes = kOutputs * kInputs;
  EXPECT_EQ(beyond(4), 0u);
  EXPECT_EQ(beyond(8), 0u);
  EXPECT_EQ(beyond(3), kCodes / 2);
  EXPECT_EQ(beyond(6), kCodes);
}

TEST_F(LinearTest, ExceptionsOfTheConfigAreHonoured) {
  const Quantized eight(8, 32, mx::bfloat16, 5);
  eight.add_to(tensors_, "layer");
  const Linear layer = load(R"({"bits":4,"group_size":64,"layer":{"bits":8,"group_size":32}})");
  expect_layer(layer, eight.values, eight.magnitudes, {}, kOneRounding);

  const mx::array dense = random_array({kOutputs, kInputs}, 6, mx::bfloat16);
  tensors_ = {tensor_of("layer.weight", dense)};
  const Linear left_dense = load(R"({"bits":4,"group_size":64,"layer":false})");
  expect_layer(left_dense, floats_of(dense), absolute(floats_of(dense)), {}, 0.0);
  // MLX writes no scales for layers that it could not quantize, and does not note it in the config.
  expect_layer(load(R"({"bits":4,"group_size":64})"), floats_of(dense), absolute(floats_of(dense)),
               {}, 0.0);
}

TEST_F(LinearTest, MissingPartsAreNamed) {
  const Quantized quantized(4, 64, mx::bfloat16, 7);
  const std::string config = R"({"bits":4,"group_size":64})";
  expect_refused(config, {"layer.weight is missing"});
  tensors_ = {tensor_of("layer.weight", quantized.parts[0])};
  expect_refused(config, {"layer.weight", "[50, 24]", "[50, 192]"});
  tensors_.push_back(tensor_of("layer.scales", quantized.parts[1]));
  expect_refused(config, {"layer.biases is missing"});
}

TEST_F(LinearTest, ShapesThatDisagreeWithTheConfigAreRefused) {
  const Quantized quantized(4, 64, mx::bfloat16, 8);
  quantized.add_to(tensors_, "layer");
  expect_refused(R"({"bits":8,"group_size":64})", {"layer.weight", "[50, 24]", "[50, 48]"});
  expect_refused(R"({"bits":4,"group_size":32})", {"layer.scales", "[50, 3]", "[50, 6]"});
  expect_refused(R"({"bits":4,"group_size":128})", {"192", "128"});
  expect_refused(R"({"bits":4,"group_size":64})", {"[50, 24]", "[50, 16]"}, 128);
  expect_refused("null", {"layer layer is quantized", "config.json does not say how"});
  tensors_ = {tensor_of("layer.weight", random_array({kOutputs, kInputs}, 9)),
              tensor_of("layer.bias", random_array({kOutputs + 1}, 9))};
  expect_refused("null", {"layer.bias", "[51]", "[50]"});
}

TEST_F(LinearTest, DtypesThatDoNotFitTheirPlaceAreRefused) {
  const Quantized quantized(4, 64, mx::bfloat16, 10);
  const std::string config = R"({"bits":4,"group_size":64})";
  const auto tensors = [&](mx::Dtype weight, mx::Dtype scales, mx::Dtype biases) {
    tensors_ = {tensor_of("layer.weight", mx::astype(quantized.parts[0], weight)),
                tensor_of("layer.scales", mx::astype(quantized.parts[1], scales)),
                tensor_of("layer.biases", mx::astype(quantized.parts[2], biases))};
  };
  tensors(mx::float32, mx::bfloat16, mx::bfloat16);
  expect_refused(config, {"layer.weight", "dtype"});
  tensors(mx::uint32, mx::uint32, mx::uint32);
  expect_refused(config, {"layer.scales", "dtype"});
  tensors(mx::uint32, mx::bfloat16, mx::float32);
  expect_refused(config, {"layer.biases", "dtype"});
  tensors_ = {tensor_of("layer.weight", mx::zeros({kOutputs, kInputs}, mx::uint32))};
  expect_refused("null", {"layer.weight", "dtype"});
}

TEST_F(LinearTest, WeightsAreReadWhereTheyLieWithoutACopy) {
  // Two tensors, so that each is a part of the mapped file only; written aligned, as models are.
  const mx::array weight = random_array({2'000, 1'000}, 1, mx::bfloat16);
  const TestTensor bytes = tensor_of("layer.weight", weight);
  checkpoint::SafetensorsWriter writer(
      folder_.path() / "model.safetensors",
      {{"layer.weight", checkpoint::Dtype::kBfloat16, {2'000, 1'000}},
       {"other.weight", checkpoint::Dtype::kBfloat16, {2'000, 1'000}}});
  for (const std::size_t tensor : {0u, 1u}) {
    writer.write(tensor, 0, std::as_bytes(std::span(bytes.bytes)));
  }
  writer.finish();
  const Linear layer =
      Linear::load(Weights::open(folder_.path()), "layer", 2'000, 1'000, QuantizationConfig());
  mx::array x = random_array({1, 1'000}, 2);
  mx::eval(x);
  mx::clear_cache();
  mx::reset_peak_memory();
  const std::size_t before = mx::get_active_memory();
  mx::array y = layer(x);
  y.eval();
  EXPECT_LT(mx::get_peak_memory() - before, 100'000u) << "the weight has 4,000,000 bytes";
}

TEST_F(LinearTest, InputsMayBeSlicesAndHalves) {
  const mx::array weight = random_array({kOutputs, kInputs}, 11);
  tensors_ = {tensor_of("layer.weight", weight)};
  const Linear layer = load("null");
  const mx::array wide = random_array({6, 2 * kInputs}, 12, mx::bfloat16);
  const mx::array slice = mx::slice(wide, {1, kInputs}, {6, 2 * kInputs});
  const std::vector<float> out = floats_of(layer(slice));
  const std::vector<float> expected =
      floats_of(mx::matmul(mx::astype(slice, mx::float32), mx::transpose(weight)));
  ASSERT_EQ(out.size(), expected.size());
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 1e-4);
}

}  // namespace
}  // namespace oko::tensor
