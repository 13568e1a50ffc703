// A model that is not there at its first use: offered on a terminal, an error in a pipe.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/fake_hub.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

const std::string kPicture = std::string(OKO_SOURCE_DIR) + "/tests/image/data/alpha.png";

FakeHub::Files files_of(const fs::path& model) {
  FakeHub::Files files;
  for (const auto& entry : fs::directory_iterator(model)) {
    files[entry.path().filename().string()] = read_file(entry.path(), 1 << 30, ErrorCode::kFailed);
  }
  return files;
}

class FindModelTest : public ScratchFolderTest {
 protected:
  FindModelTest() : hub_("org/tiny", files_of(RandomModels::get("qwen3-vl-small-4bit", 5))) {}

  std::vector<std::string> environment(const std::string& language = "en",
                                       const std::string& offline = "") const {
    return {"LANG=" + language + "_XX.UTF-8",
            "LC_ALL=",
            "TERM=xterm",
            "NO_COLOR=1",
            "HF_ENDPOINT=" + hub_.url(),
            "HF_HOME=" + (folder_ / "huggingface").string(),
            "HF_HUB_OFFLINE=" + offline,
            "HF_TOKEN=",
            "OKO_HOME=" + (folder_ / "oko").string()};
  }
  static std::vector<std::string> describe(const std::string& model) {
    return {OKO_PROGRAM, "describe", "--model", model,   "--max-tokens",
            "2",         "--ocr",    "off",     kPicture};
  }
  ProcessResult run(const std::vector<std::string>& line, const std::string& language = "en",
                    const std::string& offline = "") const {
    return Process(line, environment(language, offline)).wait();
  }
  std::string hint(const std::string& model, const std::string& language = "en",
                   const std::string& offline = "") const {
    const ProcessResult result = run(describe(model), language, offline);
    EXPECT_EQ(result.status, 5) << result.err;
    const std::size_t end = result.err.find('\n');
    return result.err.substr(end + 1);
  }
  bool is_there() const { return fs::exists(folder_ / "oko" / "models" / "org" / "tiny"); }

  FakeHub hub_;
};

TEST_F(FindModelTest, IsPulledForWhoSaysYesAndTheCommandGoesOn) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no terminals";
  for (const char* answer : {"n\n", "\x04", "\n"}) {
    Terminal terminal(describe("org/tiny"), environment());
    EXPECT_TRUE(terminal.shows(
        "org/tiny is not on this machine, and its size is unknown. Pull now? [Y/n] "));
    terminal.type(answer);
    const bool yes = answer[0] == '\n';
    EXPECT_EQ(terminal.wait(), yes ? 0 : 5) << terminal.shown();
    EXPECT_EQ(is_there(), yes);
    EXPECT_EQ(terminal.shown().find("hint: oko pull org/tiny") == std::string::npos, yes);
  }
  EXPECT_EQ(run(describe("org/tiny")).status, 0) << "it is there now";
}

TEST_F(FindModelTest, TheQuestionTellsTheSizeOfAKnownModel) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no terminals";
  const auto asks = [&](const std::vector<std::string>& line, const std::string& language,
                        const std::string& question) {
    Terminal terminal(line, environment(language));
    EXPECT_TRUE(terminal.shows(question));
    terminal.type("n\n");
    EXPECT_EQ(terminal.wait(), 5);
  };
  asks({OKO_PROGRAM, "describe", kPicture}, "en",
       "mlx-community/Qwen3-VL-4B-Instruct-4bit is not on this machine: 3.1 GB. Pull now? [Y/n] ");
  asks({OKO_PROGRAM, "chat", "--model", "qwen3-vl-8b"}, "ru",
       "qwen3-vl-8b ещё не скачана: 5,8 ГБ. Скачать сейчас? [Д/н] ");
  asks({OKO_PROGRAM, "embed", "hello"}, "en", "bge-m3 is not on this machine: 2.3 GB. Pull now?");
}

TEST_F(FindModelTest, CtrlCAtTheQuestionStops) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no terminals";
  for (const char* command : {"describe", "embed"}) {
    Terminal terminal({OKO_PROGRAM, command, kPicture}, environment());
    EXPECT_TRUE(terminal.shows("[Y/n] "));
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait(), 130) << command;
  }
  EXPECT_FALSE(is_there());
}

TEST_F(FindModelTest, IsAnErrorThatNamesTheCommandWhereNobodyCanBeAsked) {
  EXPECT_EQ(hint("mlx-community/Qwen3-VL-4B-Instruct-4bit"),
            "hint: oko pull qwen3-vl-4b   (3.1 GB)\n");
  EXPECT_EQ(hint("org/tiny", "ru"), "подсказка: oko pull org/tiny   (размер неизвестен)\n");
  EXPECT_EQ(hint("qwen3-vl-4b", "en", "1"),
            "hint: HF_HUB_OFFLINE is set; without it: oko pull qwen3-vl-4b   (3.1 GB)\n");
  EXPECT_TRUE(run({OKO_PROGRAM, "embed", "hello"}, "ru")
                  .err.ends_with("\nподсказка: oko pull bge-m3   (2,3 ГБ)\n"));
  EXPECT_EQ(hub_.server().requests().size(), 0u);
  if (!Terminal::is_available()) return;
  std::vector<std::string> quiet = describe("org/tiny");
  quiet.emplace_back("--quiet");
  Terminal terminal(quiet, environment());
  EXPECT_EQ(terminal.wait(), 5) << terminal.shown();
  Terminal offline(describe("org/tiny"), environment("en", "1"));
  EXPECT_EQ(offline.wait(), 5) << offline.shown();
  EXPECT_EQ(hub_.server().requests().size(), 0u);
}

TEST_F(FindModelTest, AMistypedNameOrPathIsCorrected) {
  const fs::path models = folder_ / "models";
  fs::create_directories(models);
  fs::copy(RandomModels::get("qwen3-vl-small-4bit", 5), models / "tiny-vl");
  const std::string meant = (models / "tiny-vl").string();
  EXPECT_EQ(hint((models / "tiny-v").string()), "hint: did you mean " + meant + "?\n");
  EXPECT_EQ(hint((models / "tiny-v/").string(), "ru"), "подсказка: может быть, " + meant + "?\n");
  EXPECT_EQ(hint((models / "tiny-vl" / "model.safetensors").string()),
            "hint: name its folder: " + meant + "\n");
  EXPECT_EQ(hint("qwen3-vl-4d"), "hint: did you mean qwen3-vl-4b?\n");
  if (Terminal::is_available()) {  // a path that could be a repository's name is not offered
    Terminal terminal(
        {"/bin/sh", "-c",
         "cd '" + folder_.string() +
             "' && exec '" OKO_PROGRAM "' describe --model models/tiny-v '" + kPicture + "'"},
        environment());
    terminal.type("n\n");
    EXPECT_EQ(terminal.wait(), 5);
    EXPECT_NE(terminal.shown().find("did you mean models/tiny-vl?"), std::string::npos)
        << terminal.shown();
    EXPECT_EQ(terminal.shown().find("Pull now?"), std::string::npos) << terminal.shown();
  }
  EXPECT_EQ(hint("nothing alike", "ru"), "подсказка: укажите папку модели или её имя: ORG/NAME\n");
}

}  // namespace
}  // namespace oko
