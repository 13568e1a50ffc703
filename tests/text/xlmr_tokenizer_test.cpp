#include "text/xlmr_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"
#include "tests/text/corpus.h"

namespace oko::text {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kXlmr = fs::path(OKO_TEST_DATA) / "xlmr";
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

std::string read_text(const fs::path& path) {
  return read_file(path, 10'000'000, ErrorCode::kFailed);
}

json read_json(const std::string& name) {
  return json::parse(read_text(kXlmr / name));
}

XlmrTokenizer load(const std::string& name) {
  return XlmrTokenizer::parse(read_text(kXlmr / name), name);
}

std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

struct Pipeline {
  const char* name;
  const char* file;
};

std::ostream& operator<<(std::ostream& out, const Pipeline& pipeline) {
  return out << pipeline.name;
}

class XlmrPipelineTest : public ::testing::TestWithParam<Pipeline> {
 protected:
  XlmrTokenizer tokenizer_ = load(GetParam().file);
  json goldens_ = read_json("goldens.json");
};

TEST_P(XlmrPipelineTest, EncodesAMegabyteOfMixedTextAsHuggingFaceDoes) {
  const Corpus corpus;
  const json& hashes = goldens_.at(GetParam().name);
  ASSERT_EQ(hashes.size(), 1024u);
  for (std::size_t seed = 0; seed < hashes.size(); ++seed) {
    EXPECT_EQ(hex(fnv1a(tokenizer_.encode(corpus.chunk(seed), kAll).ids)),
              hashes[seed].get<std::string>())
        << "chunk " << seed;
  }
}

TEST_P(XlmrPipelineTest, EncodesNastyCasesAsHuggingFaceDoes) {
  for (const json& golden : goldens_.at("cases")) {
    std::string text;
    for (int i = 0; i < golden.at("times").get<int>(); ++i) {
      text += golden.at("text").get<std::string>();
    }
    // If both pipelines agree, the data have the ids once.
    const char* name = golden.contains(GetParam().name) ? GetParam().name : "bge_m3";
    const auto expected = golden.at(name).get<std::vector<std::int32_t>>();
    EXPECT_EQ(tokenizer_.encode(text, kAll).ids, expected) << golden.at("text");
  }
}

INSTANTIATE_TEST_SUITE_P(Of, XlmrPipelineTest,
                         ::testing::Values(Pipeline{"bge_m3", "tokenizer.json"},
                                           Pipeline{"e5", "tokenizer-e5.json"}),
                         [](const auto& info) { return std::string(info.param.name); });

class XlmrTokenizerTest : public ScratchFolderTest {
 protected:
  static std::string refusal(const json& tree) { return refusal(tree.dump()); }
  static std::string refusal(const std::string& bytes) {
    try {
      XlmrTokenizer::parse(bytes, "t.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel);
      return error.what();
    }
    return "";
  }

  /// A model's folder with one file of the test data.
  fs::path model(const std::string& from, const std::string& as) {
    fs::create_directories(folder_ / "model");
    fs::copy_file(kXlmr / from, folder_ / "model" / as);
    return folder_ / "model";
  }
};

TEST_F(XlmrTokenizerTest, ASentencepieceModelGivesTheTokensOfTokenizerJson) {
  const fs::path folder = model("sentencepiece.bpe.model", "sentencepiece.bpe.model");
  const XlmrTokenizer from_model = XlmrTokenizer::load(folder, {""});
  const XlmrTokenizer from_json = load("tokenizer.json");
  EXPECT_EQ(from_model.vocab_size(), from_json.vocab_size());
  const Corpus corpus;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::string chunk = corpus.chunk(seed);
    EXPECT_EQ(from_model.encode(chunk, kAll).ids, from_json.encode(chunk, kAll).ids) << seed;
  }
}

TEST_F(XlmrTokenizerTest, CacheGivesTheSameTokensAndIsMadeAgainIfDamaged) {
  const fs::path folder = model("tokenizer.json", "tokenizer.json");
  const fs::path cache = folder_ / "cache";
  const std::string text = Corpus().chunk(3);
  const auto expected = load("tokenizer.json").encode(text, kAll).ids;
  const auto tokens = [&] { return XlmrTokenizer::load(folder, {cache}).encode(text, kAll).ids; };
  EXPECT_EQ(tokens(), expected);
  const fs::path file = fs::directory_iterator(cache)->path();
  const std::string good = read_text(file);
  EXPECT_EQ(tokens(), expected);
  CorpusRandom random(5);
  for (int i = 0; i < 20; ++i) {
    std::string bad = good;
    if (i % 2 == 0) {
      bad[random.below(i < 10 ? 200 : bad.size())] ^= static_cast<char>(1 + random.below(255));
    } else {
      bad.resize(random.below(bad.size()));
    }
    write_file_atomically(file, bad);
    EXPECT_EQ(tokens(), expected);
    EXPECT_TRUE(read_text(file) == good);
  }
}

TEST_F(XlmrTokenizerTest, ALongTextIsCutAndSaysHowLongItIs) {
  const XlmrTokenizer tokenizer = load("tokenizer.json");
  const std::string text = Corpus().chunk(7);
  const TokenizedText whole = tokenizer.encode(text, kAll);
  EXPECT_EQ(whole.total, whole.ids.size());
  const TokenizedText cut = tokenizer.encode(text, 10);
  EXPECT_EQ(cut.total, whole.total);
  ASSERT_EQ(cut.ids.size(), 10u);
  EXPECT_EQ(cut.ids.back(), whole.ids.back());
  EXPECT_TRUE(std::equal(cut.ids.begin(), cut.ids.end() - 1, whole.ids.begin()));
}

TEST_F(XlmrTokenizerTest, WordOfAMegabyteIsSplitLikeItsParts) {
  const XlmrTokenizer tokenizer = load("tokenizer.json");
  // Every part begins with an unknown character, into which no other piece can reach.
  const std::string part = "превысокомногорассмотрительствующий\U0001F9FF";
  const std::vector<std::int32_t> once = tokenizer.encode(part, kAll).ids;
  const std::vector<std::int32_t> twice = tokenizer.encode(part + part, kAll).ids;
  const std::size_t period = twice.size() - once.size();
  std::string word;
  constexpr std::size_t kTimes = 15'000;
  for (std::size_t i = 0; i < kTimes; ++i) word += part;
  const std::vector<std::int32_t> ids = tokenizer.encode(word, kAll).ids;
  ASSERT_EQ(ids.size(), twice.size() + (kTimes - 2) * period);
  for (std::size_t i = twice.size() - 1; i + 1 < ids.size(); ++i) {
    ASSERT_EQ(ids[i], ids[i - period]) << i;
  }
}

TEST_F(XlmrTokenizerTest, HostileTextTakesLinearTime) {
  const XlmrTokenizer tokenizer = load("tokenizer.json");
  const std::size_t bytes = repetitions(4'000'000, 400'000);
  for (const char* unit : {"a", "\u0301", "\u2581", " ", "\U0001F1F7", "क्", "\xff", "<s>"}) {
    std::string text;
    while (text.size() < bytes) text += unit;
    EXPECT_GE(tokenizer.encode(text, 100).total, 2u) << unit;
  }
}

TEST_F(XlmrTokenizerTest, TokensHaveTheirText) {
  const XlmrTokenizer tokenizer = load("tokenizer.json");
  EXPECT_EQ(tokenizer.token(0), "<s>");
  EXPECT_EQ(tokenizer.token(tokenizer.vocab_size() - 1), "<mask>");
  EXPECT_EQ(tokenizer.token(-1), "");
  EXPECT_EQ(tokenizer.token(tokenizer.vocab_size()), "");
}

TEST_F(XlmrTokenizerTest, OtherPipelinesAreRefusedByName) {
  const json good = read_json("tokenizer.json");
  EXPECT_EQ(refusal(good), "");
  const auto changed = [&](const char* pointer, const json& value) {
    json tree = good;
    tree[json::json_pointer(pointer)] = value;
    return refusal(tree);
  };
  EXPECT_NE(changed("/model/type", "BPE").find("model.type"), std::string::npos);
  EXPECT_NE(changed("/model/byte_fallback", true).find("byte_fallback"), std::string::npos);
  EXPECT_NE(changed("/model/unk_id", nullptr).find("unk_id"), std::string::npos);
  EXPECT_NE(changed("/model/unk_id", 999'999).find("special token"), std::string::npos);
  EXPECT_NE(changed("/model/vocab/10", {"▁and"}).find("not a pair"), std::string::npos);
  EXPECT_NE(changed("/model/vocab/10/0", good["model"]["vocab"][11][0]).find("twice"),
            std::string::npos);
  EXPECT_NE(changed("/model/vocab/10/0", std::string(2000, 'a')).find("2000 bytes"),
            std::string::npos);
  EXPECT_NE(changed("/normalizer/type", "NFC").find("normalizer"), std::string::npos);
  EXPECT_NE(changed("/normalizer/precompiled_charsmap", "!").find("base64"), std::string::npos);
  EXPECT_NE(changed("/pre_tokenizer/pretokenizers/0/type", "Digits").find("pre_tokenizer"),
            std::string::npos);
  EXPECT_NE(changed("/post_processor/type", "ByteLevel").find("post_processor"), std::string::npos);
  EXPECT_NE(changed("/added_tokens/0/content", "<bos>").find("<bos>"), std::string::npos);
}

TEST_F(XlmrTokenizerTest, DamagedFilesAreErrorsOfTheModel) {
  const std::string json_bytes = read_text(kXlmr / "tokenizer.json");
  const std::string model_bytes = read_text(kXlmr / "sentencepiece.bpe.model");
  CorpusRandom random(9);
  for (int i = 0; i < 60; ++i) {
    refusal(json_bytes.substr(0, random.below(json_bytes.size())));
    std::string bad = model_bytes;
    for (int change = 0; change < 3; ++change) {
      bad[random.below(bad.size())] = static_cast<char>(random.below(256));
    }
    if (i % 2 == 0) bad.resize(random.below(bad.size()));
    write_file_atomically(folder_ / "sentencepiece.bpe.model", bad);
    try {
      XlmrTokenizer::load(folder_, {""}).encode("Привет, мир", kAll);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    }
  }
}

TEST_F(XlmrTokenizerTest, MissingFilesAreNamed) {
  const auto refusal = [&]() -> std::string {
    try {
      XlmrTokenizer::load(folder_, {""});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(), folder_.string() + ": neither tokenizer.json nor sentencepiece.bpe.model");
  write_file_atomically(folder_ / "vocab.txt", std::string_view("[PAD]\n"));
  EXPECT_EQ(refusal(), (folder_ / "vocab.txt").string() +
                           ": tokenizer is \"WordPiece\", which oko does not support");
}

}  // namespace
}  // namespace oko::text
