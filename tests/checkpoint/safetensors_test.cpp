#include "checkpoint/safetensors.h"

#include <span>

#include "base/localized_text.h"
#include "tests/support/weight_files.h"

namespace oko::checkpoint {
namespace {

class SafetensorsTest : public ::testing::Test {
 protected:
};

TensorTable parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), file.size(), "m.safetensors");
}

/// A file of 16 bytes of data with this header.
std::string file_of(const std::string& header) {
  return safetensors_file(header, std::string(16, 'x'));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"({{"dtype":"{}","shape":{},"data_offsets":{}}})", dtype, shape, offsets);
}

void expect_refused(const std::string& file, std::vector<std::string> parts) {
  parts.push_back("m.safetensors: ");
  expect_bad_model([&] { parse(file); }, parts);
}

/// A file with one tensor "t" of this description.
std::string file_with(std::string_view description) {
  return file_of(fmt::format(R"({{"t":{}}})", description));
}

/// Expects that a tensor "t" is refused with these words.
void expect_tensor_refused(const std::string& description, std::vector<std::string> parts) {
  parts.push_back("tensor t");
  expect_refused(file_with(description), parts);
}

std::string nested(std::string_view open, std::string_view middle, std::string_view close) {
  constexpr std::size_t kDepth = 1'000'000;
  std::string text;
  for (std::size_t i = 0; i < kDepth; ++i) text += open;
  text += middle;
  for (std::size_t i = 0; i < kDepth; ++i) text += close;
  return text;
}

TEST_F(SafetensorsTest, ValidFileIsReadRight) {
  const std::string file = safetensors_file({{"a", "F32", {2, 3}, std::string(24, 'a')},
                                             {"b.c", "BF16", {5}, std::string(10, 'b')},
                                             {"s", "F32", {}, std::string(4, 's')},
                                             {"h", "F16", {1, 1, 2}, std::string(4, 'h')},
                                             {"u", "U32", {1}, std::string(4, 'u')},
                                             {"i", "I32", {1}, std::string(4, 'i')},
                                             {"8", "U8", {3}, std::string(3, '8')}});
  const TensorTable tensors = parse(file);
  ASSERT_EQ(tensors.size(), 7u);
  const std::uint64_t data = file.size() - 53;
  EXPECT_EQ(tensors.at("a").dtype, Dtype::kFloat32);
  EXPECT_EQ(tensors.at("a").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(tensors.at("a").offset, data);
  EXPECT_EQ(tensors.at("a").size, 24u);
  EXPECT_EQ(tensors.at("b.c").dtype, Dtype::kBfloat16);
  EXPECT_EQ(tensors.at("b.c").offset, data + 24);
  EXPECT_EQ(tensors.at("s").shape, std::vector<std::int64_t>{});
  EXPECT_EQ(tensors.at("s").size, 4u);
  EXPECT_EQ(tensors.at("h").dtype, Dtype::kFloat16);
  EXPECT_EQ(tensors.at("u").dtype, Dtype::kUint32);
  EXPECT_EQ(tensors.at("i").dtype, Dtype::kInt32);
  EXPECT_EQ(tensors.at("8").dtype, Dtype::kUint8);
  for (const auto& [name, info] : tensors) {
    EXPECT_EQ(static_cast<char>(file[info.offset]), name == "b.c" ? 'b' : name[0]);
  }
}

TEST_F(SafetensorsTest, NamesOfDtypesAreThoseOfTheFormat) {
  EXPECT_EQ(safetensors_name(Dtype::kBfloat16), "BF16");
  EXPECT_EQ(safetensors_name(Dtype::kUint8), "U8");
  EXPECT_EQ(size_of(Dtype::kBfloat16), 2u);
  EXPECT_EQ(size_of(Dtype::kUint32), 4u);
}

TEST_F(SafetensorsTest, MetadataIsNoTensorAndMayHoldAnything) {
  EXPECT_TRUE(parse(file_of(R"({"__metadata__":{"format":"pt","data_offsets":"x"}})")).empty());
  EXPECT_TRUE(parse(file_of(R"({"__metadata__":7})")).empty());
  EXPECT_TRUE(parse(file_of("{}")).empty());
}

TEST_F(SafetensorsTest, HeaderAloneIsEnoughToReadALargeFile) {
  const std::string file = safetensors_file({{"a", "U8", {1000}, std::string(1000, 'a')}});
  const auto header = std::as_bytes(std::span(file)).first(file.size() - 1000);
  EXPECT_EQ(parse_safetensors(header, file.size(), "m").at("a").size, 1000u);
}

TEST_F(SafetensorsTest, FilesOfLessThanEightBytesAreRefused) {
  expect_refused("", {"0 bytes"});
  expect_refused(std::string(7, '\0'), {"7 bytes"});
}

TEST_F(SafetensorsTest, HeaderLengthBeyondTheFileIsRefused) {
  std::string file = file_of("{}");
  file[4] = 1;  // 4 GB
  expect_refused(file, {"4.3 GB", "26 B"});
  expect_refused(std::string(8, '\xFF') + "{}", {"the file has 10 B"});
  expect_refused(std::string(8, '\0'), {"not a JSON object"});
}

TEST_F(SafetensorsTest, HeaderOverTheLimitIsRefusedBeforeItIsRead) {
  std::string file(8, '\0');
  file[3] = 4;  // 67 MB
  const auto parse_large = [&] {
    parse_safetensors(std::as_bytes(std::span(file)), 1'000'000'000, "m.safetensors");
  };
  expect_bad_model(parse_large, {"67 MB", "8 MB"});
}

TEST_F(SafetensorsTest, HeaderThatIsNoObjectIsRefused) {
  for (const char* header : {"", " ", "[]", "null", "7", "\"t\"", "{", "{\"t\":", "{}x", "{'t':1}",
                             "\xFF\xFE", "{\"\xC3(\":1}"}) {
    SCOPED_TRACE(header);
    expect_refused(file_of(header), {"not a JSON object"});
  }
}

TEST_F(SafetensorsTest, NameGivenTwiceIsRefused) {
  const std::string four = entry("F32", "[1]", "[0,4]");
  expect_refused(file_of(fmt::format(R"({{"t":{0},"u":{0},"t":{0}}})", four)),
                 {"names a tensor twice"});
}

TEST_F(SafetensorsTest, DimensionsOutsideTheRangeAreRefused) {
  for (const char* bad :
       {"-1", "-9223372036854775808", "1.5", "4.0", "1e30", "2147483648", "18446744073709551615",
        "18446744073709551616", "\"4\"", "null", "true", "[4]", "{}"}) {
    SCOPED_TRACE(bad);
    expect_tensor_refused(entry("F32", fmt::format("[{}]", bad), "[0,16]"),
                          {"dimension", "not in 0..2147483647"});
  }
  expect_tensor_refused(entry("F32", "[4,0]", "[0,16]"), {"needs 0 bytes"});
  expect_tensor_refused(entry("F32", "[-4]", "[0,16]"), {"dimension -4 "});
}

TEST_F(SafetensorsTest, ProductThatWrapsIsRefused) {
  // 2^30 * 2^30 * 16 * 4 bytes = 2^66: 0 in 64 bits, and so would match no data at all.
  expect_tensor_refused(entry("F32", "[1073741824,1073741824,16]", "[0,0]"), {"too large"});
  expect_tensor_refused(entry("F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]"), {"9 dimensions"});
}

TEST_F(SafetensorsTest, OffsetsThatAreReversedOrOutsideAreRefused) {
  expect_tensor_refused(entry("F32", "[2]", "[8,0]"), {"bytes 8..0", "16 bytes"});
  expect_refused(file_with(entry("F32", "[4]", "[4,20]")), {"20 B", "16 B"});
  expect_refused(file_with(entry("F32", "[4]", "[0,18446744073709551615]")), {"the file has 16 B"});
  for (const char* bad : {"[0]", "[]", "[0,8,16]", "[-8,8]", "[0.0,16.0]", "\"0,16\"", "{}",
                          "[0,\"16\"]", "[null,16]"}) {
    SCOPED_TRACE(bad);
    expect_tensor_refused(entry("F32", "[4]", bad), {"data_offsets"});
  }
}

TEST_F(SafetensorsTest, SizeThatDoesNotMatchTheShapeIsRefused) {
  expect_tensor_refused(entry("F32", "[4]", "[0,12]"), {"16 bytes", "12"});
  expect_tensor_refused(entry("BF16", "[4]", "[0,16]"), {"8 bytes", "16"});
  expect_tensor_refused(entry("F32", "[]", "[0,8]"), {"4 bytes", "8"});
}

TEST_F(SafetensorsTest, TensorsThatOverlapAreRefused) {
  const auto two = [](const char* shape, const char* offsets) {
    return file_of(fmt::format(R"({{"a":{},"b":{}}})", entry("F32", "[2]", "[0,8]"),
                               entry("F32", shape, offsets)));
  };
  expect_refused(two("[2]", "[4,12]"), {"tensor b", "overlaps a"});
  expect_refused(two("[2]", "[0,8]"), {"overlaps"});
  expect_refused(two("[1]", "[4,8]"), {"overlaps"});
  EXPECT_EQ(parse(two("[2]", "[8,16]")).size(), 2u);
}

TEST_F(SafetensorsTest, OtherDtypesKeepTheirNames) {
  for (const char* dtype : {"F64", "U64", "BOOL", "F8_E4M3", "F4", "f32", ""}) {
    const TensorInfo info = parse(file_with(entry(dtype, "[2]", "[0,16]"))).at("t");
    EXPECT_EQ(info.dtype, Dtype::kOther);
    EXPECT_EQ(info.other_dtype, dtype);
    EXPECT_EQ(info.size, 16u);
  }
  expect_refused(file_with(entry("F8_E4M3", "[2]", "[0,20]")), {"20 B", "16 B"});
}

TEST_F(SafetensorsTest, TensorsWithoutElementsAreLeftOut) {
  EXPECT_TRUE(parse(file_with(entry("F32", "[4,0]", "[0,0]"))).empty());
  EXPECT_TRUE(parse(file_with(entry("BOOL", "[0]", "[16,16]"))).empty());
}

TEST_F(SafetensorsTest, MissingAndMistypedFieldsAreRefused) {
  expect_tensor_refused("7", {"not described"});
  expect_tensor_refused("null", {"not described"});
  expect_tensor_refused(R"({"shape":[4],"data_offsets":[0,16]})", {"dtype"});
  expect_tensor_refused(R"({"dtype":4,"shape":[4],"data_offsets":[0,16]})", {"dtype"});
  expect_tensor_refused(R"({"dtype":"F32","data_offsets":[0,16]})", {"shape"});
  expect_tensor_refused(R"({"dtype":"F32","shape":4,"data_offsets":[0,16]})", {"shape"});
  expect_tensor_refused(R"({"dtype":"F32","shape":[4]})", {"data_offsets"});
}

TEST_F(SafetensorsTest, DeeplyNestedHeadersAreRefused) {
  const auto expect_too_deep = [](const std::string& value) {
    expect_refused(file_with(value), {"nested too deeply"});
  };
  expect_refused(file_of(nested("[", "", "")), {"not a JSON object"});
  expect_refused(file_of(nested("[", "", "]")), {"not a JSON object"});
  expect_too_deep(nested("[", "", "]"));
  expect_too_deep(nested(R"({"t":)", "1", "}"));
  expect_too_deep(entry("F32", nested("[", "", "]"), "[0,16]"));
  expect_too_deep(entry("F32", "[4]", nested("[", "", "]")));
}

TEST_F(SafetensorsTest, LimitsLengthOfMessages) {
  const std::string large(1'000'000, 'y');
  const auto length = [](const std::string& file) {
    return std::string_view(error_of([&] { parse(file); }).what()).size();
  };
  EXPECT_LT(length(file_of(fmt::format(R"({{"{}":7}})", large))), 1000u);
  EXPECT_LT(parse(file_with(entry(large, "[4]", "[0,16]"))).at("t").other_dtype.size(), 1000u);
  EXPECT_LT(length(file_with(entry("F32", fmt::format(R"(["{}"])", large), "[0,16]"))), 1000u);
}

TEST_F(SafetensorsTest, InterruptedDownloadNamesBothSizes) {
  std::string file = safetensors_file({{"a", "U8", {3'000'000}, std::string(3'000'000, 'a')}});
  file.resize(file.size() - 1'000'000);
  expect_refused(file, {"header says 3 MB of tensors, the file has 2 MB"});
}

TEST_F(SafetensorsTest, MessagesFollowTheLanguage) {
  expect_refused(file_with(entry("F32", "[4]", "[0,12]")),
                 {"тензор t", "форма требует 16 байт, заголовок даёт 12"});
}

}  // namespace
}  // namespace oko::checkpoint
