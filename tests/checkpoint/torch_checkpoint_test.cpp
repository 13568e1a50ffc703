#include "checkpoint/torch_checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "tests/checkpoint/torch_files.h"
#include "tests/support/weight_files.h"

namespace oko::checkpoint {
namespace {

using namespace torch_files;

class TorchCheckpointTest : public ::testing::Test {
 protected:
};

const std::filesystem::path kData = OKO_TEST_DATA;

std::string read_fixture(const std::string& name) {
  return read_file(kData / "torch" / (name + ".pt"), 1'000'000, ErrorCode::kFailed);
}

TensorTable parse_torch(const std::string& file) {
  return parse_torch_checkpoint(std::as_bytes(std::span(file)), "m.bin");
}

void expect_torch_refused(const std::string& file, std::vector<std::string> parts) {
  parts.push_back("m.bin: ");
  expect_bad_model([&] { parse_torch(file); }, parts);
}

void expect_fixture_refused(const std::string& name, const std::vector<std::string>& parts) {
  SCOPED_TRACE(name);
  expect_torch_refused(read_fixture(name), parts);
}

/// Expects that a tensor "t" is refused with these words.
void expect_torch_tensor_refused(const Tensor& tensor, std::vector<std::string> parts) {
  parts.push_back("tensor t");
  expect_torch_refused(checkpoint_of(tensor), parts);
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Values that PyTorch wrote.

TEST_F(TorchCheckpointTest, FilesOfPyTorchAreReadToTheLastByte) {
  const nlohmann::json expected = read_json_object(kData / "torch.json", ErrorCode::kFailed);
  ASSERT_EQ(expected.size(), 7u);
  for (const auto& [fixture, tensors] : expected.items()) {
    SCOPED_TRACE(fixture);
    const std::string file = read_fixture(fixture);
    const TensorTable table = parse_torch(file);
    EXPECT_EQ(table.size(), tensors.size());
    for (const auto& [name, tensor] : tensors.items()) {
      SCOPED_TRACE(name);
      ASSERT_TRUE(table.contains(name));
      const TensorInfo& info = table.at(name);
      EXPECT_EQ(safetensors_name(info.dtype), tensor["dtype"].get<std::string>());
      EXPECT_EQ(info.shape, tensor["shape"].get<std::vector<std::int64_t>>());
      EXPECT_EQ(hexadecimal(std::string_view(file).substr(info.offset, info.size)),
                tensor["bytes"].get<std::string>());
    }
  }
}

TEST_F(TorchCheckpointTest, TypesThatOkoDoesNotReadAreLeftOut) {
  const TensorTable table = parse_torch(read_fixture("dtypes"));
  EXPECT_EQ(table.size(), 6u);
  EXPECT_EQ(table.at("scalar").shape, std::vector<std::int64_t>{});
  for (const char* name : {"position_ids", "double", "short", "flag", "complex", "empty"}) {
    EXPECT_FALSE(table.contains(name)) << name;
  }
  EXPECT_EQ(parse_torch(read_fixture("others")).size(), 1u);
}

TEST_F(TorchCheckpointTest, TiedTensorsShareTheirBytes) {
  const TensorTable table = parse_torch(read_fixture("shared"));
  EXPECT_EQ(table.at("tied").offset, table.at("base").offset);
  EXPECT_EQ(table.at("tail").offset, table.at("base").offset + 32);
  EXPECT_EQ(table.at("odd").offset, table.at("base").offset + 16);
}

TEST_F(TorchCheckpointTest, TensorsThatAreNotContiguousAreRefusedByName) {
  expect_fixture_refused("transposed", {"tensor layer.weight", "not contiguous", "stride"});
  expect_fixture_refused("expanded", {"tensor layer.weight", "not contiguous"});
  expect_fixture_refused("negated", {"tensor layer.weight", "changes its values"});
}

TEST_F(TorchCheckpointTest, OtherThanAStateDictIsRefused) {
  expect_fixture_refused("nested", {"deeper", "\"state_dict\""});
  expect_fixture_refused("tensor", {"one tensor"});
  expect_fixture_refused("list", {"dictionary"});
  expect_torch_refused(checkpoint(pickle("N")), {"dictionary"});
}

TEST_F(TorchCheckpointTest, OldFormatIsNamed) {
  expect_fixture_refused("legacy", {"before version 1.6"});
  expect_fixture_refused("legacy4", {"before version 1.6"});
}

// Other files under a checkpoint's name.

TEST_F(TorchCheckpointTest, OtherFormatsAreNamed) {
  expect_torch_refused("", {"empty"});
  expect_torch_refused("\x1f\x8b\x08 whatever", {"gzip"});
  expect_torch_refused("\n <!DOCTYPE html>\n<html>", {"web page"});
  expect_torch_refused("<html><body>404</body></html>", {"web page"});
  expect_torch_refused("version https://git-lfs.github.com/spec/v1\noid sha256:00", {"git-lfs"});
  expect_torch_refused(safetensors_file({{"a", "F32", {1}, "abcd"}}), {"safetensors"});
  expect_torch_refused(pickle("}"), {"pickle"});
  expect_torch_refused("hello", {"not a PyTorch checkpoint"});
  expect_torch_refused(zip_file({{"word/document.xml", "<w/>"}}), {"without data.pkl"});
  expect_torch_refused(zip_file({{"data.pkl", pickle("}")}}), {"without data.pkl"});
  expect_torch_refused(zip_file({{"a/b/data.pkl", pickle("}")}}), {"without data.pkl"});
  expect_torch_refused(zip_file({}), {"without data.pkl"});
}

TEST_F(TorchCheckpointTest, MessagesFollowTheLanguage) {
  expect_torch_refused("\x1f\x8b\x08 whatever", {"сжат gzip"});
  expect_torch_refused(checkpoint(pickle(global("os", "system") + tuple({text("true")}) + "R")),
                       {"требует os.system"});
}

TEST_F(TorchCheckpointTest, LimitsLengthOfMessagesAndEscapesThem) {
  const auto message = [](const std::string& file) {
    return std::string(error_of([&] { parse_torch(file); }).what());
  };
  const std::string escape = "\x1b[2J\xFF";
  for (const std::string& file :
       {checkpoint(pickle(global(escape, std::string(200, 'y')))),
        checkpoint(pickle(global(std::string(1000, 'y'), "z"))),
        checkpoint(pickle(dict({{escape + std::string(900, 'y'), pickled({})}}))),
        checkpoint(pickle(dict({{"t", pickled({.key = escape + std::string(5000, 'y')})}}))),
        checkpoint(pickle(dict({{escape, dict({{"t", pickled({})}})}}))),
        zip_file({{escape + std::string(60'000, 'y'), "", 8}})}) {
    const std::string words = message(file);
    EXPECT_LT(words.size(), 600u);
    EXPECT_EQ(words.find('\x1b'), std::string::npos) << words;
    EXPECT_EQ(words.find('\xFF'), std::string::npos) << words;
  }
}

// Zip archives.

TEST_F(TorchCheckpointTest, HandMadeArchiveIsRead) {
  const std::string file = checkpoint_of({});
  const TensorTable table = parse_torch(file);
  ASSERT_EQ(table.size(), 1u);
  EXPECT_EQ(table.at("t").size, 48u);
  EXPECT_EQ(file.substr(table.at("t").offset, 48), std::string(48, 'a'));
}

TEST_F(TorchCheckpointTest, Zip64NumbersAreRead) {
  auto files = items(pickle(dict({{"t", pickled({})}})));
  for (ZipItem& item : files) item.zip64 = true;
  EXPECT_EQ(parse_torch(zip_file(files, {.zip64 = true})).at("t").size, 48u);
  EXPECT_EQ(parse_torch(zip_file(files)).at("t").size, 48u);
  EXPECT_EQ(parse_torch(zip_file(files, {.comment = "written by hand, PK\5\6"})).at("t").size, 48u);
  expect_torch_refused(zip_file(files, {.zip64 = true, .zip64_entries = 4}), {"contradict"});
  // More than 32 bits: the real archives of this kind are too large to commit.
  files[2].size = std::uint64_t{1} << 40;
  expect_torch_refused(zip_file(files, {.zip64 = true}),
                       {"m/data/0", "1099511627776 bytes", "do not fit"});
}

TEST_F(TorchCheckpointTest, SizesNearTheLimitOfTheirTypesAreRefused) {
  for (const std::uint64_t huge : {~std::uint64_t{0}, std::uint64_t{1} << 63,
                                   (std::uint64_t{1} << 63) - 1, ~std::uint64_t{0} - 100}) {
    auto files = items(pickle(dict({{"t", pickled({})}})));
    for (ZipItem& item : files) item.zip64 = true;
    files[2].size = huge;
    expect_torch_refused(zip_file(files), {"m/data/0", "do not fit"});
    files[2].size.reset();
    files[2].local_header = huge;
    expect_torch_refused(zip_file(files), {"m/data/0"});
    const auto plain = items(pickle("}"));
    expect_torch_refused(zip_file(plain, {.zip64 = true, .offset = huge}), {"lies outside"});
    expect_torch_refused(zip_file(plain, {.zip64 = true, .size = huge}), {"lies outside"});
    expect_torch_refused(zip_file(plain, {.zip64 = true, .entries = huge}), {"entries, the limit"});
  }
}

TEST_F(TorchCheckpointTest, EntriesThatAreNotPlainAreRefused) {
  auto files = items(pickle("}"));
  const auto with = [&](const auto& change) {
    auto changed = files;
    change(changed[2]);
    return zip_file(changed);
  };
  expect_torch_refused(with([](ZipItem& item) { item.method = 8; }), {"m/data/0", "compressed"});
  expect_torch_refused(with([](ZipItem& item) { item.flags = 1; }), {"m/data/0", "encrypted"});
  expect_torch_refused(with([](ZipItem& item) { item.name = "m/data/1"; }), {"m/data/1", "twice"});
  expect_torch_refused(with([](ZipItem& item) { item.name = "m/byteorder"; }),
                       {"m/byteorder", "twice"});
  expect_torch_refused(with([](ZipItem& item) { item.local_name = "m/data/x"; }),
                       {"m/data/0", "header"});
  expect_torch_refused(with([](ZipItem& item) { item.local_name = "m"; }), {"m/data/0", "header"});
  expect_torch_refused(with([](ZipItem& item) { item.size = 1'000'000; }),
                       {"m/data/0", "do not fit"});
  expect_torch_refused(with([](ZipItem& item) { item.size = 60; }), {"overlap"});
  expect_torch_refused(with([](ZipItem& item) { item.local_header = 1; }),
                       {"m/data/0", "nothing at 1"});
  expect_torch_refused(with([](ZipItem& item) { item.local_header = 0; }), {"m/data/0", "header"});
  expect_torch_refused(with([](ZipItem& item) { item.local_header = 0xFFFFFFFE; }), {"m/data/0"});
  expect_torch_refused(with([](ZipItem& item) { item.name = "n/data.pkl"; }), {"two pickles"});
}

TEST_F(TorchCheckpointTest, DirectoriesThatAreWrongAreRefused) {
  const auto files = items(pickle("}"));
  const std::string whole = zip_file(files);
  expect_torch_refused(whole.substr(0, whole.size() - 1), {"end of the zip archive is missing"});
  expect_torch_refused(whole.substr(0, 100), {"end of the zip archive is missing"});
  expect_torch_refused(whole + "x", {"end of the zip archive is missing"});
  expect_torch_refused(zip_file(files, {.entries = 4}), {"bytes more than its 4 entries"});
  expect_torch_refused(zip_file(files, {.entries = 6}), {"zip ends in the middle"});
  expect_torch_refused(zip_file(files, {.more_directory = "extra"}), {"5 bytes more"});
  expect_torch_refused(zip_file(files, {.offset = 0}), {"directory is damaged"});
  expect_torch_refused(zip_file(files, {.offset = 100'000}), {"lies outside"});
  expect_torch_refused(zip_file(files, {.size = 100'000}), {"lies outside"});
  expect_torch_refused(
      zip_file(files, {.zip64 = true, .entries = 0xFFFF, .zip64_entries = 100'001}),
      {"100001 entries", "100000"});
}

TEST_F(TorchCheckpointTest, BigEndianFilesAreRefused) {
  auto files = items(pickle(dict({{"t", pickled({})}})));
  files[1].data = "big";
  expect_torch_refused(zip_file(files), {"big-endian"});
  files.erase(files.begin() + 1);  // older versions do not say
  EXPECT_EQ(parse_torch(zip_file(files)).size(), 1u);
}

// Tensors.

TEST_F(TorchCheckpointTest, TensorOutsideItsStorageIsRefused) {
  EXPECT_EQ(parse_torch(checkpoint_of({.first = 8, .shape = {4}, .strides = {1}})).at("t").size,
            16u);
  expect_torch_tensor_refused({.first = 9, .shape = {4}, .strides = {1}},
                              {"outside", "48 bytes", "[4]"});
  expect_torch_tensor_refused({.first = 1}, {"outside"});
  expect_torch_tensor_refused({.first = -1}, {"not described"});
  expect_torch_tensor_refused({.first = INT64_MAX}, {"outside"});
  expect_torch_tensor_refused({.first = std::int64_t{1} << 62}, {"outside"});
  expect_torch_tensor_refused({.shape = {4, 4}}, {"outside"});
  Tensor bytes{.type = "ByteStorage", .elements = 48, .shape = {48}, .strides = {1}};
  EXPECT_EQ(parse_torch(checkpoint_of(bytes)).at("t").size, 48u);
  bytes.first = 1;
  expect_torch_tensor_refused(bytes, {"outside"});
  // 2^64 - 4 bytes from byte 4 on: the end wraps to 0.
  constexpr std::int64_t k = 715'827'883;
  expect_torch_tensor_refused(
      {.first = 1, .shape = {3, k, INT32_MAX}, .strides = {k * INT32_MAX, INT32_MAX, 1}},
      {"outside"});
  expect_torch_tensor_refused({.shape = {INT32_MAX}, .strides = {1}}, {"outside"});
}

TEST_F(TorchCheckpointTest, StorageOfAnotherSizeThanItsEntryIsRefused) {
  expect_torch_tensor_refused({.elements = 11}, {"11 elements of 4 bytes", "48 bytes"});
  expect_torch_tensor_refused({.elements = 13}, {"13 elements"});
  expect_torch_tensor_refused({.elements = -12}, {"not described"});
  expect_torch_tensor_refused({.elements = INT64_MAX}, {"48 bytes"});
  // 4 * (2^62 + 12) wraps to 48.
  expect_torch_tensor_refused({.elements = (std::int64_t{1} << 62) + 12}, {"48 bytes"});
  expect_torch_tensor_refused({.type = "HalfStorage"}, {"12 elements of 2 bytes"});
  expect_torch_tensor_refused({.key = "1"}, {"16 bytes"});
  expect_torch_tensor_refused({.key = "2"}, {"no entry data/2"});
  expect_torch_tensor_refused({.key = "../data.pkl"}, {"no entry"});
}

TEST_F(TorchCheckpointTest, ShapesThatAreWrongAreRefused) {
  expect_torch_tensor_refused({.shape = {-3, 4}}, {"dimension -3"});
  expect_torch_tensor_refused({.shape = {std::int64_t{1} << 31}, .strides = {1}},
                              {"dimension 2147483648"});
  expect_torch_tensor_refused({.shape = {INT64_MIN}, .strides = {1}},
                              {"dimension -9223372036854775808"});
  expect_torch_tensor_refused({.shape = {3, 4}, .strides = {1}}, {"2 dimensions and 1 strides"});
  expect_torch_tensor_refused({.shape = {3, 4}, .strides = {4, 0}}, {"not contiguous"});
  expect_torch_tensor_refused({.shape = {3, 4}, .strides = {-4, 1}}, {"not contiguous"});
  expect_torch_tensor_refused({.shape = {3, 4}, .strides = {5, 1}}, {"not contiguous"});
  expect_torch_tensor_refused({.shape = std::vector<std::int64_t>(9, 1)}, {"9 dimensions"});
  constexpr std::int64_t k = 1 << 30;
  expect_torch_tensor_refused({.shape = {16, k, k}, .strides = {k * k, k, 1}}, {"too large"});
  EXPECT_TRUE(parse_torch(checkpoint_of({.shape = {0, 4}})).empty());
  EXPECT_EQ(parse_torch(checkpoint_of({.shape = {1, 12, 1}, .strides = {-7, 1, 99}})).size(), 1u);
}

TEST_F(TorchCheckpointTest, NamesThatAreWrongAreRefused) {
  const auto named = [](const std::string& name) {
    return checkpoint(pickle(dict({{name, pickled({})}})));
  };
  EXPECT_EQ(parse_torch(named("слой.weight")).count("слой.weight"), 1u);
  expect_torch_refused(named("\xC3("), {"name"});
  expect_torch_refused(named("\xED\xA0\x80"), {"name"});  // a surrogate
  expect_torch_refused(named("\xC0\x80"), {"name"});      // overlong
  expect_torch_refused(named(std::string(1001, 'n')), {"name"});
  expect_torch_refused(checkpoint(pickle("}" + integer(7) + pickled({}) + "s")), {"name"});
  expect_torch_refused(checkpoint(pickle(dict({{"t", pickled({})}, {"t", pickled({})}}))),
                       {"tensor t", "twice"});
}

TEST_F(TorchCheckpointTest, TensorsWithWrongArgumentsAreRefused) {
  const auto called = [](const std::vector<std::string>& arguments) {
    return checkpoint(pickle(
        dict({{"t", global("torch._utils", "_rebuild_tensor_v2") + tuple(arguments) + "R"}})));
  };
  const std::string held = storage({});
  const std::string shape = integers({12});
  const std::string strides = integers({1});
  EXPECT_EQ(parse_torch(called({held, integer(0), shape, strides})).size(), 1u);
  expect_torch_refused(called({}), {"tensor t", "not described"});
  expect_torch_refused(called({held, integer(0), shape}), {"tensor t", "not described"});
  expect_torch_refused(called({"N", integer(0), shape, strides}), {"tensor t", "storage"});
  expect_torch_refused(called({tuple({}) + "Q", integer(0), shape, strides}),
                       {"tensor t", "storage"});
  expect_torch_refused(called({held, "N", shape, strides}), {"tensor t", "storage"});
  expect_torch_refused(called({held, integer(0), "N", strides}), {"tensor t", "shape"});
  expect_torch_refused(called({held, integer(0), tuple({"N"}), strides}), {"tensor t", "shape"});
  expect_torch_refused(called({held, integer(0), shape, "]"}), {"tensor t", "shape"});
  expect_torch_refused(checkpoint(pickle(dict({{"t", parameter("N")}}))),
                       {"tensor t", "not described"});
  expect_torch_refused(checkpoint(pickle(dict({{"t", parameter(parameter("]"))}}))), {"tensor t"});
  EXPECT_EQ(parse_torch(checkpoint(pickle(dict({{"t", parameter(pickled({}))}})))).size(), 1u);
}

}  // namespace
}  // namespace oko::checkpoint
