#include "base/file.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file_identity.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/mapped_file.h"
#include "base/system_reason.h"
#include "base/temporary_file.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

using FileTest = ScratchFolderTest;

TEST_F(FileTest, WrittenFileIsReadBack) {
  write_file_atomically(folder_ / "a", std::string_view("привет\0oko", 16));
  EXPECT_EQ(read_file(folder_ / "a", 100, ErrorCode::kBadInput), std::string("привет\0oko", 16));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FileTest, TemporaryFilesOfKilledProcessesAreRemovedAndNoOthers) {
  const std::string prefix = (folder_ / "a.oko-").string();
  for (const char* name : {"a.oko-killed", "a.oko-empty0", "a.oko-longer7", "b.oko-killed"}) {
    std::ofstream(folder_ / name) << (name[6] == 'e' ? "" : "x");
  }
  std::filesystem::create_symlink("b.oko-killed", folder_ / "a.oko-linked");
  std::filesystem::create_directory(folder_ / "a.oko-folder");
  const TemporaryFile alive(prefix, "alive");
  {
    TemporaryFile other(prefix, "other");
    EXPECT_TRUE(std::filesystem::exists(alive.path()));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "a.oko-killed"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "a.oko-empty0"));
    for (const char* name : {"a.oko-longer7", "a.oko-linked", "a.oko-folder", "b.oko-killed"}) {
      EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
    }
    other.append(std::as_bytes(std::span("whole", 5)));
    other.keep_as(folder_ / "a");
  }
  EXPECT_EQ(read_file(folder_ / "a", 100, ErrorCode::kBadInput), "whole");
}

TEST_F(FileTest, TemporaryFilesGoWithAProcessThatEndsAtOnce) {
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(folder_),
                         std::filesystem::directory_iterator());
  };
  const TemporaryFile first(folder_ / "input-", "input");
  TemporaryFile kept(folder_ / "result-", "result");
  kept.keep_as(folder_ / "result");
  { const TemporaryFile gone(folder_ / "gone-", "gone"); }
  std::filesystem::create_directories(folder_ / ".model.part" / "1_Pooling");
  const TemporaryPath in_the_making(folder_ / ".model.part");
  std::filesystem::create_directory(folder_ / "model");
  { const TemporaryPath made(folder_ / "model"); }
  EXPECT_EQ(files(), 4);
  remove_temporary_files();
  EXPECT_EQ(files(), 2);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "result"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "model"));
}

/// The descriptor of an open file.
int descriptor_of(const std::filesystem::path& path) {
  struct stat wanted {
  }, info{};
  if (::stat(path.c_str(), &wanted) != 0) return -1;
  for (int file = 0; file < 1024; ++file) {
    if (::fstat(file, &info) != 0) continue;
    if (info.st_dev == wanted.st_dev && info.st_ino == wanted.st_ino) return file;
  }
  return -1;
}

TEST_F(FileTest, AFileThatCannotBeSyncedReplacesNoneAndIsAnError) {
  write_file_atomically(folder_ / "old", "before");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  for (const char* name : {"old", "new"}) {
    TemporaryFile file(folder_ / "a.oko-", std::string(name));
    file.append(std::as_bytes(std::span("after", 5)));
    const int descriptor = descriptor_of(file.path());
    ASSERT_GE(descriptor, 0);
    ASSERT_EQ(::dup2(ends[1], descriptor), descriptor);  // a pipe cannot be synced
    const std::string message =
        message_of([&] { file.keep_as(folder_ / name); }, ErrorCode::kFailed);
    EXPECT_TRUE(message.starts_with(std::string(name) + ": cannot be written: ")) << message;
  }
  for (const int end : ends) ::close(end);
  EXPECT_EQ(read_file(folder_ / "old", 100, ErrorCode::kBadInput), "before");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

class HomeTest : public ::testing::Test {
 protected:
  HomeTest() {
    for (const char* name : {"OKO_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      if (value != nullptr) before_.emplace_back(name, value);
      ::unsetenv(name);
    }
  }
  ~HomeTest() override {
    ::unsetenv("OKO_HOME");
    ::unsetenv("HOME");
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

  std::vector<std::pair<std::string, std::string>> before_;
};

TEST_F(HomeTest, FollowsEnvironmentVariables) {
  ::setenv("HOME", "/some/where", 1);
  EXPECT_EQ(oko_home(), "/some/where/.oko");
  ::setenv("OKO_HOME", "mine", 1);
  EXPECT_EQ(oko_home(), "mine");
}

TEST_F(HomeTest, NeverFallsBackToTheCurrentFolder) {
  const passwd* user = ::getpwuid(::geteuid());
  const std::filesystem::path expected = user != nullptr && *user->pw_dir == '/'
                                             ? user->pw_dir + std::string("/.oko")
                                             : std::string("/dev/null/.oko");
  EXPECT_EQ(oko_home(), expected);
  ::setenv("HOME", "", 1);
  EXPECT_EQ(oko_home(), expected);
  ::setenv("HOME", ".", 1);
  EXPECT_EQ(oko_home(), expected);
}

TEST_F(FileTest, MissingFileFolderAndOversizeNameTheObjectAndTheNumbers) {
  write_file_atomically(folder_ / "big", std::string(2'000'000, 'x'));
  const auto read = [&](const char* name, ErrorCode code = ErrorCode::kTooLarge) {
    return message_of([&] { read_file(folder_ / name, 1'000'000, ErrorCode::kBadInput); }, code);
  };
  EXPECT_EQ(read("none", ErrorCode::kNotFound), (folder_ / "none").string() + ": no such file");
  EXPECT_EQ(read("", ErrorCode::kBadInput), (folder_ / "").string() + ": is a folder, not a file");
  EXPECT_EQ(read("big"), (folder_ / "big").string() + ": 2 MB is more than the limit of 1 MB");
  write_file_atomically(folder_ / "near", std::string(1'000'001, 'x'));
  EXPECT_EQ(read("near"), (folder_ / "near").string() +
                              ": 1000001 bytes is more than the limit of 1000000 bytes");
}

TEST_F(FileTest, GivesBytesIfTwoSizesWouldPrintAlike) {
  Language language = Language::kEnglish;
  const auto text = [&](std::uint64_t first, std::uint64_t second) {
    const SizePair sizes(first, second);
    return (sizes.first + ", " + sizes.second).in(language);
  };
  EXPECT_EQ(text(8'000'123, 8'000'122), "8000123 bytes, 8000122 bytes");
  EXPECT_EQ(text(1'200, 1'100), "1200 bytes, 1100 bytes");
  EXPECT_EQ(text(8'000'123, 8'000'123), "8 MB, 8 MB");
  EXPECT_EQ(text(812'000'000, 640'000'000), "812 MB, 640 MB");
  language = Language::kRussian;
  EXPECT_EQ(text(1'200, 1'100), "1200 байт, 1100 байт");
}

TEST_F(FileTest, NamesPointersAndLinksInPlaceOfAFile) {
  const auto expect = [&](const std::string& text, const std::string& message) {
    write_file_atomically(folder_ / "f", std::string_view(text));
    const std::string read = message_of(
        [&] { read_file(folder_ / "f", 1'000'000, ErrorCode::kBadModel); }, ErrorCode::kBadModel);
    EXPECT_NE(read.find(message), std::string::npos) << read;
    const std::string mapped =
        message_of([&] { MappedFile(folder_ / "f", ErrorCode::kBadModel); }, ErrorCode::kBadModel);
    EXPECT_NE(mapped.find(message), std::string::npos) << mapped;
  };
  expect("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 7\n", "git-lfs");
  expect("<!DOCTYPE html><html>" + std::string(50'000, ' '), "is a web page");
  std::filesystem::create_symlink("gone", folder_ / "link");
  EXPECT_TRUE(has_entry(folder_ / "link"));
  EXPECT_FALSE(has_entry(folder_ / "gone"));
  const std::string dangling = message_of(
      [&] { read_file(folder_ / "link", 100, ErrorCode::kBadModel); }, ErrorCode::kBadModel);
  EXPECT_NE(dangling.find("is a link to a file that is not there"), std::string::npos) << dangling;
}

TEST_F(FileTest, JsonIsReadAsPythonReadsIt) {
  const auto read = [&](std::string_view text) {
    write_file_atomically(folder_ / "a.json", text);
    return read_json_object(folder_ / "a.json", ErrorCode::kBadModel);
  };
  const auto refusal = [&](std::string_view text) {
    return message_of([&] { read(text); }, ErrorCode::kBadModel);
  };
  EXPECT_EQ(read("\xEF\xBB\xBF{\"a\": 1}").at("a"), 1);
  const auto odd =
      read(R"({"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \" Infinity", "d": 1})");
  EXPECT_TRUE(odd.at("a").is_null() && odd.at("b")[0].is_null() && odd.at("b")[1].is_null());
  EXPECT_EQ(odd.at("c"), "NaN \" Infinity");
  EXPECT_EQ(odd.at("d"), 1);
  for (const std::string_view text : {"", "{", "{\"a\": nan}", "{\"a\": Infinity2}"}) {
    EXPECT_NE(refusal(text).find("a.json: is not JSON (byte "), std::string::npos) << text;
  }
  EXPECT_TRUE(refusal("{\"a\": 1,}").ends_with("is not JSON (byte 9 of 9)"));
  EXPECT_TRUE(refusal("[]").ends_with("holds a list, oko expects an object"));
  EXPECT_TRUE(refusal("5").ends_with("holds 5, oko expects an object"));
  EXPECT_TRUE(refusal(std::string_view("\xFF\xFE{\0}\0", 6)).ends_with("is UTF-16, JSON is UTF-8"));
}

TEST_F(FileTest, ReasonsOfTheSystemAreInTheUsersLanguage) {
  const auto reason = [&](Language language) {
    const auto write = [&] { write_file_atomically(folder_ / "none" / "a", std::string_view("")); };
    return message_of(write, ErrorCode::kFailed, language);
  };
  EXPECT_TRUE(reason(Language::kEnglish).ends_with(": No such file or directory"));
  EXPECT_TRUE(reason(Language::kRussian).ends_with(": нет такого файла или папки"));
  for (const int error : {ENOENT, EACCES, EPERM, ENOSPC, EISDIR, ENOTDIR, EROFS, EMFILE, ENFILE,
                          ENAMETOOLONG, ELOOP, EIO, EFBIG, EDQUOT, EPIPE, EBADF, ENOMEM}) {
    const std::string text = system_reason(error).in(Language::kRussian);
    const auto is_latin = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    EXPECT_TRUE(std::none_of(text.begin(), text.end(), is_latin)) << error << ": " << text;
  }
  EXPECT_EQ(system_reason(ECHILD).in(Language::kRussian), std::generic_category().message(ECHILD));
}

TEST_F(FileTest, MessagesFollowTheLanguage) {
  EXPECT_EQ(message_of([&] { identify_file(folder_ / "none", ErrorCode::kBadModel); },
                       ErrorCode::kBadModel, Language::kRussian),
            (folder_ / "none").string() + ": нет такого файла");
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

TEST(FileIdentityTest, TimesThatNanosecondsDoNotReachAreTheFirstOrLast) {
  const auto time_of = [](std::int64_t seconds) {
    struct stat info {};
    info.st_mtime = seconds;
    return identity_of(info).modified_ns;
  };
  EXPECT_EQ(time_of(1'700'000'000), 1'700'000'000'000'000'000);
  EXPECT_EQ(time_of(-60), -60'000'000'000);
  EXPECT_GT(time_of(221'845'392'000), 9'000'000'000'000'000'000);   // 9000-01-01
  EXPECT_LT(time_of(-62'135'596'800), -9'000'000'000'000'000'000);  // 0001-01-01
}

TEST_F(FileTest, MappingAnEmptyFileIsAnError) {
  write_file_atomically(folder_ / "e", std::string_view(""));
  EXPECT_EQ(
      message_of([&] { MappedFile(folder_ / "e", ErrorCode::kBadModel); }, ErrorCode::kBadModel),
      (folder_ / "e").string() + ": is empty");
}

}  // namespace
}  // namespace oko
