#include <gtest/gtest.h>
#include <xxhash.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/sanitizers.h"
#include "tests/text/corpus.h"
#include "text/tokenizer.h"

namespace oko::text {
namespace {

namespace fs = std::filesystem;

class TokenizerCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              fmt::format("oko_cache_{}_{}", ::getpid(),
                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(model());
    fs::copy_file(fs::path(OKO_TEST_DATA) / "tokenizer/tokenizer.json", model() / "tokenizer.json");
    text_ = Corpus().chunk(1);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path model() const { return folder_ / "model"; }
  fs::path cache_dir() const { return folder_ / "a/cache"; }
  Tokenizer load() const { return Tokenizer::load(model(), {cache_dir()}); }
  std::uint64_t tokens_hash() const { return fnv1a(load().encode_with_special(text_)); }

  fs::path cache_file() const {
    const fs::directory_iterator files(cache_dir());
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
    return fs::directory_iterator(cache_dir())->path();
  }
  std::string cache_bytes() const {
    return read_file(cache_file(), 100'000'000, ErrorCode::kFailed);
  }

  fs::path folder_;
  std::string text_;
};

TEST_F(TokenizerCacheTest, SecondLoadReadsTheCacheOfTheFirst) {
  const std::uint64_t expected = tokens_hash();
  const FileIdentity first = identify_file(cache_file(), ErrorCode::kFailed);
  EXPECT_EQ(tokens_hash(), expected);
  EXPECT_EQ(identify_file(cache_file(), ErrorCode::kFailed), first);
}

TEST_F(TokenizerCacheTest, ChangedSourceIsReadAgain) {
  load();
  std::string json = read_file(model() / "tokenizer.json", 1'000'000, ErrorCode::kFailed);
  const std::size_t at = json.find("<|im_start|>");
  json.replace(at, 12, "<|IM_START|>");
  write_file_atomically(model() / "tokenizer.json", json);
  EXPECT_TRUE(load().special_token("<|IM_START|>").has_value());
  EXPECT_TRUE(load().special_token("<|IM_START|>").has_value());
}

TEST_F(TokenizerCacheTest, DamagedCacheIsMadeAgain) {
  const std::uint64_t expected = tokens_hash();
  const std::string good = cache_bytes();
  CorpusRandom random(1);
  for (int i = 0; i < 40; ++i) {
    std::string bad = good;
    if (i % 2 == 0) {
      bad[random.below(i < 20 ? 64 : bad.size())] ^= static_cast<char>(1 + random.below(255));
    } else {
      bad.resize(random.below(bad.size()));
    }
    write_file_atomically(cache_file(), bad);
    EXPECT_EQ(tokens_hash(), expected);
    EXPECT_TRUE(cache_bytes() == good);
  }
}

// The writer of a cache with a right checksum can choose the tokens, but not crash the program.
TEST_F(TokenizerCacheTest, AForgedCacheDoesNotCrash) {
  load();
  const std::string good = cache_bytes();
  const std::size_t header = sizeof(TableHeader);
  CorpusRandom random(2);
  for (int i = 0; i < repetitions(300, 60); ++i) {
    std::string bad = good;
    for (std::uint64_t left = 1 + random.below(30); left > 0; --left) {
      const std::size_t at = random.below(20) == 0 ? 16 + random.below(32)
                                                   : header + random.below(bad.size() - header);
      bad[at] = static_cast<char>(random.below(3) != 0 ? random.below(256) : 0xFF);
    }
    const std::uint64_t checksum = XXH3_64bits(bad.data() + header, bad.size() - header);
    std::memcpy(bad.data() + offsetof(TableHeader, checksum), &checksum, 8);
    write_file_atomically(cache_file(), bad);
    const Tokenizer tokenizer = load();
    const auto ids = tokenizer.encode_with_special(text_);
    tokenizer.decode(ids, true);
    for (std::int32_t id = 0; id < tokenizer.vocab_size(); id += 7) tokenizer.token_bytes(id);
  }
}

TEST_F(TokenizerCacheTest, WithoutAWritableCacheFolderTheTokenizerStillLoads) {
  const std::uint64_t expected = tokens_hash();
  fs::remove_all(cache_dir());
  write_file_atomically(cache_dir(), std::string_view("a file where the folder would be"));
  EXPECT_EQ(tokens_hash(), expected);
}

TEST_F(TokenizerCacheTest, AMissingTokenizerIsNamed) {
  fs::remove(model() / "tokenizer.json");
  try {
    load();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    EXPECT_EQ(error.what(),
              model().string() + ": no tokenizer.json, nor vocab.json with merges.txt");
  }
}

TEST_F(TokenizerCacheTest, AnOversizedTokenizerIsRefusedUnread) {
  fs::resize_file(model() / "tokenizer.json", 65'000'000);
  EXPECT_THROW(load(), Error);
}

}  // namespace
}  // namespace oko::text
