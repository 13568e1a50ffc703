// `oko describe`: its output, its exit status, and bad input.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "image/jpeg.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"
#include "tests/support/terminal.h"
#include "tests/support/tesseract.h"
#include "tests/support/white_bitmap.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

class DescribeTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    fs::copy_file(std::string(OKO_SOURCE_DIR) + "/tests/image/data/alpha.png", picture());
  }

  std::string picture() const { return (folder_ / "picture.png").string(); }
  static std::string model() { return RandomModels::get("qwen3-vl-small-4bit", 5).string(); }

  Process start(std::vector<std::string> arguments, const std::string& lang = "en_US.UTF-8") const {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(
        arguments,
        {"LANG=" + lang, "LC_ALL=", "LC_MESSAGES=", "OKO_HOME=" + (folder_ / "home").string()});
  }

  ProcessResult run(const std::vector<std::string>& arguments,
                    const std::string& lang = "en_US.UTF-8") const {
    return start(arguments, lang).wait();
  }

  ProcessResult describe(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"describe", "--model", model(), "--max-tokens", "8"});
    return run(arguments);
  }

  /// A file of this test's folder.
  std::string file(const std::string& name, const std::string& bytes) const {
    write_file_atomically(folder_ / name, bytes);
    return (folder_ / name).string();
  }

  /// A copy of the model with one file changed by `change(bytes)`.
  template <typename Change>
  std::string changed_model(const std::string& name, Change change) const {
    const fs::path copy = folder_ / "model";
    fs::copy(model(), copy);
    std::string bytes = read_file(copy / name, 1 << 30, ErrorCode::kFailed);
    change(bytes);
    write_file_atomically(copy / name, bytes);
    return copy.string();
  }

  /// One error line, then one line of hint.
  static void expect_error(const ProcessResult& result, int status, const std::string& part) {
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("oko: ")) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("\nhint: "), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
  }
};

TEST_F(DescribeTest, PrintsTheAnswerAndALineBreak) {
  const auto result = describe({picture()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_GT(result.out.size(), 1u);
  EXPECT_EQ(result.out.back(), '\n');
  EXPECT_EQ(result.err,
            "oko: " + picture() + ": the answer was cut off after 8 tokens (--max-tokens)\n")
      << "no progress in a pipe";
}

TEST_F(DescribeTest, AnswersStayOnTheTerminal) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  const std::string demo = std::string(OKO_SOURCE_DIR) + "/demo/";
  const std::string stars = demo + "images/stars.png", row = demo + "images/three_in_a_row.png";
  const std::string program =
      std::string(OKO_PROGRAM) + " describe --ocr off --model " + demo + "models/tiny-vl ";
  const auto screen = [&](const std::string& line) {
    Terminal terminal({"/bin/sh", "-c", line}, {"LC_ALL=en_US.UTF-8", "TERM=xterm"});
    EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
    const std::size_t bar = terminal.shown().rfind(" %");
    if (bar == std::string::npos) return terminal.screen();  // a busy machine passes over updates
    EXPECT_LT(bar, terminal.shown().rfind('.')) << "drawn behind the answer";
    return terminal.screen();
  };
  EXPECT_EQ(screen(program + stars), "Three yellow stars.\n\n");
  EXPECT_EQ(screen("printf '  en: '; " + program + stars), "  en: Three yellow stars.\n\n");
  EXPECT_EQ(screen(program + stars + " " + row),
            stars + ":\nThree yellow stars.\n\n" + row +
                ":\nAn orange triangle, a green ring and a purple diamond in a row.\n\n");
}

TEST_F(DescribeTest, ErrorsAreRedWhereTheTerminalHasColour) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  const auto shown = [&](const std::string& setting) {
    Terminal terminal({OKO_PROGRAM, "describe", "--model", model(), "none.png"},
                      {"LANG=en_US.UTF-8", "LC_ALL=", "TERM=xterm", setting});
    EXPECT_EQ(terminal.wait(), 4);
    return terminal.shown();
  };
  EXPECT_NE(shown("NO_COLOR=").find("\033[1;31moko:\033[0m none.png"), std::string::npos);
  EXPECT_NE(shown("NO_COLOR=").find("\033[36mhint:\033[0m "), std::string::npos);
  EXPECT_EQ(shown("NO_COLOR=1").find("\033[1;31m"), std::string::npos);
  EXPECT_EQ(shown("NO_COLOR=1").find("\033[36m"), std::string::npos);
  EXPECT_EQ(shown("TERM=dumb").find('\033'), std::string::npos);
}

TEST_F(DescribeTest, NotesStandOnLinesOfTheirOwn) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  const std::vector<std::string> environment{"LC_ALL=en_US.UTF-8", "TERM=xterm"};
  const std::string demo = std::string(OKO_SOURCE_DIR) + "/demo/";
  const std::string stars = demo + "images/stars.png";
  std::vector<std::string> line{OKO_PROGRAM, "describe", "--ocr",
                                "off",       "--model",  demo + "models/tiny-vl",
                                stars,       "--budget", "1MB"};
  const std::string refused = Process(line, environment).wait().err;
  const std::string before = "hint: use --budget ";
  const std::size_t at = refused.find(before) + before.size();
  line.back() = refused.substr(at, refused.find("MB", at) + 2 - at);
  Terminal reduced(line, environment);
  EXPECT_EQ(reduced.wait(), 0) << reduced.shown();
  EXPECT_EQ(reduced.screen(), "Three yellow stars.\noko: " + stars +
                                  ": to fit the memory budget: --kv-bits 8 instead of 16\n\n");

  line = {OKO_PROGRAM, "describe", "--ocr", "off", "--model", model(), "--quiet"};
  line.insert(line.end(), 100, picture());  // for longer than it takes to press a key
  Terminal stopped(line, environment);
  ASSERT_TRUE(stopped.shows_something()) << "without a bar: the answer begins";
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stopped.type("\x03");
  EXPECT_EQ(stopped.wait(), 130) << stopped.shown();
  EXPECT_TRUE(stopped.screen().ends_with("\noko: stopped\n\n")) << stopped.screen();
}

TEST_F(DescribeTest, NotesThatOnlyTheFirstPageIsDescribed) {
  const std::string pages = OKO_SOURCE_DIR + std::string("/tests/image/data/pages.tiff");
  const auto result = describe({"--ocr", "off", "--json", pages});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "oko: " + pages + ": page 1 of 2 is described; for others use --pages\n");
}

TEST_F(DescribeTest, JsonIsOneObjectAPicture) {
  const auto result = describe({"--json", "--stats", picture(), picture()});
  ASSERT_EQ(result.status, 0) << result.err;
  std::istringstream lines(result.out);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    const auto object = nlohmann::json::parse(line);
    EXPECT_EQ(object["file"], picture());
    EXPECT_EQ(object["finish_reason"], "length");
    EXPECT_EQ(object["stats"]["generated_tokens"], 8);
    EXPECT_GT(object["stats"]["peak_private_bytes"], 0);
    EXPECT_GT(object["stats"]["mlx_peak_bytes"], 0);
    for (const char* phase : {"vision", "prefill", "decode"}) {
      EXPECT_TRUE(object["stats"]["mlx_memory"][phase].is_number_unsigned()) << phase;
    }
    EXPECT_GT(object["stats"]["weight_bytes"], 0);
    for (const char* tag : {"image", "ocr", "preprocess", "vision", "prefill", "decode", "kv"}) {
      EXPECT_GT(object["stats"]["predicted_memory"][tag], 0) << tag;
      EXPECT_TRUE(object["stats"]["memory"][tag].is_number_unsigned()) << tag;
    }
    for (const char* key : {"decode_image_seconds", "vision_seconds", "prefill_seconds",
                            "decode_seconds", "decode_tokens_per_second"}) {
      const double microseconds = 1e6 * object["stats"][key].get<double>();
      EXPECT_NEAR(microseconds, std::round(microseconds), 0.01) << key << " is rounded";
    }
    ++count;
  }
  EXPECT_EQ(count, 2);
}

TEST_F(DescribeTest, StatsGoToStderrInTheUsersLanguage) {
  const auto english = describe({"--stats", picture()});
  EXPECT_NE(english.err.find("prefill"), std::string::npos) << english.err;
  EXPECT_NE(english.err.find("\nanswer: 8 tokens in "), std::string::npos) << english.err;
  EXPECT_NE(english.err.find("(in MLX's buffers "), std::string::npos) << english.err;
  EXPECT_EQ(english.err.find("0.00 s"), std::string::npos) << english.err;
  const auto russian = run(
      {"describe", "--model", model(), "--max-tokens", "4", "--stats", picture()}, "ru_RU.UTF-8");
  for (std::istringstream lines(english.err + russian.err); !lines.eof();) {
    std::string line;
    std::getline(lines, line);
    const auto columns = std::count_if(line.begin(), line.end(),
                                       [](char letter) { return (letter & 0xC0) != 0x80; });
    EXPECT_TRUE(columns <= 100 || line.starts_with("oko: ")) << line;
  }
  EXPECT_NE(russian.err.find("память: пик "), std::string::npos) << russian.err;
  EXPECT_NE(russian.err.find("(в буферах MLX "), std::string::npos) << russian.err;
}

TEST_F(DescribeTest, AnAnswerOfOneTokenHasNoRate) {
  const auto result = run(
      {"describe", "--model", model(), "--max-tokens", "1", "--stats", "--ocr", "off", picture()});
  EXPECT_NE(result.err.find("was cut off after 1 token (--max-tokens)\n"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("\nanswer: 1 token in 0.0 ms\n"), std::string::npos) << result.err;
}

TEST_F(DescribeTest, SeedDecidesTheText) {
  const auto with_seed = [&](const char* seed) {
    return describe({"--temperature", "2", "--seed", seed, picture()}).out;
  };
  const std::string one = with_seed("1");
  EXPECT_EQ(with_seed("1"), one);
  bool differs = false;
  for (const char* seed : {"2", "3", "4"}) differs = differs || with_seed(seed) != one;
  EXPECT_TRUE(differs);
}

TEST_F(DescribeTest, TheLanguageOfTheQuestionFollowsTheFlagAndTheEnvironment) {
  const auto answer = [&](std::vector<std::string> extra, const char* lang) {
    std::vector<std::string> arguments{"describe",     "--model", model(),
                                       "--max-tokens", "8",       picture()};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return run(arguments, lang).out;
  };
  const std::string english = answer({}, "en_US.UTF-8");
  const std::string russian = answer({}, "ru_RU.UTF-8");
  EXPECT_EQ(answer({"--lang", "ru"}, "en_US.UTF-8"), russian);
  EXPECT_EQ(answer({"--prompt", "Describe this image."}, "ru_RU.UTF-8"), english);
}

TEST_F(DescribeTest, AQuestionThatIsNotUtf8IsNotedOnce) {
  const std::string cp1251 = "\xD7\xF2\xEE \xFD\xF2\xEE?";
  const auto ask = [&](std::vector<std::string> extra, const char* lang = "en_US.UTF-8") {
    extra.insert(extra.begin(), {"describe", "--model", model(), "--max-tokens", "1", "--json"});
    return run(extra, lang);
  };
  const auto noted = ask({"--prompt", cp1251, picture(), picture()});
  EXPECT_EQ(noted.status, 0);
  EXPECT_EQ(noted.err, "oko: --prompt is not UTF-8: the model may misunderstand it\n");
  std::istringstream lines(noted.out);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(nlohmann::json::parse(line).at("not_utf8"), true);
  }
  EXPECT_EQ(std::count(noted.out.begin(), noted.out.end(), '\n'), 2);
  EXPECT_EQ(ask({"--prompt", cp1251, picture()}, "ru_RU.UTF-8").err,
            "oko: --prompt не в UTF-8: модель может понять его неверно\n");
  EXPECT_EQ(ask({"--prompt", cp1251, picture(), "--quiet"}).err, "");
  const auto plain = ask({"--prompt", "Что это?", picture()});
  EXPECT_EQ(plain.err, "");
  EXPECT_FALSE(nlohmann::json::parse(plain.out).contains("not_utf8"));
}

TEST_F(DescribeTest, OneBadPictureDoesNotStopTheOthers) {
  const auto result = describe({picture(), file("empty.png", ""), picture()});
  EXPECT_EQ(result.status, 4);
  EXPECT_NE(result.err.find("empty.png"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), ':'), 2) << result.out;
}

TEST_F(DescribeTest, BadPicturesAreOneErrorLineAndStatus4) {
  expect_error(describe({(folder_ / "none.jpg").string()}), 4, "none.jpg");
  expect_error(describe({file("empty.jpg", "")}), 4, "empty");
  expect_error(describe({file("text.jpg", "This is a text, not a picture.")}), 4, "text.jpg");
  const std::string png = read_file(picture(), 1 << 20, ErrorCode::kFailed);
  expect_error(describe({file("cut.png", png.substr(0, png.size() / 2))}), 4, "cut.png");
  expect_error(describe({file("line.bmp", white_bitmap(1000, 2)), "--ocr", "off"}), 4,
               "line.bmp: a picture of 1000 × 2 pixels is too narrow");
}

TEST_F(DescribeTest, APictureThatFailedHasARecordInJson) {
  const auto result = describe({file("text.jpg", "This is a text."), picture(), "--json"});
  EXPECT_EQ(result.status, 4) << result.err;
  const std::size_t end = result.out.find('\n');
  const auto first = nlohmann::json::parse(result.out.substr(0, end));
  EXPECT_EQ(first.at("file"), (folder_ / "text.jpg").string());
  const auto& error = first.at("error");
  EXPECT_EQ(error.at("code"), "unsupported");
  EXPECT_NE(error.at("message").get<std::string>().find("text.jpg: "), std::string::npos) << first;
  EXPECT_NE(error.at("hint").get<std::string>().find("JPEG"), std::string::npos) << first;
  EXPECT_FALSE(first.contains("text"));
  const auto second = nlohmann::json::parse(result.out.substr(end));
  EXPECT_TRUE(second.contains("text"));
  EXPECT_EQ(second.at("model"), model());
  const auto alone = describe({(folder_ / "none.jpg").string(), "--json"});
  EXPECT_EQ(alone.status, 4);
  EXPECT_EQ(nlohmann::json::parse(alone.out).at("error").at("code"), "not_found") << alone.out;
}

TEST_F(DescribeTest, PrintsTheHintBesideTheErrorAndNotTwiceInARow) {
  const auto none = [&](const char* name) { return (folder_ / name).string(); };
  const auto result =
      describe({none("a.jpg"), none("b.jpg"), file("text.jpg", "This is a text."), none("c.jpg")});
  EXPECT_EQ(result.status, 4);
  const std::string missing = "hint: check the path\n";
  const std::size_t first = result.err.find(missing);
  const std::size_t kind = result.err.find("\nhint: use a PDF, JPEG");
  const std::size_t last = result.err.rfind(missing);
  EXPECT_LT(first, kind) << result.err;
  EXPECT_LT(kind, last) << "beside the error: " << result.err;
  EXPECT_EQ(result.err.find(missing, first + 1), last) << result.err;
}

TEST_F(DescribeTest, AHugePictureOfFewBytesIsRefusedByItsHeader) {
  // IHDR says 30000 × 30000 RGB; the checksum is right, the data is not there.
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0", 29);
  png += std::string("\xe9\x45\x6f\xed", 4);
  const auto result = describe({file("huge.png", png)});
  expect_error(result, 4, "30000");
}

TEST_F(DescribeTest, BadModelsAreOneErrorLineAndStatus5) {
  const auto with_model = [&](const std::string& folder) {
    return run({"describe", "--model", folder, picture()});
  };
  expect_error(with_model("no-such-model"), 5, "no-such-model");
  expect_error(with_model(folder_.string()), 5, "config.json");
}

TEST_F(DescribeTest, AModelOfAnotherArchitectureIsNamed) {
  const auto folder = changed_model("config.json", [](std::string& bytes) {
    auto config = nlohmann::json::parse(bytes);
    config["model_type"] = "llava";
    bytes = config.dump();
  });
  expect_error(run({"describe", "--model", folder, picture()}), 5, "llava");
  expect_error(run({"describe", "--model", RandomModels::get("bge-m3-small-8bit", 1), picture()}),
               5, "this model makes vectors; it describes no pictures");
}

TEST_F(DescribeTest, TruncatedWeightsAreNamedWithBothSizes) {
  const auto folder = changed_model("model.safetensors",
                                    [](std::string& bytes) { bytes.resize(bytes.size() / 2); });
  expect_error(run({"describe", "--model", folder, picture()}), 5, "model.safetensors");
}

TEST_F(DescribeTest, MissingWeightsAreNamed) {
  const auto folder = changed_model("config.json", [](std::string&) {});
  fs::remove(fs::path(folder) / "model.safetensors");
  expect_error(run({"describe", "--model", folder, picture()}), 5, "model.safetensors");
}

TEST_F(DescribeTest, ReportsWeightsThatAreNaN) {
  const auto folder = changed_model("model.safetensors", [](std::string& bytes) {
    // All bits set are NaN in bf16 and f32: the second half of the data holds norms too.
    std::fill(bytes.end() - static_cast<std::ptrdiff_t>(bytes.size() / 2), bytes.end(), '\xff');
  });
  expect_error(run({"describe", "--model", folder, picture()}), 5, "NaN");
}

TEST_F(DescribeTest, WrongUsageIsStatus2) {
  expect_error(run({"describe"}), 2, "IMAGE");
  expect_error(run({"describe", "--no-such-flag", picture()}), 2, "no-such-flag");
  expect_error(run({"no-such-command"}), 2, "no-such-command");
  expect_error(describe({"--max-tokens", "0", picture()}), 2, "max-tokens");
  expect_error(describe({"--ocr", "perhaps", picture()}), 2, "perhaps");
  expect_error(describe({"--ocr", "off", "--ocr-tokens", "9", picture()}), 2, "--ocr-tokens");
}

TEST_F(DescribeTest, OcrOnPutsTextOfThePictureIntoThePrompt) {
  OKO_NEEDS_TESSERACT();
  const std::string receipt = std::string(OKO_SOURCE_DIR) + "/demo/pages/receipt.png";
  const auto ask = [&](const char* ocr) {
    const auto result = describe({receipt, "--ocr", ocr, "--json", "--stats"});
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out);
  };
  const auto with = ask("on"), without = ask("off");
  EXPECT_EQ(with.at("ocr_lines").size(), 24u) << "all that stands on the receipt";
  EXPECT_FALSE(with.contains("ocr_left_out"));
  EXPECT_NE(with.at("ocr_lines").dump().find("Подытог"), std::string::npos) << with;
  EXPECT_FALSE(without.contains("ocr_lines"));
  EXPECT_GT(with.at("stats").at("prompt_tokens").get<int>(),
            without.at("stats").at("prompt_tokens").get<int>() + 20);
}

TEST_F(DescribeTest, ReportsTextLeftOutOfThePrompt) {
  OKO_NEEDS_TESSERACT();
  const std::string receipt = std::string(OKO_SOURCE_DIR) + "/demo/pages/receipt.png";
  const auto result = describe({receipt, "--json", "--ocr-tokens", "400"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto object = nlohmann::json::parse(result.out);
  const std::size_t used = object.at("ocr_lines").size();
  EXPECT_GE(used, 3u);
  ASSERT_EQ(object.at("ocr_left_out").size(), 24 - used);
  for (const auto& line : object.at("ocr_left_out")) {
    EXPECT_FALSE(line.at("text").get<std::string>().empty());
    EXPECT_EQ(line.at("reason"), "ocr_tokens");
    EXPECT_GE(line.at("confidence"), 0.5);
  }
  EXPECT_NE(result.err.find(std::to_string(24 - used) + " of 24 lines of text in the picture are "
                                                        "left out of the question: --ocr-tokens "
                                                        "is 400"),
            std::string::npos)
      << result.err;
  // A question that nearly fills the model's positions leaves room for few lines.
  const auto full = describe({receipt, "--json", "--quiet", "--prompt", std::string(3600, '.')});
  ASSERT_EQ(full.status, 0) << full.err;
  EXPECT_EQ(full.err, "");
  EXPECT_EQ(nlohmann::json::parse(full.out).at("ocr_left_out").at(0).at("reason"), "context");
}

TEST_F(DescribeTest, OcrAutoReadsTextIfThereIsSome) {
  OKO_NEEDS_TESSERACT();
  const auto lines_of = [&](const std::string& file) {
    const auto result =
        describe({std::string(OKO_SOURCE_DIR) + "/demo/" + file, "--ocr", "auto", "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out).at("ocr_lines").size();
  };
  EXPECT_GE(lines_of("pages/receipt.png"), 5u);
  EXPECT_EQ(lines_of("images/radost.jpg"), 1u);
  EXPECT_EQ(lines_of("images/hearts.jpg"), 0u);
}

TEST_F(DescribeTest, DescribesWithoutTextIfReadingDoesNotFitTheBudget) {
  OKO_NEEDS_TESSERACT();
  const std::string large = file("large.bmp", white_bitmap(4000, 3000));
  const auto ask = [&](const char* ocr) {
    return describe({large, "--ocr", ocr, "--max-pixels", "65536", "--budget", "250MB", "--json"});
  };
  const auto automatic = ask("auto");
  EXPECT_EQ(automatic.status, 0) << automatic.err;
  EXPECT_NE(automatic.err.find("is not read: needs 295MB"), std::string::npos) << automatic.err;
  EXPECT_NE(automatic.out.find("\"ocr_error\":\"needs 295MB"), std::string::npos) << automatic.out;
  const auto always = ask("on");
  EXPECT_EQ(always.status, 3) << always.err;
  EXPECT_NE(always.err.find("large.bmp: needs 295MB"), std::string::npos) << always.err;
}

TEST_F(DescribeTest, APictureThatDoesNotFitTheBudgetIsShrunkWhileItIsDecoded) {
  const image::Image white{4000, 3000, std::vector<std::uint8_t>(4000 * 3000 * 3, 255)};
  const std::string large = file("large.jpg", image::encode_jpeg(white, 85));
  const auto within = [&](const std::string& budget) {
    return describe({large, "--ocr", "off", "--max-pixels", "65536", "--budget", budget});
  };
  const std::string words = "large.jpg: 4000 × 3000 pixels, shrunk to 2000 × 1500 while decoding";
  EXPECT_EQ(within("1GB").err.find(words), std::string::npos);
  const auto shrunk = within("105MB");
  EXPECT_EQ(shrunk.status, 0) << shrunk.err;
  EXPECT_NE(shrunk.err.find(words), std::string::npos) << shrunk.err;
}

TEST_F(DescribeTest, APictureThatDoesNotFitTheBudgetDoesNotStopTheOthers) {
  const std::string large = file("large.bmp", white_bitmap(4000, 3000));
  const auto within = [&](const std::string& budget, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(),
                     {"--ocr", "off", "--max-pixels", "65536", "--json", "--budget", budget});
    return describe(arguments);
  };
  const auto least = [&](const std::string& picture) {
    const auto refused = within("1MB", {picture});
    EXPECT_EQ(refused.status, 3) << refused.err;
    const std::string before = "hint: use --budget ";
    const std::size_t at = refused.err.find(before) + before.size();
    return refused.err.substr(at, refused.err.find("MB", at) + 2 - at);
  };
  const auto result = within(least(picture()), {picture(), large, picture()});
  EXPECT_EQ(result.status, 3) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 3) << result.out;
  EXPECT_NE(result.err.find("large.bmp: needs " + least(large)), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("\nhint: use --budget " + least(large) + "\n"), std::string::npos)
      << result.err;
  EXPECT_EQ(within(least(large), {picture(), large}).status, 0);
}

TEST_F(DescribeTest, EachRefusedPictureNamesTheOptionsThatSuffice) {
  const std::string pixels = file("pixels.bmp", white_bitmap(1000, 1000));
  const auto within = [&](const std::vector<std::string>& pictures) {
    std::vector<std::string> line{"--ocr", "off", "--budget", "75MB"};
    line.insert(line.end(), pictures.begin(), pictures.end());
    return describe(line);
  };
  const auto alone = within({pixels});
  EXPECT_EQ(alone.status, 3) << alone.err;
  const std::string hint = alone.err.substr(alone.err.find("hint: "));
  EXPECT_NE(hint.find("--max-pixels "), std::string::npos) << hint;
  const auto several = within({pixels, pixels});
  EXPECT_EQ(several.status, 3) << several.err;
  EXPECT_NE(several.err.find(hint), several.err.rfind(hint)) << several.err;
}

TEST_F(DescribeTest, OcrAutoDescribesWithANoteIfALanguageIsMissing) {
  OKO_NEEDS_TESSERACT();
  ::setenv("TESSDATA_PREFIX", folder_.c_str(), 1);
  const auto automatic = describe({picture(), "--ocr", "auto"});
  const auto on = describe({picture(), "--ocr", "on"});
  ::unsetenv("TESSDATA_PREFIX");
  EXPECT_EQ(automatic.status, 0) << automatic.err;
  EXPECT_NE(automatic.err.find("tesseract-ocr-rus"), std::string::npos) << automatic.err;
  EXPECT_EQ(on.status, 1);
}

TEST_F(DescribeTest, ErrorsFollowTheLanguage) {
  const auto result = run({"describe", "--model", model(), "нет.jpg"}, "ru_RU.UTF-8");
  EXPECT_EQ(result.status, 4);
  EXPECT_NE(result.err.find("нет такого файла"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("подсказка: "), std::string::npos) << result.err;
}

TEST_F(DescribeTest, HelpShowsAnExample) {
  for (const auto& command :
       {std::vector<std::string>{"describe"}, std::vector<std::string>{"bench", "make-model"}}) {
    auto arguments = command;
    arguments.push_back("--help");
    const auto result = run(arguments);
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.out.find("Example:\n  oko " + command[0]), std::string::npos) << result.out;
  }
}

TEST_F(DescribeTest, CtrlCEndsLongWorkCleanly) {
  std::vector<std::string> arguments{"describe", "--model", model(), "--max-tokens", "64"};
  arguments.insert(arguments.end(), 5000, picture());  // minutes of work
  Process process = start(arguments);
  ASSERT_TRUE(process.wait_for_output(60));
  const auto start_of_end = std::chrono::steady_clock::now();
  process.signal(SIGINT);
  const auto result = process.wait();
  const auto took = std::chrono::steady_clock::now() - start_of_end;
  EXPECT_EQ(result.status, 130) << result.err;
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_NE(result.err.find("stopped"), std::string::npos) << result.err;
}

TEST_F(DescribeTest, ShardsAreReadAndAMissingOneIsNamed) {
  const fs::path folder = folder_ / "sharded";
  testing::make_random_model(
      {.shape = "qwen3-vl-small-4bit", .seed = 5, .max_shard_bytes = 300'000}, folder);
  ASSERT_TRUE(fs::exists(folder / "model.safetensors.index.json"));
  const auto run_sharded = [&] {
    return run({"describe", "--model", folder.string(), "--max-tokens", "8", picture()});
  };
  EXPECT_EQ(run_sharded().out, describe({picture()}).out);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("model-00002")) fs::remove(entry.path());
  }
  expect_error(run_sharded(), 5, "model-00002");
}

TEST_F(DescribeTest, MisalignedModelIsAlignedAtItsFirstUseAndAnswersAlike) {
  const std::string shifted = folder_ / "model";
  copy_shifted(model(), shifted, 3);
  const std::vector<std::string> arguments{"describe", "--model", shifted,  "--max-tokens",
                                           "8",        "--stats", "--json", picture()};
  const auto first = run(arguments);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.err.find("an aligned copy is made once"), std::string::npos) << first.err;
  EXPECT_NE(first.err.find((folder_ / "home" / "aligned").string()), std::string::npos);
  const auto second = run(arguments);
  EXPECT_EQ(second.err, "");
  const auto aligned = nlohmann::json::parse(describe({"--stats", "--json", picture()}).out);
  const auto parsed = nlohmann::json::parse(second.out);
  EXPECT_EQ(parsed.at("text"), aligned.at("text"));
  EXPECT_EQ(nlohmann::json::parse(first.out).at("text"), aligned.at("text"));
  EXPECT_EQ(parsed.at("stats").at("copied_weight_bytes"), 0);
  const auto in_russian = run(
      {"describe", "--quiet", "--model", shifted, "--max-tokens", "1", picture()}, "ru_RU.UTF-8");
  EXPECT_EQ(in_russian.err, "");
}

TEST_F(DescribeTest, MisalignedModelGivesTheSameAnswerWithoutACopy) {
  const std::string shifted = folder_ / "model";
  copy_shifted(model(), shifted, 3);
  const std::string home = file("home", "this is no folder");
  const std::vector<std::string> arguments{"describe", "--model", shifted,  "--max-tokens",
                                           "8",        "--stats", "--json", picture()};
  const auto result = run(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("an aligned copy cannot be made (" + home), std::string::npos)
      << result.err;
  EXPECT_EQ(read_file(home, 100, ErrorCode::kFailed), "this is no folder");
  const auto parsed = nlohmann::json::parse(result.out);
  const auto aligned = nlohmann::json::parse(describe({"--json", picture()}).out);
  EXPECT_EQ(parsed.at("text"), aligned.at("text"));
  // Vectors and the patch embedding; matrices are read in place.
  const auto copied = parsed.at("stats").at("copied_weight_bytes").get<std::uint64_t>();
  EXPECT_GT(copied, 0U);
  EXPECT_LT(copied, parsed.at("stats").at("weight_bytes").get<std::uint64_t>() / 5);
  const auto russian = run(arguments, "ru_RU.UTF-8");
  EXPECT_NE(russian.err.find("выровненную копию создать не удаётся"), std::string::npos)
      << russian.err;
}

}  // namespace
}  // namespace oko
