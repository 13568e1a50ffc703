#include "base/input_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

#include "base/file.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

class InputFileTest : public ScratchFolderTest {
 protected:
  std::string write(const std::string& text) const {
    const std::string path = folder_ / "file";
    write_file_atomically(path, std::string_view(text));
    return path;
  }

  static std::string text_of(const InputMapping& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  }
};

TEST_F(InputFileTest, StaysTheFileThatWasOpened) {
  const std::string path = write("the first");
  const InputFile file(path, ErrorCode::kBadInput);
  write("another file");
  EXPECT_EQ(file.read(100), "the first");
  std::filesystem::remove(path);
  EXPECT_EQ(file.read(100), "the first");
  EXPECT_EQ(file.part(4, 5), "first");
  EXPECT_EQ(file.part(8, 5), "t");
  EXPECT_EQ(file.part(100, 5), "");
  EXPECT_EQ(text_of(*file.map()), "the first");
}

TEST_F(InputFileTest, AReadErrorIsNoEndOfTheFile) {
  const std::string path = "/proc/self/mem";  // no memory is at its first addresses
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no file of this system fails to be read";
  const InputFile file(path, ErrorCode::kBadModel);
  for (const std::size_t size : {1, 5000}) {
    EXPECT_EQ(message_of([&] { file.part(100, size); }, ErrorCode::kBadModel),
              path + ": cannot be read: Input/output error");
  }
}

TEST_F(InputFileTest, SharesItsMappingWhileItIsUsed) {
  const InputFile file(write("mapped"), ErrorCode::kBadInput);
  std::shared_ptr<const InputMapping> first = file.map();
  EXPECT_EQ(file.map(), first);
  const std::weak_ptr<const InputMapping> watched = first;
  first.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(InputFileTest, IdentityTellsAnotherFile) {
  const std::string path = write("the first");
  const InputFile first(path, ErrorCode::kBadInput), same(path, ErrorCode::kBadInput);
  EXPECT_EQ(first.identity(), same.identity());
  write("the other");
  EXPECT_NE(InputFile(path, ErrorCode::kBadInput).identity(), first.identity());
}

TEST_F(InputFileTest, NoticesAWriteWhileItIsOpen) {
  const std::string path = write("the first");
  const InputFile file(path, ErrorCode::kBadInput);
  EXPECT_EQ(file.unchanged([&] { return file.read(100); }), "the first");
  const auto other_page = [&]() -> int {
    std::ofstream(path, std::ios::in) << "THE";  // in place, and of the same size
    const auto time = std::filesystem::last_write_time(path);
    std::filesystem::last_write_time(path, time + std::chrono::milliseconds(1));
    throw Error(ErrorCode::kNotFound, tr("there is no page 3", "страницы 3 нет"));
  };
  EXPECT_EQ(message_of([&] { file.unchanged(other_page); }, ErrorCode::kBadInput),
            path + ": was changed while it was read");
  EXPECT_EQ(message_of([&] { file.read(100); }, ErrorCode::kBadInput, Language::kRussian),
            path + ": изменён, пока его читали");
  EXPECT_EQ(message_of([&] { InputFile(path, ErrorCode::kBadInput).unchanged(other_page); },
                       ErrorCode::kBadInput),
            path + ": was changed while it was read");
}

TEST_F(InputFileTest, RefusesWhatIsNoFileInBothLanguages) {
  const std::string fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto message = [&](const std::string& path, Language language,
                           ErrorCode code = ErrorCode::kBadInput) {
    return message_of([&] { InputFile(path, ErrorCode::kBadInput); }, code, language);
  };
  EXPECT_EQ(message(fifo, Language::kEnglish), fifo + ": is not a regular file");
  EXPECT_EQ(message(fifo, Language::kRussian), fifo + ": это не обычный файл");
  try {
    InputFile(fifo, ErrorCode::kBadInput);
  } catch (const Error& error) {
    EXPECT_EQ(error.hint().in(Language::kEnglish),
              "redirect a pipe to standard input, and name it -");
  }
  EXPECT_EQ(message(folder_, Language::kEnglish), folder_.string() + ": is a folder, not a file");
  EXPECT_EQ(message(folder_ / "none", Language::kRussian, ErrorCode::kNotFound),
            (folder_ / "none").string() + ": нет такого файла");
  const InputFile large(write("eleven byte"), ErrorCode::kBadInput);
  EXPECT_NE(message_of([&] { large.read(10); }, ErrorCode::kTooLarge).find("more than the limit"),
            std::string::npos);
}

}  // namespace
}  // namespace oko
