#include "tensor/weights.h"

#include <mlx/mlx.h>

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/localized_text.h"
#include "checkpoint/model_part.h"
#include "tensor/device.h"
#include "tests/support/weight_files.h"

namespace oko::tensor {
namespace {

class WeightsTest : public ::testing::Test {
 protected:
  void SetUp() override { select_device(Device::kCpu); }

  Weights open() const { return Weights::open(folder_.path()); }

  TemporaryFolder folder_;
};

template <typename T>
std::vector<T> values_of(const mx::array& array) {
  return std::vector<T>(array.data<T>(), array.data<T>() + array.size());
}

TestTensor floats(std::string name, const std::vector<float>& values) {
  return {std::move(name), "F32", {static_cast<std::int64_t>(values.size())}, bytes_of(values)};
}

constexpr const char* kIndex = "model.safetensors.index.json";

TEST_F(WeightsTest, TensorsOfEveryDtypeHaveTheirValues) {
  folder_.write(
      "model.safetensors",
      safetensors_file({{"f32", "F32", {2, 2}, bytes_of<float>({1.5f, -2.0f, 3e30f, -0.0f})},
                        {"f16", "F16", {3}, bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x0001})},
                        {"bf16", "BF16", {3}, bytes_of<std::uint16_t>({0x3F80, 0xC000, 0x7F80})},
                        {"u32", "U32", {2}, bytes_of<std::uint32_t>({0, 4'294'967'295})},
                        {"i32", "I32", {2}, bytes_of<std::int32_t>({-1, 2'147'483'647})},
                        {"scalar", "F32", {}, bytes_of<float>({7.0f})},
                        {"u8", "U8", {1, 3}, bytes_of<std::uint8_t>({0, 128, 255})}}));
  const Weights weights = open();
  const mx::array f32 = weights.get("f32");
  EXPECT_EQ(f32.dtype(), mx::float32);
  EXPECT_EQ(f32.shape(), (mx::Shape{2, 2}));
  EXPECT_EQ(values_of<float>(f32), (std::vector<float>{1.5f, -2.0f, 3e30f, -0.0f}));
  const auto as_floats = [&](const char* name) {
    mx::array array = mx::astype(weights.get(name), mx::float32);
    array.eval();
    return values_of<float>(array);
  };
  EXPECT_EQ(weights.get("f16").dtype(), mx::float16);
  EXPECT_EQ(as_floats("f16"), (std::vector<float>{1.0f, -2.0f, 0x1p-24f}));
  EXPECT_EQ(weights.get("bf16").dtype(), mx::bfloat16);
  EXPECT_EQ(as_floats("bf16"),
            (std::vector<float>{1.0f, -2.0f, std::numeric_limits<float>::infinity()}));
  EXPECT_EQ(values_of<std::uint32_t>(weights.get("u32")),
            (std::vector<std::uint32_t>{0, 4'294'967'295}));
  EXPECT_EQ(values_of<std::int32_t>(weights.get("i32")),
            (std::vector<std::int32_t>{-1, 2'147'483'647}));
  EXPECT_EQ(weights.get("scalar").shape(), mx::Shape{});
  EXPECT_EQ(weights.get("scalar").item<float>(), 7.0f);
  EXPECT_EQ(values_of<std::uint8_t>(weights.get("u8")), (std::vector<std::uint8_t>{0, 128, 255}));
  EXPECT_EQ(Weights::bytes_on_disk(folder_.path()),
            std::filesystem::file_size(folder_.path() / "model.safetensors"));
}

TEST_F(WeightsTest, TensorsAtEveryOffsetHaveTheirValues) {
  const std::vector<float> expected{1.0f, -2.5f, 3.25f};
  const std::vector<std::uint16_t> halves{0x3F80, 0xC000, 0x4040};
  for (std::size_t padding = 0; padding < 16; ++padding) {
    folder_.write("model.safetensors", safetensors_file({floats("a", expected),
                                                         {"byte", "U8", {1}, "x"},
                                                         {"halves", "BF16", {3}, bytes_of(halves)},
                                                         floats("last", expected)},
                                                        padding));
    const Weights weights = open();
    for (const char* name : {"a", "last", "halves"}) {
      const mx::array array = weights.get(name);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data<void>()) % array.itemsize(), 0u);
    }
    EXPECT_EQ(values_of<float>(weights.get("a")), expected) << padding;
    EXPECT_EQ(values_of<float>(weights.get("last")), expected) << padding;
    EXPECT_EQ(weights.get("byte").item<std::uint8_t>(), 'x') << padding;
    mx::array half = mx::astype(weights.get("halves"), mx::float32);
    half.eval();
    EXPECT_EQ(values_of<float>(half), (std::vector<float>{1.0f, -2.0f, 3.0f})) << padding;
  }
}

TEST_F(WeightsTest, AGraphInFloat16GetsTheSameNumbers) {
  // One, the last that fits, the next below one, and float16's smallest number.
  const std::vector<std::uint16_t> numbers{0x3F80, 0xC77F, 0x3F7F, 0x3380};
  const std::vector<float> values{1.0f, -65280.0f, 0.99609375f, 0x1p-24f};
  select_device(Device::kGraphOnCpu, HalfDtype::kFloat16);
  for (const std::size_t padding : {0u, 1u}) {  // aligned in one of them
    folder_.write("model.safetensors",
                  safetensors_file({{"a", "BF16", {2, 2}, bytes_of(numbers)}}, padding));
    const Weights weights = open();
    EXPECT_EQ(weights.copied_bytes(), 8u);
    for (const mx::array& array : {weights.get("a"), weights.matrix("a", {2, 2})}) {
      EXPECT_EQ(array.dtype(), mx::float16);
      mx::array full = mx::astype(array, mx::float32);
      full.eval();
      EXPECT_EQ(values_of<float>(full), values);
    }
  }
}

TEST_F(WeightsTest, ANumberThatFloat16CannotHoldIsNamed) {
  folder_.write("model.safetensors",
                safetensors_file({{"large", "BF16", {1}, bytes_of<std::uint16_t>({0x4780})}}));
  select_device(Device::kGraphOnCpu, HalfDtype::kFloat16);
  const Error error = error_of([&] { open().get("large"); });
  EXPECT_EQ(error.code(), ErrorCode::kBadModel);
  EXPECT_NE(std::string(error.what()).find("tensor large has a number above 65504"),
            std::string::npos)
      << error.what();
  EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("OKO_DTYPE"),
            std::string::npos);
}

TEST_F(WeightsTest, BuffersOfAnyLimitHoldTheSameTensorsAndSeparateTheParts) {
  constexpr std::uint64_t kPage = MappedFile::kHeaderBytes;
  std::vector<TestTensor> tensors;
  std::map<std::string, std::vector<float>> expected;
  for (int i = 0; i < 12; ++i) {
    const std::string name = (i < 8 ? "language_model." : "vision_tower.") + std::to_string(i);
    std::vector<float> values(4'000 + 1'000 * static_cast<std::size_t>(i));
    std::iota(values.begin(), values.end(), 1e5f * static_cast<float>(i));
    tensors.push_back(floats(name, values));
    expected.emplace(name, std::move(values));
  }
  std::size_t padding = 0;
  do {
    folder_.write("model.safetensors", safetensors_file(tensors, padding++));
  } while (open().copied_bytes() > 0);
  const std::uint64_t size = Weights::bytes_on_disk(folder_.path());
  for (const WindowLimits limits :
       {WindowLimits{size, false}, {size, true}, {8 * kPage, false}, {8 * kPage, true}}) {
    SCOPED_TRACE(::testing::Message() << limits.max_bytes << ' ' << limits.split_parts);
    const Weights weights = Weights::open(folder_.path(), limits);
    std::map<const void*, checkpoint::ModelPart> part_of_buffer;
    for (const auto& [name, values] : expected) {
      const mx::array array = weights.get(name);
      EXPECT_EQ(values_of<float>(array), values) << name;
      const void* buffer = array.data_shared_ptr()->buffer().ptr();
      const auto [known, is_new] = part_of_buffer.emplace(buffer, checkpoint::part_of(name));
      EXPECT_TRUE(known->second == checkpoint::part_of(name) || !limits.split_parts) << name;
      // MLX may share or copy a buffer, depending on the size that it reads.
      mx::array whole = mx::contiguous(array);
      whole.eval();
      EXPECT_EQ(values_of<float>(whole), values) << name;
    }
    const std::size_t least = (size + limits.max_bytes - 1) / limits.max_bytes;
    EXPECT_GE(part_of_buffer.size(), least);
    EXPECT_TRUE(limits.max_bytes < size || part_of_buffer.size() == (limits.split_parts ? 2U : 1U));
  }
  expect_bad_model(
      [&] {
        Weights::open(folder_.path(), {kPage, false});
      },
      {"model.safetensors", "one buffer of this machine holds 16 kB"});
}

TEST_F(WeightsTest, ListsNamesAndShapesWithoutReadingData) {
  folder_.write("model.safetensors", safetensors_file({{"a", "U8", {2, 3}, std::string(6, 'a')}}));
  const Weights weights = open();
  EXPECT_TRUE(weights.contains("a"));
  EXPECT_FALSE(weights.contains("b"));
  EXPECT_EQ(weights.shape("a"), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(weights.shape("b"), std::nullopt);
  EXPECT_EQ(weights.get("a", {2, 3}).shape(), (mx::Shape{2, 3}));
}

TEST_F(WeightsTest, MissingTensorAndWrongShapeNameTheNumbers) {
  folder_.write("model.safetensors", safetensors_file({{"a", "U8", {2, 3}, std::string(6, 'a')}}));
  const Weights weights = open();
  const std::string path = folder_.path().string();
  expect_bad_model([&] { weights.get("b"); }, {path + ": tensor b is missing"});
  expect_bad_model([&] { weights.get("b", {1}); }, {"tensor b is missing"});
  expect_bad_model(
      [&] {
        weights.get("a", {3, 2});
      },
      {path + ": tensor a has shape [2, 3], the config asks for [3, 2]"});
  expect_bad_model([&] { weights.get("a", {6}); }, {"[2, 3]", "[6]"});
}

TEST_F(WeightsTest, ShardsOfAnIndexAreOneModel) {
  folder_.write("one.safetensors", safetensors_file({floats("a", {1.0f})}));
  folder_.write("two.safetensors", safetensors_file({floats("b", {2.0f}), floats("c", {3.0f})}));
  folder_.write(kIndex, R"({"metadata":{"total_size":12},"weight_map":{"a":"one.safetensors",
                            "b":"two.safetensors","c":"two.safetensors"}})");
  const Weights weights = open();
  EXPECT_EQ(weights.get("a").item<float>(), 1.0f);
  EXPECT_EQ(weights.get("b").item<float>(), 2.0f);
  EXPECT_EQ(weights.get("c").item<float>(), 3.0f);
}

TEST_F(WeightsTest, MissingOrDamagedShardIsNamed) {
  folder_.write("one.safetensors", safetensors_file({floats("a", {1.0f})}));
  folder_.write(kIndex, R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  expect_bad_model([&] { open(); }, {"two.safetensors"});
  folder_.write("two.safetensors", "");
  expect_bad_model([&] { open(); }, {"two.safetensors", "empty"});
  folder_.write("two.safetensors", "1234567");
  expect_bad_model([&] { open(); }, {"two.safetensors", "7 bytes"});
}

TEST_F(WeightsTest, ShardOutsideTheModelFolderIsRefused) {
  folder_.write("one.safetensors", safetensors_file({floats("a", {1.0f})}));
  for (const char* shard : {R"("../one.safetensors")", R"("/etc/passwd")",
                            R"("x\\one.safetensors")", R"("")", R"("..")", "7", "null", "[]"}) {
    SCOPED_TRACE(shard);
    folder_.write(kIndex, fmt::format(R"({{"weight_map":{{"a":{}}}}})", shard));
    expect_bad_model([&] { open(); }, {kIndex, "weight_map: a is ", "the name of a file"});
  }
}

TEST_F(WeightsTest, IndexWithoutAWeightMapIsRefused) {
  const std::vector<std::pair<const char*, const char*>> indexes{
      {"", "is not JSON"},
      {"{", "is not JSON"},
      {"[]", "holds a list, oko expects an object"},
      {"{}", "has no weight_map"},
      {R"({"weight_map":[]})", "weight_map is a list"},
      {R"({"weight_map":null})", "weight_map is null"}};
  for (const auto& [index, message] : indexes) {
    SCOPED_TRACE(index);
    folder_.write(kIndex, index);
    expect_bad_model([&] { open(); }, {kIndex, message});
  }
}

TEST_F(WeightsTest, TensorInTwoShardsIsRefused) {
  folder_.write("one.safetensors", safetensors_file({floats("a", {1.0f}), floats("b", {1.0f})}));
  folder_.write("two.safetensors", safetensors_file({floats("b", {2.0f})}));
  folder_.write(kIndex, R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  expect_bad_model([&] { open(); }, {"two.safetensors", "tensor b"});
}

TEST_F(WeightsTest, TensorsThatNoLayerAsksForDoNoHarm) {
  folder_.write("model.safetensors", safetensors_file({floats("a", {1.0f, 2.0f}),
                                                       {"mask", "BOOL", {3}, "abc"},
                                                       {"empty", "F32", {0}, ""},
                                                       {"small", "F4", {4}, "ab"}}));
  const Weights weights = open();
  EXPECT_EQ(values_of<float>(weights.get("a")), (std::vector<float>{1.0f, 2.0f}));
  EXPECT_FALSE(weights.contains("empty"));
  expect_bad_model([&] { weights.get("mask", {3}); }, {"tensor mask", "type BOOL"});
}

TEST_F(WeightsTest, LayersOfOtherProgramsAreNamedAndNotCalledDamaged) {
  folder_.write("model.safetensors", safetensors_file({{"q.qweight", "I32", {1}, "abcd"},
                                                       {"p.weight_packed", "I32", {1}, "abcd"},
                                                       {"b.weight", "U8", {4}, "abcd"},
                                                       {"b.weight.absmax", "U8", {1}, "a"},
                                                       {"f.weight", "F8_E4M3", {2, 2}, "abcd"}}));
  const Weights weights = open();
  const auto expect_named = [&](const char* tensor, const std::vector<std::string>& parts) {
    const Error error = error_of([&] { weights.matrix(tensor, {2, 2}); });
    expect_bad_model([&] { weights.get(tensor, {2, 2}); }, parts);
    EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("oko convert"),
              std::string::npos)
        << error.hint();
  };
  expect_named("q.weight", {"layer q", "GPTQ, AWQ"});
  expect_named("p.weight", {"layer p", "compressed-tensors"});
  expect_named("b.weight", {"layer b", "bitsandbytes"});
  expect_named("f.weight", {"tensor f.weight", "F8_E4M3"});
}

TEST_F(WeightsTest, APointerOfGitLfsIsNamed) {
  folder_.write("model.safetensors",
                "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 34\n");
  const Error error = error_of([&] { open(); });
  EXPECT_NE(std::string(error.what()).find("pointer of git-lfs"), std::string::npos);
  EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("git lfs pull"),
            std::string::npos)
      << error.hint();
}

TEST_F(WeightsTest, FolderWithoutAModelIsRefused) {
  expect_bad_model([&] { open(); }, {folder_.path().string(), "model.safetensors"});
  expect_bad_model([&] { Weights::open(folder_.path() / "none"); }, {"none"});
  folder_.write("file", "x");
  expect_bad_model([&] { Weights::open(folder_.path() / "file"); }, {"file"});
  expect_bad_model([&] { Weights::open(std::string(5000, 'a')); }, {"aaa"});
}

TEST_F(WeightsTest, MessagesFollowTheLanguage) {
  expect_bad_model([&] { open(); }, {"нет ни model.safetensors"});
}

TEST_F(WeightsTest, ArraysOutliveTheWeights) {
  folder_.write("model.safetensors", safetensors_file({floats("a", {1.0f, 2.0f, 3.0f})}));
  const auto load = [&] { return open().get("a"); };
  const mx::array a = load();
  std::filesystem::remove(folder_.path() / "model.safetensors");
  EXPECT_EQ(values_of<float>(a), (std::vector<float>{1.0f, 2.0f, 3.0f}));
  mx::array sum = mx::sum(a);
  EXPECT_EQ(sum.item<float>(), 6.0f);
}

/// Writes a file of `size` data bytes, all zero, without holding them: the file is a hole.
void write_hole(const std::filesystem::path& path, const std::string& header, std::uint64_t size) {
  const std::string start = safetensors_file(header, "");
  std::ofstream(path, std::ios::binary).write(start.data(), std::ssize(start));
  std::filesystem::resize_file(path, start.size() + size);
}

/// Kilobytes of this process's private memory, without mapped files; nothing if the system does not
/// tell.
std::optional<long> anonymous_kilobytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Anonymous:")) return std::stol(line.substr(10));
  }
  return std::nullopt;
}

TEST_F(WeightsTest, MappingAndReadingTwoHundredMegabytesCostsNoPrivateMemory) {
  constexpr std::uint64_t kSize = 200'000'000;
  write_hole(folder_.path() / "model.safetensors",
             R"({"a":{"dtype":"F32","shape":[25000000],"data_offsets":[0,100000000]},)"
             R"("b":{"dtype":"BF16","shape":[50000,1000],"data_offsets":[100000000,200000000]}})",
             kSize);
  open().get("a", {25'000'000});  // MLX starts its threads
  const std::optional<long> before = anonymous_kilobytes();
  if (!before) GTEST_SKIP() << "this system has no /proc/self/smaps_rollup";
  const Weights weights = open();
  int sum = 0;
  for (const char* name : {"a", "b"}) {
    const mx::array array = weights.get(name);
    ASSERT_EQ(array.nbytes(), kSize / 2);
    const auto* bytes = array.data<std::uint8_t>();
    for (std::size_t i = 0; i < array.nbytes(); i += 4096) sum += bytes[i];
  }
  EXPECT_EQ(sum, 0);
  EXPECT_LT(anonymous_kilobytes().value_or(0) - *before, 5'000);
}

TEST_F(WeightsTest, TensorsTooLargeForMlxAreRefused) {
  const auto expect_too_large = [&](const char* header, std::uint64_t size) {
    write_hole(folder_.path() / "model.safetensors", header, size);
    expect_bad_model([&] { open().get("a"); }, {"too large for MLX"});
  };
  expect_too_large(R"({"a":{"dtype":"U8","shape":[2,2147483647],"data_offsets":[0,4294967294]}})",
                   4'294'967'294);
  expect_too_large(R"({"a":{"dtype":"U8","shape":[2147483647],"data_offsets":[0,2147483647]}})",
                   2'147'483'647);
}

}  // namespace
}  // namespace oko::tensor
