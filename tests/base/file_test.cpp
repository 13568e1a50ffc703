#include "base/file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/language.h"
#include "base/mapped_file.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

using FileTest = ScratchFolderTest;

TEST_F(FileTest, WrittenFileIsReadBack) {
  write_file_atomically(folder_ / "a", std::string_view("привет\0oko", 16));
  EXPECT_EQ(read_file(folder_ / "a", 100, ErrorCode::kBadInput), std::string("привет\0oko", 16));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FileTest, MissingFileFolderAndOversizeNameTheObjectAndTheNumbers) {
  write_file_atomically(folder_ / "big", std::string(2'000'000, 'x'));
  const auto read = [&](const char* name) {
    return message_of([&] { read_file(folder_ / name, 1'000'000, ErrorCode::kBadInput); },
                      ErrorCode::kBadInput);
  };
  EXPECT_EQ(read("none"), (folder_ / "none").string() + ": no such file");
  EXPECT_EQ(read(""), (folder_ / "").string() + ": is a folder, not a file");
  EXPECT_EQ(read("big"), (folder_ / "big").string() + ": 2 MB is more than the limit of 1 MB");
}

TEST_F(FileTest, MessagesFollowTheLanguage) {
  set_language(Language::kRussian);
  EXPECT_EQ(message_of([&] { identify_file(folder_ / "none", ErrorCode::kBadModel); },
                       ErrorCode::kBadModel),
            (folder_ / "none").string() + ": нет такого файла");
  set_language(Language::kEnglish);
}

TEST_F(FileTest, MappedFileHasWritableHeaderInFrontOfTheBytes) {
  write_file_atomically(folder_ / "m", std::string(10'000, 'y'));
  const MappedFile file(folder_ / "m", ErrorCode::kBadModel);
  ASSERT_EQ(file.bytes().size(), 10'000u);
  EXPECT_EQ(static_cast<char>(file.bytes().back()), 'y');
  file.header()[MappedFile::kHeaderBytes - 1] = std::byte{7};
  EXPECT_EQ(file.bytes().data() - file.header(), std::ptrdiff_t{MappedFile::kHeaderBytes});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.bytes().data()) % 4096, 0u);
}

TEST_F(FileTest, MappingAnEmptyFileIsAnError) {
  write_file_atomically(folder_ / "e", std::string_view(""));
  EXPECT_EQ(
      message_of([&] { MappedFile(folder_ / "e", ErrorCode::kBadModel); }, ErrorCode::kBadModel),
      (folder_ / "e").string() + ": is empty");
}

}  // namespace
}  // namespace oko
