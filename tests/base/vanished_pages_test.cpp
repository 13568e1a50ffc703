#include "base/vanished_pages.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <vector>

#include "base/input_file.h"
#include "base/mapped_file.h"
#include "base/temporary_file.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

class VanishedPagesTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ScratchFolderTest::SetUp();
    file_ = folder_ / "model.bin";
    std::ofstream(file_) << std::string(1'000'000, 'x');
  }

  std::filesystem::path file_;
};

using VanishedPagesDeathTest = VanishedPagesTest;

TEST_F(VanishedPagesDeathTest, NamesTheFileThatWasCutDuringARead) {
  EXPECT_EXIT(
      {
        handle_vanished_pages(Language::kEnglish);
        const MappedFile mapped(file_, ErrorCode::kBadModel);
        EXPECT_EQ(mapped.bytes()[900'000], std::byte('x'));
        std::filesystem::resize_file(file_, 10'000);
        volatile std::byte sum{};
        for (const std::byte byte : mapped.bytes()) sum = byte;
        static_cast<void>(sum);
      },
      ::testing::ExitedWithCode(5), "model.bin: was cut or changed while it was in use");
}

TEST_F(VanishedPagesDeathTest, AnInputFileThatWasCutIsABadInput) {
  EXPECT_EXIT(
      {
        handle_vanished_pages(Language::kEnglish);
        const InputFile input(file_, ErrorCode::kBadInput);
        const auto mapped = input.map();
        std::filesystem::resize_file(file_, 10'000);
        volatile std::byte sum{};
        for (const std::byte byte : mapped->bytes()) sum = byte;
        static_cast<void>(sum);
      },
      ::testing::ExitedWithCode(4), "model.bin: was cut or changed while it was in use");
}

/// The status differs from the usual one and from that of a cut file.
bool ended_by_the_signal(int status) {
  return !WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 5);
}

TEST_F(VanishedPagesDeathTest, ABusErrorFromOutsideEndsTheProgramAsUsual) {
  EXPECT_EXIT(
      {
        handle_vanished_pages(Language::kEnglish);
        const MappedFile mapped(file_, ErrorCode::kBadModel);
        ::raise(SIGBUS);
        std::_Exit(0);
      },
      ended_by_the_signal, "");
}

TEST_F(VanishedPagesDeathTest, DoesNotBlameTheFileForABusErrorOnAnIntactPage) {
  EXPECT_EXIT(
      {
        handle_vanished_pages(Language::kEnglish);
        const MappedFile mapped(file_, ErrorCode::kBadModel);
        // The signal of macOS for a write to a read-only page.
        siginfo_t info{};
        info.si_signo = SIGBUS;
        info.si_addr = const_cast<std::byte*>(&mapped.bytes()[900'000]);
        struct sigaction handler {};
        ::sigaction(SIGBUS, nullptr, &handler);
        handler.sa_sigaction(SIGBUS, &info, nullptr);
        std::_Exit(0);
      },
      ended_by_the_signal, "");
}

TEST_F(VanishedPagesTest, UnchangedFileIsCurrent) {
  const MappedFile mapped(file_, ErrorCode::kBadModel);
  EXPECT_TRUE(mapped.is_current());
  std::filesystem::resize_file(file_, 999'999);
  EXPECT_FALSE(mapped.is_current()) << "cut";
}

TEST_F(VanishedPagesTest, ReplacedFileIsNotCurrent) {
  const MappedFile mapped(file_, ErrorCode::kBadModel);
  const std::filesystem::path other = folder_ / "other";
  std::filesystem::copy(file_, other);
  std::filesystem::rename(other, file_);
  EXPECT_FALSE(mapped.is_current());
  EXPECT_EQ(mapped.bytes()[0], std::byte('x')) << "the old one is still there";
  std::filesystem::remove(file_);
  EXPECT_FALSE(mapped.is_current());
}

TEST_F(VanishedPagesDeathTest, WatchesAnyNumberOfFiles) {
  const auto read_cut_file = [&](std::size_t place) {
    handle_vanished_pages(Language::kEnglish);
    const std::filesystem::path cut = folder_ / "cut.bin";
    std::filesystem::copy(file_, cut);
    std::vector<std::unique_ptr<MappedFile>> many;
    for (std::size_t i = 0; i < 201; ++i) {
      many.push_back(std::make_unique<MappedFile>(i == place ? cut : file_, ErrorCode::kBadInput));
    }
    for (std::size_t i = 100; i < 150; ++i) many[i].reset();
    std::filesystem::resize_file(cut, 10'000);
    volatile const std::byte byte = many[place]->bytes()[900'000];
    static_cast<void>(byte);
  };
  for (const std::size_t place : {0, 200}) {
    EXPECT_EXIT(read_cut_file(place), ::testing::ExitedWithCode(4),
                "cut.bin: was cut or changed while it was in use");
  }
}

TEST_F(VanishedPagesDeathTest, RemovesTemporaryFiles) {
  GTEST_FLAG_SET(death_test_style, "fast");  // another process would have a folder of its own
  EXPECT_EXIT(
      {
        handle_vanished_pages(Language::kEnglish);
        const TemporaryFile out(folder_ / "out.pdf.oko-", std::string("out.pdf"));
        const MappedFile mapped(file_, ErrorCode::kBadModel);
        std::filesystem::resize_file(file_, 10'000);
        volatile const std::byte byte = mapped.bytes()[900'000];
        static_cast<void>(byte);
      },
      ::testing::ExitedWithCode(5), "was cut");
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().filename(), "model.bin");
  }
}

}  // namespace
}  // namespace oko
