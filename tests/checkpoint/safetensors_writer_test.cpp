#include "checkpoint/safetensors_writer.h"

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "tests/support/scratch_folder.h"

namespace oko::checkpoint {
namespace {

using SafetensorsWriterTest = ScratchFolderTest;

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
  return bytes;
}

const std::vector<TensorDeclaration> kTensors = {{"odd", Dtype::kUint8, {3}},
                                                 {"bf16", Dtype::kBfloat16, {3, 5}},
                                                 {"words", Dtype::kUint32, {7, 16}},
                                                 {"scalar", Dtype::kFloat32, {}},
                                                 {"wide", Dtype::kFloat32, {4, 16}}};

TEST_F(SafetensorsWriterTest, TensorsWrittenInAnyOrderAndInPiecesAreReadBack) {
  const auto path = folder_ / "model.safetensors";
  SafetensorsWriter writer(path, kTensors);
  for (const std::size_t i : {3, 1, 4, 0, 2}) {
    const auto bytes = pattern(byte_size(kTensors[i]), static_cast<unsigned>(i));
    const std::size_t half = bytes.size() / 2;
    writer.write(i, half, std::span(bytes).subspan(half));
    writer.write(i, 0, std::span(bytes).first(half));
  }
  writer.finish();

  const std::string file = read_file(path, 1'000'000, ErrorCode::kBadModel);
  EXPECT_EQ(file.size(), writer.file_size());
  const TensorTable table =
      parse_safetensors(std::as_bytes(std::span(file)), file.size(), "model.safetensors");
  ASSERT_EQ(table.size(), kTensors.size());
  for (std::size_t i = 0; i < kTensors.size(); ++i) {
    const TensorInfo& info = table.at(kTensors[i].name);
    EXPECT_EQ(info.dtype, kTensors[i].dtype);
    EXPECT_EQ(info.shape, kTensors[i].shape);
    const auto expected = pattern(byte_size(kTensors[i]), static_cast<unsigned>(i));
    ASSERT_EQ(info.size, expected.size());
    EXPECT_EQ(std::memcmp(file.data() + info.offset, expected.data(), expected.size()), 0);
  }
}

TEST_F(SafetensorsWriterTest, EveryTensorIsAlignedAndThereAreNoHoles) {
  const auto path = folder_ / "model.safetensors";
  SafetensorsWriter writer(path, kTensors);
  for (std::size_t i = 0; i < kTensors.size(); ++i) {
    writer.write(i, 0, pattern(byte_size(kTensors[i]), 0));
  }
  writer.finish();
  const std::string file = read_file(path, 1'000'000, ErrorCode::kBadModel);
  const TensorTable table =
      parse_safetensors(std::as_bytes(std::span(file)), file.size(), "model.safetensors");
  std::uint64_t first = file.size();
  std::uint64_t size = 0;
  for (const auto& [name, info] : table) {
    EXPECT_EQ(info.offset % size_of(info.dtype), 0U) << name;
    first = std::min(first, info.offset);
    size += info.size;
  }
  EXPECT_EQ(first % 64, 0U);
  EXPECT_EQ(first + size, file.size());
  EXPECT_EQ(table.at("wide").offset % 64, 0U);
  EXPECT_EQ(table.at("words").offset % 64, 0U);
}

TEST_F(SafetensorsWriterTest, UnfinishedFileLeavesNothing) {
  {
    SafetensorsWriter writer(folder_ / "model.safetensors", kTensors);
    writer.write(0, 0, pattern(3, 0));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SafetensorsWriterTest, FullDiskIsAnErrorThatNamesTheFileAndLeavesNothing) {
  const FileSizeLimit limit(4096);
  const std::vector<TensorDeclaration> tensors = {{"large", Dtype::kUint8, {100'000}}};
  const std::string message = message_of(
      [&] {
        SafetensorsWriter writer(folder_ / "model.safetensors", tensors);
        writer.write(0, 0, pattern(100'000, 0));
      },
      ErrorCode::kFailed);
  EXPECT_EQ(message, (folder_ / "model.safetensors").string() +
                         ": cannot be written (100 kB): File too large");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SafetensorsWriterTest, FolderThatIsMissingIsAnError) {
  const auto path = folder_ / "none" / "model.safetensors";
  const std::string message =
      message_of([&] { SafetensorsWriter(path, kTensors); }, ErrorCode::kFailed);
  EXPECT_EQ(message, path.string() + ": cannot be written (1 kB): No such file or directory");
}

}  // namespace
}  // namespace oko::checkpoint
