// Files that are written in pieces, and their remains after a kill.
#include "hub/part_file.h"

#include <fstream>
#include <random>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "hub/padded_header.h"
#include "hub/part_verifier.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/weights_text.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

TEST(ByteRangesTest, EqualsASetOfBytes) {
  constexpr std::uint64_t kSize = 40;
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    net::ByteRanges ranges;
    std::vector<bool> bytes(kSize);
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t begin = random() % kSize, end = begin + random() % (kSize - begin + 1);
      ranges.add({begin, end});
      std::fill(bytes.begin() + static_cast<int>(begin), bytes.begin() + static_cast<int>(end),
                true);
      ASSERT_EQ(ranges.total(), std::count(bytes.begin(), bytes.end(), true));
      const auto gap = std::find(bytes.begin(), bytes.end(), false);
      ASSERT_EQ(ranges.end_from(0), gap - bytes.begin());
      const auto first = ranges.first_gap(kSize, 3);
      ASSERT_EQ(first.has_value(), gap != bytes.end());
      if (!first) continue;
      ASSERT_EQ(first->begin, gap - bytes.begin());
      const auto gap_end = std::find(gap, bytes.end(), true);
      ASSERT_EQ(first->size(), std::min<std::ptrdiff_t>(3, gap_end - gap));
    }
    for (std::size_t i = 1; i < ranges.ranges().size(); ++i) {
      ASSERT_GT(ranges.ranges()[i].begin, ranges.ranges()[i - 1].end);
    }
  }
}

class PartFileTest : public ScratchFolderTest {
 protected:
  static constexpr std::uint64_t kSize = 3'000'000;

  PartFileTest() {
    for (std::size_t i = 0; i < kSize; ++i) content_ += static_cast<char>(i * 7 + i / 1000);
  }
  fs::path path() const { return folder_ / "sub" / "weights"; }
  fs::path journal() const { return path().string() + ".part.journal"; }
  void write(PartFile& file, net::ByteRange range) const {
    file.write(range.begin, std::as_bytes(std::span(content_).subspan(range.begin, range.size())));
  }
  static std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string content_;
};

TEST_F(PartFileTest, GetsItsNameWhenItIsKept) {
  PartFile file(path(), kSize, "hash");
  write(file, {1'000'000, kSize});
  EXPECT_EQ(file.ready().bytes, 0u);
  write(file, {0, 1'000'000});
  EXPECT_EQ(file.ready().bytes, kSize);
  EXPECT_FALSE(fs::exists(path()));
  file.keep();
  EXPECT_EQ(read(path()), content_);
  EXPECT_FALSE(fs::exists(journal()));
  EXPECT_FALSE(fs::exists(path().string() + ".part"));
}

TEST_F(PartFileTest, TheNextProcessGoesOn) {
  {
    PartFile file(path(), kSize, "hash");
    write(file, {0, 10});
    write(file, {2'000'000, 2'000'100});
  }
  PartFile file(path(), kSize, "hash");
  EXPECT_EQ(file.written_bytes(), 110u);
  EXPECT_EQ(file.ready().bytes, 10u);
  EXPECT_EQ(file.claim(UINT64_MAX), (net::ByteRange{10, 2'000'000}));
  EXPECT_EQ(file.claim(5), (net::ByteRange{2'000'100, 2'000'105}));
}

/// A killed process writes no last line.
TEST_F(PartFileTest, AKilledProcessLosesAMegabyteAtMost) {
  PartFile killed(path(), kSize, "hash");
  for (std::uint64_t at = 0; at < 2'500'000; at += 100'000) write(killed, {at, at + 100'000});
  std::ofstream(journal(), std::ios::app) << "2400000 25";  // cut off
  const PartFile next(path(), kSize, "hash");
  EXPECT_GE(next.written_bytes(), 1'500'000u);
  EXPECT_LE(next.written_bytes(), 2'500'000u);
}

TEST_F(PartFileTest, AnotherContentStartsAnew) {
  {
    PartFile file(path(), kSize, "hash");
    write(file, {0, 100});
  }
  { EXPECT_EQ(PartFile(path(), kSize, "other").written_bytes(), 0u); }
  {
    PartFile file(path(), kSize, "hash");
    write(file, {0, 100});
  }
  EXPECT_EQ(PartFile(path(), kSize - 1, "hash").written_bytes(), 0u);
}

TEST_F(PartFileTest, WrongJournalsAreNotBelieved) {
  { PartFile file(path(), kSize, "hash"); }
  const std::string head = "oko 2 3000000 hash\n0 0\n";
  for (const char* lines : {"0 10\n", "5 3\n", "0 3000001\n", "-1 5\n", "x\n", "\n", "1 \n"}) {
    write_file_atomically(journal(), head + lines);
    EXPECT_EQ(PartFile(path(), kSize, "hash").written_bytes(), 0u) << lines;
  }
  write_file_atomically(journal(), head + "0 10\n");
  fs::resize_file(path().string() + ".part", 10);
  EXPECT_EQ(PartFile(path(), kSize, "hash").written_bytes(), 10u);
}

TEST_F(PartFileTest, ClaimsDoNotOverlap) {
  PartFile file(path(), kSize, "hash");
  const auto first = file.claim(1'000'000), second = file.claim(1'000'000);
  EXPECT_EQ(first, (net::ByteRange{0, 1'000'000}));
  EXPECT_EQ(second, (net::ByteRange{1'000'000, 2'000'000}));
  write(file, {0, 5});
  file.release(*first);
  EXPECT_EQ(file.claim(UINT64_MAX), (net::ByteRange{5, 1'000'000}));
}

TEST_F(PartFileTest, ClearedFilesForgetWhatTheyHad) {
  PartFile file(path(), kSize, "hash");
  write(file, {0, kSize});
  file.clear();
  EXPECT_EQ(file.written_bytes(), 0u);
  EXPECT_EQ(file.ready().clears, 1);
  std::byte byte{};
  EXPECT_FALSE(file.read(0, {&byte, 1}));
  EXPECT_EQ(PartFile(path(), kSize, "hash").written_bytes(), 0u);
}

TEST_F(PartFileTest, AFileThatIsCutCannotBeRead) {
  PartFile file(path(), kSize, "hash");
  write(file, {0, kSize});
  fs::resize_file(path().string() + ".part", 10);
  PartVerifier verifier;
  verifier.add(0, file, {"weights", kSize, "", "hash"});
  EXPECT_NE(message_of(
                [&] {
                  while (verifier.take_verdicts().empty()) {
                  }
                },
                ErrorCode::kFailed)
                .find("weights.part: cannot be read: "),
            std::string::npos);
}

TEST_F(PartFileTest, AFullDiskIsAnErrorThatKeepsTheRest) {
  {
    PartFile file(path(), kSize, "hash");
    write(file, {0, 1'200'000});
    const FileSizeLimit full(1'500'000);
    EXPECT_NE(message_of(
                  [&] {
                    write(file, {1'200'000, kSize});
                  },
                  ErrorCode::kFailed)
                  .find("weights.part: cannot be written: "),
              std::string::npos);
  }
  EXPECT_EQ(PartFile(path(), kSize, "hash").written_bytes(), 1'200'000u);
}

/// Weights that come in pieces: the header in order, the rest in any.
class WeightsPartTest : public ScratchFolderTest {
 protected:
  static constexpr std::size_t kCount = 10'000;
  static constexpr std::size_t kHeader = 131;  ///< of text with a shift of 3

  fs::path path() const { return folder_ / "model.safetensors"; }
  static void write(PartFile& file, const std::string& text, net::ByteRange range) {
    file.write(range.begin, std::as_bytes(std::span(text).subspan(range.begin, range.size())));
  }
  std::string stored() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string published(const PartFile& file) {
    std::string text(file.size(), '\0');
    const auto bytes = std::as_writable_bytes(std::span(text));
    // Pieces of 7 bytes begin everywhere in the length and at the end of the header.
    for (std::size_t at = 0; at < text.size(); at += 7) {
      EXPECT_TRUE(file.read(at, bytes.subspan(at, std::min<std::size_t>(7, text.size() - at))));
    }
    return text;
  }
};

TEST_F(WeightsPartTest, MisalignedWeightsAreStoredAligned) {
  const std::string text = weights_text(kCount, 3);
  PartFile file(path(), text.size(), "hash", true);
  EXPECT_TRUE(file.needs_header());
  write(file, text, {0, 5});
  EXPECT_EQ(file.claim(10), (net::ByteRange{5, 15}));
  write(file, text, {5, 60});
  EXPECT_EQ(file.ready().bytes, 0u);
  EXPECT_TRUE(file.needs_header());
  write(file, text, {60, 200});
  EXPECT_FALSE(file.needs_header());
  EXPECT_EQ(file.ready().bytes, 200u);
  EXPECT_EQ(file.ready().padding, (Padding{kHeader, 61}));
  write(file, text, {20'000, text.size()});
  write(file, text, {200, 20'000});
  EXPECT_TRUE(published(file) == text);
  file.keep();
  const std::string result = stored();
  EXPECT_EQ(result.size(), text.size() + 61);
  const auto tensors =
      checkpoint::parse_safetensors(std::as_bytes(std::span(result)), result.size(), "");
  EXPECT_EQ(tensors.at("a").offset, kHeader + 61);
  EXPECT_TRUE(result.substr(kHeader + 61) == text.substr(kHeader));
}

TEST_F(WeightsPartTest, TheNextProcessKnowsThePadding) {
  const std::string text = weights_text(kCount, 3);
  {
    PartFile file(path(), text.size(), "hash", true);
    write(file, text, {0, 50});
  }
  {
    PartFile file(path(), text.size(), "hash", true);
    EXPECT_TRUE(file.needs_header());  // half of it is of no use
    EXPECT_EQ(file.claim(10), (net::ByteRange{0, 10}));
    write(file, text, {0, 200});
    write(file, text, {30'000, 30'100});
  }
  PartFile file(path(), text.size(), "hash", true);
  EXPECT_FALSE(file.needs_header());
  EXPECT_EQ(file.ready().bytes, 200u);
  EXPECT_EQ(file.claim(UINT64_MAX), (net::ByteRange{200, 30'000}));
  write(file, text, {200, 30'000});
  write(file, text, {30'100, text.size()});
  EXPECT_TRUE(published(file) == text);
  file.keep();
  EXPECT_TRUE(stored().substr(kHeader + 61) == text.substr(kHeader));
}

TEST_F(WeightsPartTest, WhatAPaddingDoesNotMendStaysAsItIs) {
  std::string inside = weights_text(kCount, 3);  // the tensor itself begins at an odd byte
  const std::string size = std::to_string(4 * kCount);
  const std::size_t at = inside.find("[0," + size);
  inside.replace(at, size.size() + 3, "[1," + std::to_string(4 * kCount + 1)) += 'x';
  std::string damaged = weights_text(kCount, 3);
  damaged[8] = 'x';
  std::string endless = weights_text(kCount, 3);
  endless[7] = '\x7f';
  for (const std::string& text : {weights_text(kCount, 0), weights_text(kCount, 4), damaged,
                                  endless, std::string("short"), std::string()}) {
    PartFile file(path(), text.size(), "hash", true);
    for (std::size_t begin = 0; begin < text.size(); begin += 1000) {
      write(file, text, {begin, std::min(begin + 1000, text.size())});
    }
    EXPECT_EQ(file.ready().padding.count, 0u);
    EXPECT_TRUE(published(file) == text);
    file.keep();
    EXPECT_TRUE(stored() == text);
    fs::remove(path());
  }
  const auto header = std::as_bytes(std::span(inside))
                          .first(*header_end(std::as_bytes(std::span(inside)), inside.size()));
  EXPECT_EQ((header.size() + padding_of(header, inside.size()).count + 1) % 4, 0u);
}

TEST_F(WeightsPartTest, AfterClearTheHeaderIsNeededAgain) {
  const std::string text = weights_text(kCount, 3);
  PartFile file(path(), text.size(), "hash", true);
  write(file, text, {0, text.size()});
  file.clear();
  EXPECT_TRUE(file.needs_header());
  write(file, text, {0, text.size()});
  EXPECT_TRUE(published(file) == text);
}

}  // namespace
}  // namespace oko::hub
