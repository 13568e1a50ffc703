#include "index/vector_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <csignal>
#include <fstream>
#include <map>

#include "base/vanished_pages.h"
#include "index/vector_file_layout.h"
#include "tests/index/vectors.h"
#include "tests/support/scratch_folder.h"

namespace oko::index {
namespace {

constexpr std::size_t kDimensions = 64;

class VectorFileTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    path_ = folder_ / "vectors";
  }

  static VectorFileState state_of(std::uint64_t rows) {
    return {.library = {1, 2, 3}, .dimensions = kDimensions, .generation = 5, .rows = rows};
  }

  /// Appends rows [first, last) of `set`, with ids of 1000 + row.
  static void append(VectorFileWriter& writer, const CodedSet& set, std::size_t first,
                     std::size_t last) {
    std::vector<VectorRow> rows;
    for (std::size_t row = first; row < last; ++row) {
      rows.push_back(
          {1000 + row, set.scales[row], {set.codes.data() + row * kDimensions, kDimensions}});
    }
    writer.append(rows);
  }

  /// A file of the first `rows` of `set`.
  void make(const CodedSet& set, std::size_t rows) const {
    const auto writer = VectorFileWriter::create(path_, state_of(0));
    append(*writer, set, 0, rows);
    writer->commit();
  }

  std::unique_ptr<VectorFile> open(std::uint64_t rows) const {
    VectorFileFault fault{};
    auto file = VectorFile::open(path_, state_of(rows), fault);
    EXPECT_EQ(file != nullptr, fault == VectorFileFault::kNone);
    EXPECT_EQ(fault, VectorFileFault::kNone) << name_of(fault);
    return file;
  }

  VectorFileFault fault_of(const VectorFileState& expected) const {
    VectorFileFault of_reader{}, of_writer{};
    const bool is_read = VectorFile::open(path_, expected, of_reader) != nullptr;
    const bool is_written = VectorFileWriter::open(path_, expected, of_writer) != nullptr;
    EXPECT_EQ(is_read, of_reader == VectorFileFault::kNone);
    EXPECT_EQ(is_written, is_read);
    EXPECT_EQ(of_reader, of_writer);
    return of_reader;
  }

  static void expect_rows(const VectorFile& file, const CodedSet& set, std::uint64_t rows) {
    const CodeView view = file.view();
    ASSERT_EQ(view.rows, rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::uint8_t* codes = view.codes_of(row / kBlockRows) + row % kBlockRows * kDimensions;
      ASSERT_TRUE(std::equal(codes, codes + kDimensions, set.codes.data() + row * kDimensions))
          << row;
      ASSERT_EQ(view.scales_of(row / kBlockRows)[row % kBlockRows], set.scales[row]) << row;
      ASSERT_EQ(file.id_of(row), 1000 + row);
    }
    EXPECT_EQ(file.first_damaged(0, rows), std::nullopt);
  }

  /// Overwrites bytes of the file.
  void patch(std::uint64_t offset, std::string_view bytes) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  std::filesystem::path path_;
  CodedSet set_{unit_vectors(2500, kDimensions, 1)};
};

TEST_F(VectorFileTest, KeepsRowsOfAnyBatches) {
  const auto writer = VectorFileWriter::create(path_, state_of(0));
  std::size_t rows = 0;
  for (const std::size_t batch : {1, 0, 1022, 1, 1, 1200}) {
    append(*writer, set_, rows, rows + batch);
    writer->commit();
    rows += batch;
    EXPECT_EQ(writer->rows(), rows);
    expect_rows(*open(rows), set_, rows);
  }
}

TEST_F(VectorFileTest, IsSearchedAsItLies) {
  make(set_, 2500);
  const VectorSet query = unit_vectors(1, kDimensions, 2);
  EXPECT_EQ(top_rows(open(2500)->view(), query.of(0), 30), top_rows(set_.view(), query.of(0), 30));
}

TEST_F(VectorFileTest, AnEmptyFileHasNoRows) {
  VectorFileWriter::create(path_, state_of(0));
  const auto file = open(0);
  EXPECT_EQ(file->view().rows, 0u);
  const VectorSet query = unit_vectors(1, kDimensions, 2);
  EXPECT_TRUE(top_rows(file->view(), query.of(0), 30).empty());
}

TEST_F(VectorFileTest, SaysWhyAFileIsNotTheExpectedOne) {
  EXPECT_EQ(fault_of(state_of(0)), VectorFileFault::kMissing);
  make(set_, 100);
  EXPECT_EQ(fault_of(state_of(100)), VectorFileFault::kNone);
  EXPECT_EQ(fault_of(state_of(101)), VectorFileFault::kFewerRows);
  VectorFileState expected = state_of(100);
  expected.library[15] = 1;
  EXPECT_EQ(fault_of(expected), VectorFileFault::kOtherLibrary);
  expected = state_of(100);
  expected.generation = 6;
  EXPECT_EQ(fault_of(expected), VectorFileFault::kOtherGeneration);
  expected = state_of(100);
  expected.dimensions = 96;
  EXPECT_EQ(fault_of(expected), VectorFileFault::kOtherDimensions);
  expected.dimensions = 65;
  EXPECT_THROW(fault_of(expected), Error);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
  EXPECT_EQ(fault_of(state_of(100)), VectorFileFault::kFewerRows);
  std::filesystem::resize_file(path_, 40);
  EXPECT_EQ(fault_of(state_of(100)), VectorFileFault::kDamaged);
}

TEST_F(VectorFileTest, AnotherVersionIsSaid) {
  for (const auto change : {+[](VectorFileHeader& header) { ++header.version; },
                            +[](VectorFileHeader& header) { ++header.format; },
                            +[](VectorFileHeader& header) { ++header.block_rows; }}) {
    make(set_, 10);
    VectorFileHeader header = header_of(state_of(10), 9);
    change(header);
    header.checksum = XXH3_64bits(&header, offsetof(VectorFileHeader, checksum));
    patch(0, {reinterpret_cast<const char*>(&header), sizeof(header)});
    EXPECT_EQ(fault_of(state_of(10)), VectorFileFault::kOtherVersion);
  }
}

TEST_F(VectorFileTest, ATornHeaderLeavesTheOneBefore) {
  VectorFileWriter::create(path_, state_of(0));
  for (std::size_t commits = 1; commits <= 4; ++commits) {
    VectorFileFault none{};
    const auto writer = VectorFileWriter::open(path_, state_of((commits - 1) * 10), none);
    append(*writer, set_, (commits - 1) * 10, commits * 10);
    writer->commit();
    // Headers are written in turn, the first by `create`, at 0.
    const std::uint64_t slot = commits % 2 * kVectorSlotBytes;
    std::ifstream file(path_, std::ios::binary);
    std::string header(sizeof(VectorFileHeader), '\0');
    file.seekg(static_cast<std::streamoff>(slot));
    file.read(header.data(), static_cast<std::streamsize>(header.size()));
    for (const std::size_t torn : {0, 8, 40, 50, 64}) {
      patch(slot + torn, "torn");
      VectorFileFault fault{};
      VectorFile::open(path_, state_of(commits * 10), fault);
      EXPECT_EQ(fault, VectorFileFault::kFewerRows) << torn;
      open((commits - 1) * 10);
      patch(slot, header);
    }
    expect_rows(*open(commits * 10), set_, commits * 10);
  }
}

TEST_F(VectorFileTest, RowsThatTheDatabaseDoesNotKnowAreCutBack) {
  make(set_, 1500);
  const CodedSet others(unit_vectors(2000, kDimensions, 3));
  CodedSet expected = set_;
  std::copy(others.codes.begin() + 900 * kDimensions, others.codes.end(),
            expected.codes.begin() + 900 * kDimensions);
  std::copy(others.scales.begin() + 900, others.scales.end(), expected.scales.begin() + 900);
  VectorFileFault fault{};
  const auto writer = VectorFileWriter::open(path_, state_of(900), fault);
  ASSERT_NE(writer, nullptr);
  EXPECT_EQ(writer->rows(), 900u);
  VectorFile::open(path_, state_of(901), fault);
  EXPECT_EQ(fault, VectorFileFault::kFewerRows);
  append(*writer, others, 900, 2000);
  writer->commit();
  expect_rows(*open(2000), expected, 2000);
}

TEST_F(VectorFileTest, ViewsStayWhileAWriterAppends) {
  make(set_, 700);
  const auto before = open(700);
  VectorFileFault fault{};
  const auto writer = VectorFileWriter::open(path_, state_of(700), fault);
  append(*writer, set_, 700, 2500);
  expect_rows(*before, set_, 700);
  writer->commit();
  expect_rows(*before, set_, 700);
  expect_rows(*open(2500), set_, 2500);
  // A new generation in its place.
  VectorFileState next = state_of(0);
  ++next.generation;
  VectorFileWriter::create(path_, next);
  expect_rows(*before, set_, 700);
  EXPECT_EQ(fault_of(state_of(700)), VectorFileFault::kOtherGeneration);
}

TEST_F(VectorFileTest, OneWriterAtATime) {
  const auto writer = VectorFileWriter::create(path_, state_of(0));
  VectorFileFault fault{};
  const auto again = [&] { VectorFileWriter::open(path_, state_of(0), fault); };
  EXPECT_EQ(message_of(again, ErrorCode::kBusy), path_.string() + ": another process writes to it");
}

TEST_F(VectorFileTest, AFullDiskLosesNothingAndWritingGoesOn) {
  make(set_, 1000);
  VectorFileFault fault{};
  const auto writer = VectorFileWriter::open(path_, state_of(1000), fault);
  {
    const FileSizeLimit full(std::filesystem::file_size(path_));
    message_of([&] { append(*writer, set_, 1000, 1500); }, ErrorCode::kFailed);
    EXPECT_EQ(writer->rows(), 1000u);
    expect_rows(*open(1000), set_, 1000);
  }
  append(*writer, set_, 1000, 1500);
  writer->commit();
  expect_rows(*open(1500), set_, 1500);
}

TEST_F(VectorFileTest, AKilledWriterLeavesAllRowsThatItCommitted) {
  VectorFileWriter::create(path_, state_of(0));
  std::uint64_t committed = 0;
  for (int kill = 0; kill < 5; ++kill) {
    int database[2];
    ASSERT_EQ(::pipe(database), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      VectorFileFault fault{};
      const auto writer = VectorFileWriter::open(path_, state_of(committed), fault);
      for (std::size_t row = committed; row < set_.scales.size(); row += 7) {
        append(*writer, set_, row, std::min(row + 7, set_.scales.size()));
        writer->commit();
        const std::uint64_t rows = writer->rows();
        if (::write(database[1], &rows, sizeof(rows)) != sizeof(rows)) break;
      }
      ::_exit(0);
    }
    ::close(database[1]);
    for (int i = 0; i < 30; ++i) {
      std::uint64_t rows = 0;
      if (::read(database[0], &rows, sizeof(rows)) == sizeof(rows)) committed = rows;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(database[0]);
    expect_rows(*open(committed), set_, committed);
  }
  EXPECT_GE(committed, 5u * 30 * 7);
}

TEST_F(VectorFileTest, ADamagedRowIsFound) {
  make(set_, 2500);
  constexpr std::size_t kRow = 1100, kInBlock = kRow - kBlockRows;
  const std::uint64_t block = block_offset(kRow, kDimensions);
  const std::map<std::string, std::uint64_t> places{
      {"scale", block + kInBlock * 4 + 1},
      {"checksum", block + kChecksumsOffset + kInBlock * 4},
      {"id", block + kIdsOffset + kInBlock * 8 + 7},
      {"codes", block + kCodesOffset + kInBlock * kDimensions + 63}};
  for (const auto& [name, offset] : places) {
    std::ifstream file(path_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char before = static_cast<char>(file.get());
    patch(offset, std::string(1, static_cast<char>(before ^ 0x20)));
    const auto opened = open(2500);
    EXPECT_EQ(opened->first_damaged(0, 2500), kRow) << name;
    EXPECT_EQ(opened->first_damaged(kRow + 1, 2500), std::nullopt);
    patch(offset, std::string(1, before));
  }
}

TEST_F(VectorFileTest, AMillionRowsAreNotReadOnOpening) {
  // Sparse: 1 GB of zeros, of which no checksum holds.
  constexpr std::uint64_t kRows = 1'000'000;
  VectorFileState state = state_of(0);
  state.dimensions = 1024;
  VectorFileWriter::create(path_, state);
  state.rows = kRows;
  std::filesystem::resize_file(path_, vector_file_bytes(kRows, 1024));
  const VectorFileHeader header = header_of(state, 1);
  patch(kVectorSlotBytes, {reinterpret_cast<const char*>(&header), sizeof(header)});
  VectorFileFault fault{};
  const auto file = VectorFile::open(path_, state, fault);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->view().rows, kRows);
  EXPECT_EQ(file->first_damaged(kRows - 1, kRows), kRows - 1);
}

using VectorFileDeathTest = VectorFileTest;

TEST_F(VectorFileDeathTest, AFileThatIsCutWhileItIsReadIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        handle_vanished_pages(Language::kEnglish);
        make(set_, 2500);
        const auto file = open(2500);
        std::filesystem::resize_file(path_, 20'000);
        file->first_damaged(2000, 2500);
      },
      ::testing::ExitedWithCode(1), "vectors: was cut or changed while it was in use");
}

}  // namespace
}  // namespace oko::index
