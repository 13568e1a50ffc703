// `oko embed`: its output for texts and lines, and its refusals.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"
#include "tests/support/terminal.h"

namespace oko {
namespace {

using nlohmann::json;

class EmbedTest : public ScratchFolderTest {
 protected:
  static std::string model() { return RandomModels::get("bge-m3-small-8bit", 21); }

  static ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en",
                           const std::string& input = "/dev/null") {
    arguments.insert(arguments.begin(), {OKO_PROGRAM, "embed"});
    return Process(arguments, {"LANG=" + language + "_XX.UTF-8", "LC_ALL="}, input).wait();
  }

  static std::vector<json> objects(const ProcessResult& result) {
    EXPECT_EQ(result.status, 0) << result.err;
    std::vector<json> lines;
    std::size_t at = 0;
    for (std::size_t end; (end = result.out.find('\n', at)) != std::string::npos; at = end + 1) {
      lines.push_back(json::parse(result.out.substr(at, end - at)));
    }
    return lines;
  }

  std::string input_file(const std::string& text) const {
    const auto path = folder_ / "input";
    write_file_atomically(path, std::string_view(text));
    return path;
  }
};

double length(const std::vector<double>& vector) {
  double squares = 0;
  for (const double x : vector) squares += x * x;
  return std::sqrt(squares);
}

TEST_F(EmbedTest, AllThreeOutputsOfATextAreInOneObject) {
  const auto lines =
      objects(run({"привет", "--dense", "--sparse", "--colbert", "--json", "--model", model()}));
  ASSERT_EQ(lines.size(), 1u);
  const json& object = lines[0];
  EXPECT_EQ(object.at("index"), 0);
  EXPECT_EQ(object.at("text"), "привет");
  EXPECT_EQ(object.at("model"), model());
  EXPECT_EQ(object.at("tokens"), object.at("total_tokens"));
  EXPECT_EQ(object.at("dense").size(), 128u);
  EXPECT_NEAR(length(object.at("dense")), 1, 1e-5);
  EXPECT_FALSE(object.at("sparse").empty());
  for (const auto& [id, weight] : object.at("sparse").items()) {
    EXPECT_GT(std::stoi(id), 3);
    EXPECT_GT(weight.get<double>(), 0);
  }
  ASSERT_EQ(object.at("colbert").size(), object.at("tokens").get<std::size_t>() - 1);
  for (const json& row : object.at("colbert")) EXPECT_NEAR(length(row), 1, 1e-5);
}

TEST_F(EmbedTest, EachOptionOfARefusalIsSufficient) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "слово ";
  const auto embed = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {text, text, "--colbert", "--json", "--model", model()});
    return run(options);
  };
  const auto named = [](const ProcessResult& refused, const std::string& option) {
    EXPECT_EQ(refused.status, 3) << refused.err;
    const std::size_t at = refused.err.find(option + " ") + option.size() + 1;
    return refused.err.substr(at, refused.err.find_first_of(" ,\n", at) - at);
  };
  const std::string least = named(embed({"--budget", "1MB"}), "--budget");
  const std::string less = std::to_string(std::stoi(least) - 1) + "MB";
  EXPECT_EQ(embed({"--budget", least}).status, 0);
  const ProcessResult refused = embed({"--budget", less});
  EXPECT_EQ(named(refused, "--budget"), least);
  const std::string tokens = named(refused, "--max-tokens");
  EXPECT_EQ(embed({"--budget", less, "--max-tokens", tokens}).status, 0) << refused.err;
}

TEST_F(EmbedTest, DenseIsTheDefaultAndTextsStayInTheirOrder) {
  const auto together = objects(run({"one two three", "", "два", "--json", "--model", model()}));
  ASSERT_EQ(together.size(), 3u);
  const char* texts[] = {"one two three", "", "два"};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(together[i].at("index"), i);
    EXPECT_FALSE(together[i].contains("sparse"));
    const json alone = objects(run({texts[i], "--json", "--model", model()})).at(0);
    const std::vector<double> a = alone.at("dense"), b = together[i].at("dense");
    for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(a[j], b[j], 1e-5);
  }
}

TEST_F(EmbedTest, AnEmptyTextHasTheVectorsOfItsTwoSpecialTokens) {
  const json object =
      objects(run({"", "--dense", "--sparse", "--colbert", "--json", "--model", model()})).at(0);
  EXPECT_EQ(object.at("tokens"), 2);
  EXPECT_NEAR(length(object.at("dense")), 1, 1e-5);
  EXPECT_TRUE(object.at("sparse").empty());
  EXPECT_EQ(object.at("colbert").size(), 1u);
}

TEST_F(EmbedTest, WithoutTextsReadsWhatIsFed) {
  const auto lines = objects(run({"--json", "--model", model()}, "en", input_file("one\nдва\n")));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].at("text"), "два");
  const ProcessResult nothing = run({"--json", "--model", model()});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_NE(nothing.err.find("TEXT is missing"), std::string::npos) << nothing.err;
}

TEST_F(EmbedTest, NotesThatANameOfAFileIsNoText) {
  const std::string file = input_file("one");
  const ProcessResult result = run({file, "--model", model()});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("not of the file: for its lines, oko embed - < " + file),
            std::string::npos)
      << result.err;
  EXPECT_EQ(run({file, "--quiet", "--model", model()}).err, "");
}

TEST_F(EmbedTest, ATerminalGetsSomeNumbers) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  Terminal terminal({OKO_PROGRAM, "embed", "one", "--dense", "--sparse", "--model", model()},
                    {"LANG=en_US.UTF-8", "LC_ALL=", "TERM=xterm"});
  EXPECT_TRUE(terminal.shows("dense\t"));
  EXPECT_TRUE(terminal.shows(" ... (128)"));
  EXPECT_TRUE(terminal.shows("get all of them"));
}

TEST_F(EmbedTest, AcceptsAnyLineEndingOnStandardInput) {
  const std::string input = input_file("one\r\nдва\n\nlast");
  const auto lines = objects(run({"-", "--json", "--model", model()}, "en", input));
  const auto arguments = objects(run({"one", "два", "", "last", "--json", "--model", model()}));
  EXPECT_EQ(lines, arguments);
}

TEST_F(EmbedTest, BrokenAndHostileTextIsRead) {
  std::string text = "\xff\xfe <s></s><mask> \x1b[2J ";
  text.push_back('\0');
  text += "\n";
  constexpr int kMillions = repetitions(20, 2);
  text.append(kMillions * 1'000'000, 'a');
  const std::string input = input_file(text + "\n");
  const ProcessResult result =
      run({"-", "--sparse", "--token-strings", "--json", "--model", model()}, "en", input);
  const auto lines = objects(result);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].at("tokens"), 512);
  EXPECT_GT(lines[1].at("total_tokens").get<int>(), kMillions * 50'000);
  for (const json& line : lines) {
    for (const char* special : {"<s>", "</s>", "<mask>", "<unk>"}) {
      EXPECT_FALSE(line.at("sparse").contains(special)) << special;
    }
  }
}

TEST_F(EmbedTest, ReportsTruncatedTextInBothLanguages) {
  const std::vector<std::string> arguments{"a b c d e f g", "--max-tokens", "5", "--model",
                                           model()};
  const ProcessResult english = run(arguments);
  EXPECT_EQ(english.status, 0);
  EXPECT_EQ(english.err,
            "oko: text 1: only the first 5 of its 16 tokens were read, 11 were cut off\n");
  const ProcessResult russian = run(arguments, "ru");
  EXPECT_EQ(russian.err, "oko: текст 1: прочитаны только первые 5 из 16 токенов, отброшено 11\n");
  std::vector<std::string> quiet = arguments;
  quiet.push_back("--quiet");
  EXPECT_EQ(run(quiet).err, "");
}

TEST_F(EmbedTest, NotesTextInAnotherEncoding) {
  const std::string cp1251 = "\xCF\xF0\xE8\xE2\xE5\xF2";
  const std::string utf16("h\0i\0", 4);
  for (const std::string& text : {cp1251, utf16}) {
    const ProcessResult result =
        run({"-", "--json", "--model", model()}, "en", input_file("first\n" + text + "\n"));
    EXPECT_EQ(result.err, "oko: text 2: is not UTF-8; its vector may be wrong\n");
    const auto lines = objects(result);
    EXPECT_FALSE(lines.at(0).contains("not_utf8"));
    EXPECT_EQ(lines.at(1).at("not_utf8"), true);
  }
  const ProcessResult argument = run({"first", cp1251, "--model", model()}, "ru");
  EXPECT_EQ(argument.err, "oko: текст 2: это не UTF-8; вектор может быть неверным\n");
}

TEST_F(EmbedTest, NotesPrefixInAnotherEncoding) {
  const std::vector<std::string> arguments{"first",  "second",  "--prefix", "\xCF\xF0\xE8",
                                           "--json", "--model", model()};
  const ProcessResult english = run(arguments);
  EXPECT_EQ(english.err, "oko: --prefix is not UTF-8; the vectors may be wrong\n");
  for (const json& line : objects(english)) EXPECT_EQ(line.at("not_utf8"), true);
  const ProcessResult russian = run(arguments, "ru");
  EXPECT_EQ(russian.err, "oko: --prefix не в UTF-8; векторы могут быть неверными\n");
}

TEST_F(EmbedTest, AByteOrderMarkIsNoText) {
  const auto marked = objects(
      run({"-", "--json", "--model", model()}, "en", input_file("\xEF\xBB\xBFhello\nhello\n")));
  ASSERT_EQ(marked.size(), 2u);
  EXPECT_EQ(marked[0].at("tokens"), marked[1].at("tokens"));
  EXPECT_EQ(marked[0].at("dense"), marked[1].at("dense"));
}

TEST_F(EmbedTest, ATextThatBeginsWithADashNeedsTwoBeforeIt) {
  const ProcessResult help = run({"--model", model(), "-house"});
  EXPECT_EQ(help.status, 2) << help.out;
  EXPECT_NE(help.err.find("no option -house\nhint: put -- before"), std::string::npos) << help.err;
  const ProcessResult other = run({"--model", model(), "-minus"}, "ru");
  EXPECT_EQ(other.status, 2);
  EXPECT_NE(other.err.find("ставьте --"), std::string::npos) << other.err;
  EXPECT_EQ(run({"--model", model(), "--", "-house"}).status, 0);
  EXPECT_EQ(run({"-h"}).status, 0);
}

TEST_F(EmbedTest, PlainOutputIsALineAVector) {
  const ProcessResult dense = run({"one", "--model", model()});
  EXPECT_EQ(std::count(dense.out.begin(), dense.out.end(), '\n'), 1);
  EXPECT_EQ(std::count(dense.out.begin(), dense.out.end(), ' '), 127);
  const ProcessResult both = run({"one", "--dense", "--colbert", "--model", model()});
  EXPECT_TRUE(both.out.starts_with("dense\t")) << both.out.substr(0, 20);
  EXPECT_NE(both.out.find("\ncolbert\t"), std::string::npos);
}

TEST_F(EmbedTest, NotesPoolingThatNoFileSpecifies) {
  const std::filesystem::path plain = folder_ / "plain";
  std::filesystem::copy(RandomModels::get("bge-m3-small-f32", 21), plain);
  const std::string weights = plain / "model.safetensors";
  auto [tensors, metadata] = mlx::core::load_safetensors(weights);
  const auto embed = [&](const std::filesystem::path& model, std::vector<std::string> options) {
    options.insert(options.end(), {"a", "--model", model});
    const ProcessResult result = run(options);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  };
  EXPECT_EQ(embed(plain, {}).err, "") << "BGE-M3's heads are there";
  std::erase_if(tensors, [](const auto& tensor) { return tensor.first.find("_linear.") < 10; });
  for (auto& [name, tensor] : tensors) tensor.eval();
  mlx::core::save_safetensors(weights, tensors, metadata);
  const ProcessResult said = embed(plain, {"--json"});
  EXPECT_NE(said.err.find("the first token's is taken"), std::string::npos) << said.err;
  EXPECT_EQ(embed(plain, {"--quiet"}).err, "");

  const std::filesystem::path converted = folder_ / "converted";
  const auto convert = Process({OKO_PROGRAM, "convert", plain, converted}, {"LANG=en"}).wait();
  EXPECT_NE(convert.err.find("the first token's is taken"), std::string::npos) << convert.err;
  EXPECT_EQ(embed(converted, {}).err, "") << "its files tell";
  write_file_atomically(plain / "modules.json", std::string_view(R"([
      {"path": "", "type": "sentence_transformers.models.Transformer"},
      {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])"));
  std::filesystem::create_directory(plain / "1_Pooling");
  write_file_atomically(plain / "1_Pooling" / "config.json", std::string_view("{}"));
  const ProcessResult mean = embed(plain, {"--json"});
  EXPECT_EQ(mean.err, "");
  EXPECT_NE(mean.out, said.out);
}

TEST_F(EmbedTest, APrefixThatLeavesNoRoomForTheTextIsRefused) {
  const std::vector<std::string> arguments{"x", "y", "--max-tokens", "8", "--model", model()};
  const auto with_prefix = [&](const std::string& prefix) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--prefix", prefix});
    return run(all);
  };
  EXPECT_EQ(with_prefix("a").status, 0);
  const ProcessResult refused = with_prefix("a b c d e f g h i");
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(
      refused.err.find(
          "its tokens are 18, the limit is 8 with 2 special ones\nhint: use a shorter --prefix"),
      std::string::npos)
      << refused.err;
}

TEST_F(EmbedTest, WrongUsageIsRefusedWithStatusTwo) {
  EXPECT_EQ(run({"--model", model()}).status, 2);
  EXPECT_EQ(run({"a", "--token-strings", "--model", model()}).status, 2);
  EXPECT_EQ(run({"a", "--max-tokens", "2", "--model", model()}).status, 2);
  const ProcessResult tokens = run({"a", "--max-tokens", "600", "--model", model()});
  EXPECT_EQ(tokens.status, 2);
  EXPECT_NE(tokens.err.find("3..512"), std::string::npos) << tokens.err;
}

TEST_F(EmbedTest, StandardInputAndTextsAreNotMixed) {
  const ProcessResult result = run({"a", "-", "--model", model()}, "en", input_file("b\n"));
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("- reads texts from standard input, and 1 more were given"),
            std::string::npos)
      << result.err;
}

TEST_F(EmbedTest, AMissingModelIsStatusFive) {
  EXPECT_EQ(run({"a", "--model", "/no/such/model"}).status, 5);
}

TEST_F(EmbedTest, AModelOfPicturesIsNamedAsSuch) {
  const std::string name = std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl";
  const ProcessResult result = run({"hello", "--model", name});
  EXPECT_EQ(result.status, 5);
  EXPECT_EQ(result.err, "oko: " + name +
                            ": is a model of pictures, not of texts\n"
                            "hint: use it with oko describe; oko embed needs an encoder such as "
                            "bge-m3\n");
}

TEST_F(EmbedTest, DamagedModelNeverPrintsNaN) {
  const auto copy = folder_ / "model";
  std::filesystem::copy(model(), copy);
  const auto weights = copy / "model.safetensors";
  std::string bytes = read_file(weights, 100'000'000, ErrorCode::kFailed);
  // The last bytes belong to matrices: 0xFF there makes NaN of bf16.
  std::fill(bytes.end() - 4096, bytes.end(), '\xff');
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), bytes.end(), '\xff');
  write_file_atomically(weights, std::string_view(bytes));
  const ProcessResult result =
      run({"one", "--dense", "--sparse", "--colbert", "--json", "--model", copy});
  EXPECT_EQ(result.status, 5) << result.out;
  EXPECT_EQ(result.out, "");  // a line is a text with its vectors
  EXPECT_NE(result.err.find("NaN"), std::string::npos) << result.err;
}

TEST_F(EmbedTest, MisalignedModelGivesTheSameVectorsWithACopyAndWithoutOne) {
  const std::string shifted = folder_ / "model";
  copy_shifted(model(), shifted, 5);
  const std::vector<std::string> outputs{"раз, два", "--dense", "--sparse", "--colbert", "--json"};
  const auto start = [&](const std::string& folder, const std::string& home) {
    std::vector<std::string> arguments{OKO_PROGRAM, "embed", "--model", folder};
    arguments.insert(arguments.end(), outputs.begin(), outputs.end());
    return std::make_unique<Process>(
        arguments, std::vector<std::string>{"OKO_HOME=" + home, "LANG=en_US.UTF-8", "LC_ALL="});
  };
  const std::string home = folder_ / "home";
  const auto without_model = [](const std::string& line) {
    json object = json::parse(line);
    object.erase("model");
    return object;
  };
  const json expected = without_model(start(model(), home)->wait().out);
  // Two at once: one makes the copy, the other waits for it.
  const auto first = start(shifted, home), second = start(shifted, home);
  for (Process* process : {first.get(), second.get()}) {
    const ProcessResult result = process->wait();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(without_model(result.out), expected);
  }
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(home + "/aligned")) {
    names.insert(entry.path().extension());
  }
  EXPECT_EQ(names, (std::set<std::string>{"", ".safetensors"}));

  const std::string blocked = input_file("no folder");
  const ProcessResult in_place = start(shifted, blocked)->wait();
  EXPECT_EQ(in_place.status, 0);
  EXPECT_EQ(without_model(in_place.out), expected);
  EXPECT_NE(in_place.err.find("an aligned copy cannot be made"), std::string::npos) << in_place.err;
}

}  // namespace
}  // namespace oko
