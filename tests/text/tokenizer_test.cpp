#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "tests/text/corpus.h"

namespace oko::text {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kData = OKO_TEST_DATA;

json read_json_file(const fs::path& path) {
  return json::parse(std::ifstream(path));
}

/// The test tokenizer.json, to be changed.
json tokenizer_tree() {
  return read_json_file(kData / "tokenizer/tokenizer.json");
}

class TokenizerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tokenizer_ = std::make_unique<Tokenizer>(Tokenizer::load(kData / "tokenizer", {""}));
    goldens_ = std::make_unique<json>(read_json_file(kData / "goldens.json"));
  }
  static void TearDownTestSuite() {
    tokenizer_.reset();
    goldens_.reset();
  }

  static std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

  static std::string refusal(const json& tree) {
    try {
      Tokenizer::parse(tree.dump(), "t.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel);
      return error.what();
    }
    return "";
  }

  static std::unique_ptr<Tokenizer> tokenizer_;
  static std::unique_ptr<json> goldens_;
};

std::unique_ptr<Tokenizer> TokenizerTest::tokenizer_;
std::unique_ptr<json> TokenizerTest::goldens_;

TEST_F(TokenizerTest, EncodesAMegabyteOfMixedTextAsHuggingFaceDoes) {
  const Corpus corpus;
  const json& plain = goldens_->at("plain");
  const json& special = goldens_->at("special");
  ASSERT_EQ(plain.size(), 1024u);
  for (std::size_t seed = 0; seed < plain.size(); ++seed) {
    const std::string chunk = corpus.chunk(seed);
    EXPECT_EQ(hex(fnv1a(tokenizer_->encode(chunk))), plain[seed].get<std::string>())
        << "chunk " << seed;
    EXPECT_EQ(hex(fnv1a(tokenizer_->encode_with_special(chunk))), special[seed].get<std::string>())
        << "chunk " << seed;
  }
}

TEST_F(TokenizerTest, EncodesTheWrittenOutCasesAsHuggingFaceDoes) {
  for (const json& golden : goldens_->at("cases")) {
    const auto text = golden.at("text").get<std::string>();
    EXPECT_EQ(tokenizer_->encode(text), golden.at("plain").get<std::vector<int>>()) << text;
    EXPECT_EQ(tokenizer_->encode_with_special(text), golden.at("special").get<std::vector<int>>())
        << text;
  }
}

TEST_F(TokenizerTest, DecodesRandomTokensAsHuggingFaceDoes) {
  const json& decoded = goldens_->at("decoded");
  CorpusRandom random(decoded.size());
  for (const json& golden : decoded) {
    std::vector<std::int32_t> ids(64);
    for (std::int32_t& id : ids) {
      const auto limit = random.below(3) != 0 ? tokenizer_->vocab_size() : 256;
      id = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(limit)));
    }
    const std::string text = tokenizer_->decode(ids, true) + tokenizer_->decode(ids, false);
    const std::vector<unsigned char> bytes(text.begin(), text.end());
    EXPECT_EQ(hex(fnv1a(bytes)), golden.get<std::string>());
  }
}

TEST_F(TokenizerTest, IllFormedBytesBecomeReplacementCharactersAsInPython) {
  const std::string broken = "\xF0\x9F\x98z\xED\xA0\x80\xC0\x80\xD0";
  EXPECT_EQ(tokenizer_->encode(broken),
            tokenizer_->encode("\uFFFDz\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"));
}

TEST_F(TokenizerTest, DecodingReturnsTextInNfc) {
  for (const std::string text :
       {"Привет, мир!", "a\r\n\t b  ", "👨‍👩‍👧 中文 é", ""}) {
    EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(text), true), text);
  }
}

TEST_F(TokenizerTest, IdsOutsideTheVocabularyHaveNoText) {
  EXPECT_EQ(tokenizer_->decode(std::vector{-1, tokenizer_->vocab_size(), 1 << 30}, false), "");
  EXPECT_FALSE(tokenizer_->is_special(-1));
  EXPECT_FALSE(tokenizer_->is_special(tokenizer_->vocab_size()));
}

TEST_F(TokenizerTest, KnowsItsAddedTokens) {
  const auto start = tokenizer_->special_token("<|im_start|>");
  ASSERT_TRUE(start.has_value());
  EXPECT_TRUE(tokenizer_->is_special(*start));
  EXPECT_EQ(tokenizer_->token_bytes(*start), "<|im_start|>");
  const auto think = tokenizer_->special_token("<think>");
  ASSERT_TRUE(think.has_value());
  EXPECT_FALSE(tokenizer_->is_special(*think));
  EXPECT_FALSE(tokenizer_->special_token("the").has_value());
  EXPECT_EQ(tokenizer_->vocab_size(), 2081);
}

TEST_F(TokenizerTest, SpecialTokensWrittenInUserTextStayText) {
  const std::string text = "<|im_end|>\n<|im_start|>system\n<think>";
  for (const std::int32_t id : tokenizer_->encode(text)) EXPECT_LT(id, 2048);
  EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(text), true), text);
}

TEST_F(TokenizerTest, AMegabyteOfOneCharacterDoesNotHang) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::string unit : {"a", "ы", " ", "\n", "!", " \n", "\u0323\u0301", "\xFF", "한"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    EXPECT_GT(tokenizer_->encode(text).size(), 1000u) << unit;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST_F(TokenizerTest, ThreadsMayShareOne) {
  const Corpus corpus;
  std::vector<std::uint64_t> hashes(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    threads.emplace_back([&, i] {
      std::string text;
      for (int seed = 0; seed < 50; ++seed) text += corpus.chunk(static_cast<std::uint64_t>(seed));
      hashes[i] = fnv1a(tokenizer_->encode_with_special(text));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::uint64_t hash : hashes) EXPECT_EQ(hash, hashes[0]);
}

TEST_F(TokenizerTest, OlderLayoutOfFilesGivesTheSameTokens) {
  const fs::path folder = fs::temp_directory_path() / fmt::format("oko_legacy_{}", ::getpid());
  fs::create_directories(folder);
  const json tree = tokenizer_tree();
  std::ofstream(folder / "vocab.json") << tree["model"]["vocab"];
  std::ofstream merges(folder / "merges.txt");
  merges << "#version: 0.2\n";
  for (const json& merge : tree["model"]["merges"]) {
    merges << merge[0].get<std::string>() << ' ' << merge[1].get<std::string>() << "\r\n";
  }
  merges.close();
  json added;
  for (json token : tree["added_tokens"]) {
    const std::string id = std::to_string(token["id"].get<int>());
    token.erase("id");
    added[id] = token;
  }
  std::ofstream(folder / "tokenizer_config.json")
      << json{{"tokenizer_class", "Qwen2Tokenizer"}, {"added_tokens_decoder", added}};
  const Tokenizer legacy = Tokenizer::load(folder, {""});
  std::ofstream(folder / "tokenizer_config.json") << R"({"tokenizer_class": "LlamaTokenizer"})";
  EXPECT_THROW(Tokenizer::load(folder, {""}), Error);
  std::ofstream(folder / "tokenizer_config.json") << R"({"tokenizer_class": "Qwen2Tokenizer"})";
  std::ofstream(folder / "added_tokens.json") << R"({"<|im_start|>": 931})";
  try {
    Tokenizer::load(folder, {""});
    ADD_FAILURE() << "a model without the tokens of the chat";
  } catch (const Error& error) {
    EXPECT_TRUE(error.hint().contains("put the tokenizer.json of the original model"));
  }
  fs::remove_all(folder);

  const Corpus corpus;
  EXPECT_EQ(legacy.vocab_size(), tokenizer_->vocab_size());
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const std::string chunk = corpus.chunk(seed);
    EXPECT_EQ(legacy.encode_with_special(chunk), tokenizer_->encode_with_special(chunk));
  }
}

TEST_F(TokenizerTest, MergesMayBeWrittenAsStrings) {
  json tree = tokenizer_tree();
  for (json& merge : tree["model"]["merges"]) {
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  const Tokenizer tokenizer = Tokenizer::parse(tree.dump(), "t.json");
  const std::string chunk = Corpus().chunk(7);
  EXPECT_EQ(tokenizer.encode(chunk), tokenizer_->encode(chunk));
}

TEST_F(TokenizerTest, AnotherPipelineIsRefusedByName) {
  const std::pair<const char*, json> changes[] = {
      {"/normalizer", nullptr},
      {"/normalizer/type", "NFKC"},
      {"/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\p{N}{1,3}"},
      {"/pre_tokenizer/pretokenizers/0/behavior", "Removed"},
      {"/pre_tokenizer/pretokenizers/1/use_regex", true},
      {"/pre_tokenizer/pretokenizers/1/add_prefix_space", true},
      {"/pre_tokenizer/type", "Metaspace"},
      {"/decoder/type", "Metaspace"},
      {"/post_processor/type", "TemplateProcessing"},
      {"/model/type", "Unigram"},
      {"/model/byte_fallback", true},
      {"/model/ignore_merges", true},
      {"/model/dropout", 0.1},
      {"/model/unk_token", "<unk>"},
      {"/model/end_of_word_suffix", "</w>"},
  };
  ASSERT_EQ(refusal(tokenizer_tree()), "");
  for (const auto& [place, value] : changes) {
    json tree = tokenizer_tree();
    tree[json::json_pointer(place)] = value;
    const std::string message = refusal(tree);
    EXPECT_NE(message, "") << place;
    EXPECT_NE(message.find("which oko does not support"), std::string::npos) << message;
  }
  json tree = tokenizer_tree();
  tree["normalizer"]["type"] = "NFKC";
  EXPECT_EQ(refusal(tree), R"(t.json: normalizer is {"type":"NFKC"}, which oko does not support)");
}

TEST_F(TokenizerTest, ContradictingTablesAreRefused) {
  const auto changed = [](auto change) {
    json tree = tokenizer_tree();
    change(tree);
    return refusal(tree);
  };
  EXPECT_EQ(changed([](json& t) { t["model"]["vocab"]["new"] = 5; }),
            "t.json: token id 5 is given twice");
  EXPECT_EQ(changed([](json& t) { t["model"]["vocab"]["new"] = -5; }),
            "t.json: the vocabulary's id of 'new' is not a number");
  EXPECT_EQ(changed([](json& t) { t["model"]["vocab"]["new"] = 1 << 20; }),
            "t.json: token id 1048576 is more than the limit of 1048575");
  EXPECT_EQ(changed([](json& t) { t["model"]["vocab"].erase("a"); }),
            "t.json: byte 0x61 has no token");
  EXPECT_EQ(changed([](json& t) {
              t["model"]["merges"][3] = {"Ġ", "qqq"};
            }),
            "t.json: merge 3 needs the token 'qqq', which is not in the vocabulary");
  EXPECT_EQ(changed([](json& t) {
              t["model"]["merges"][3] = {"a", "b", "c"};
            }),
            "t.json: merge 3 is not a pair of tokens");
  EXPECT_EQ(changed([](json& t) { t["model"]["merges"][3] = "abc"; }),
            "t.json: merge 3 is not a pair of tokens");
  EXPECT_EQ(changed([](json& t) { t["model"].erase("vocab"); }), "t.json: has no vocabulary");
  EXPECT_EQ(changed([](json& t) { t["model"]["vocab"]["<|im_end|>"] = 3000; }),
            "t.json: added token '<|im_end|>' has two ids, 3000 and 2050");
  EXPECT_NE(changed([](json& t) { t["added_tokens"][0]["content"] = ""; }), "");
  EXPECT_NE(changed([](json& t) { t["added_tokens"][0]["id"] = -1; }), "");
}

TEST_F(TokenizerTest, BrokenJsonIsAnErrorAndNotACrash) {
  const std::string whole = tokenizer_tree().dump();
  for (std::size_t size = 0; size < whole.size(); size += 997) {
    EXPECT_THROW(Tokenizer::parse(whole.substr(0, size), "t.json"), Error);
  }
  EXPECT_THROW(Tokenizer::parse(std::string(1'000'000, '['), "t.json"), Error);
  std::string many = "[";
  for (int i = 0; i < 600'000; ++i) many += "0,";
  EXPECT_THROW(Tokenizer::parse(many + "0]", "t.json"), Error);
}

}  // namespace
}  // namespace oko::text
