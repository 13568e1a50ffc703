// Standard streams that are closed, full or gone, and signals: none may change the work or the
// answers of oko.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/temporary_file.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The number by which the shell of a test knows a stream that the test has made.
constexpr int kGivenStream = 9;

class StreamsTest : public ScratchFolderTest {
 protected:
  /// Runs `command` in a shell: $OKO is the program, $MODEL, $PICTURE and $PDF are its inputs.
  ProcessResult shell(const std::string& command, const std::string& terminal = "xterm") const {
    return Process({"/bin/sh", "-c", command},
                   {std::string("OKO=") + OKO_PROGRAM, "MODEL=" + model(),
                    std::string("PICTURE=") + OKO_SOURCE_DIR + "/tests/image/data/alpha.png",
                    std::string("PDF=") + OKO_SOURCE_DIR + "/tests/document/data/text.pdf",
                    "FOLDER=" + folder_.string(), "TERM=" + terminal, "LC_ALL=", "LANG=en_US.UTF-8",
                    "OKO_HOME=" + (folder_ / "home").string()})
        .wait();
  }

  static std::string model() { return RandomModels::get("qwen3-vl-small-4bit", 5).string(); }

  /// Makes a stream for the shell from `file`, which it takes over.
  static void give(int file) {
    ASSERT_EQ(::dup2(file, kGivenStream), kGivenStream);
    ::close(file);
  }

  /// False in a container without /dev/pts.
  static bool has_terminals() {
    const int far = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (far >= 0) ::close(far);
    return far >= 0;
  }

  /// The far end of a new terminal; the shell gets its near end.
  static int give_terminal() {
    const int far = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(far, 0);
    EXPECT_EQ(::grantpt(far), 0);
    EXPECT_EQ(::unlockpt(far), 0);
    give(::open(::ptsname(far), O_RDWR | O_NOCTTY));
    return far;
  }

  /// The output of a program to a terminal.
  static std::string shown_on(int far) {
    ::close(kGivenStream);
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(far, buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(far);
    return text;
  }
};

constexpr const char* kDescribe =
    "\"$OKO\" describe --model \"$MODEL\" --ocr off --max-tokens 2 --stats ";

TEST_F(StreamsTest, StderrThatCannotBeWrittenChangesNoStatusAndNoAnswer) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const std::string answer = shell(kDescribe + std::string("\"$PICTURE\"")).out;
  ASSERT_FALSE(answer.empty());
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  give(ends[1]);
  for (const std::string stream : {" 2>&-", " 2>/dev/full", " 2>&9"}) {
    const auto described = shell(kDescribe + std::string("\"$PICTURE\"") + stream);
    EXPECT_EQ(described.status, 0) << stream;
    EXPECT_EQ(described.out, answer) << stream;
    const auto partly = shell(kDescribe + std::string("none.jpg \"$PICTURE\"") + stream);
    EXPECT_EQ(partly.status, 4) << stream;
    EXPECT_TRUE(partly.out.ends_with(answer)) << stream;
    EXPECT_EQ(shell("\"$OKO\" describe --nonsense" + stream).status, 2) << stream;
  }
  ::close(kGivenStream);
  EXPECT_EQ(shell(kDescribe + std::string("none.jpg <&- >&- 2>&-")).status, 4);
}

TEST_F(StreamsTest, TerminalThatHasGoneChangesNoStatus) {
  if (!has_terminals()) GTEST_SKIP() << "this system has no pseudo-terminals";
  ::close(give_terminal());
  const auto result = shell("\"$OKO\" bench make-model bge-m3-small-8bit --out $FOLDER/m 2>&9");
  ::close(kGivenStream);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder_ / "m" / "config.json"));
}

TEST_F(StreamsTest, StdoutThatCannotBeWrittenIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  for (const std::string& command :
       {std::string(kDescribe) + "\"$PICTURE\"", std::string("\"$OKO\" --help"),
        std::string("\"$OKO\" describe --help")}) {
    for (const std::string stream : {" >&-", " >/dev/full"}) {
      const auto result = shell(command + stream);
      EXPECT_EQ(result.status, 1) << command << stream;
      EXPECT_NE(result.err.find("standard output cannot be written"), std::string::npos)
          << command << stream << result.err;
    }
  }
}

TEST_F(StreamsTest, EndsSilentlyIfStdoutLosesItsReader) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  give(ends[1]);
  const auto result = shell("exec \"$OKO\" --help >&9");
  EXPECT_EQ(result.status, -SIGPIPE);
  EXPECT_EQ(result.err, "");
  const auto ignoring = shell("trap '' PIPE; exec \"$OKO\" --help >&9");
  ::close(kGivenStream);
  EXPECT_EQ(ignoring.status, 1);
  EXPECT_NE(ignoring.err.find("standard output cannot be written"), std::string::npos);
}

TEST_F(StreamsTest, MakesModelEvenIfItsTableCannotBePrinted) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const auto result = shell("\"$OKO\" convert \"$MODEL\" $FOLDER/small >/dev/full");
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_TRUE(fs::exists(folder_ / "small" / "model.safetensors"));
}

TEST_F(StreamsTest, StdinThatIsClosedIsAnError) {
  const auto result = shell("\"$OKO\" embed - --model " +
                            RandomModels::get("bge-m3-small-8bit", 21).string() + " <&-");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("standard input cannot be read"), std::string::npos) << result.err;
}

TEST_F(StreamsTest, ReadsPictureFromStandardInputForADash) {
  const auto from_file = shell(kDescribe + std::string("--json \"$PICTURE\""));
  auto expected = nlohmann::json::parse(from_file.out);
  const auto piped = shell("cat \"$PICTURE\" | TMPDIR=$FOLDER " +
                           std::string(kDescribe + std::string("--json - | cat")));
  const auto answer = nlohmann::json::parse(piped.out);
  EXPECT_EQ(answer.at("file"), "-");
  EXPECT_EQ(answer.at("text"), expected.at("text"));
  const auto bad = shell("TMPDIR=$FOLDER \"$OKO\" ocr - --threads 1 </dev/null");
  EXPECT_EQ(bad.status, 4);
  EXPECT_EQ(bad.err.rfind("oko: -: is empty (0 bytes)\n", 0), 0u) << bad.err;
  const auto page = shell("TMPDIR=$FOLDER \"$OKO\" ocr - --threads 1 --format json <\"$PICTURE\"");
  EXPECT_EQ(nlohmann::json::parse(page.out).at("file"), "-") << page.err;
  EXPECT_TRUE(fs::is_empty(folder_) || fs::remove_all(folder_ / "home") > 0);
  EXPECT_TRUE(fs::is_empty(folder_)) << "the copy of standard input is there";
}

TEST_F(StreamsTest, APipeOrALinkToItselfIsNoFileToWrite) {
  const fs::path loop = folder_ / "loop";
  fs::create_symlink("loop", loop);
  for (const char* output : {"/dev/stdout", "/dev/fd/1", "$FOLDER/loop"}) {
    const ProcessResult result = shell(std::string("$OKO ocr $PDF -o ") + output);
    EXPECT_EQ(result.status, 1) << output;
    EXPECT_NE(result.err.find("is not a file to write\nhint: "), std::string::npos) << result.err;
  }
  EXPECT_TRUE(fs::is_symlink(loop));
}

TEST_F(StreamsTest, AFolderForTemporaryFilesThatIsNotThereIsNamed) {
  const auto result = shell("LANG=ru TMPDIR=$FOLDER/none \"$OKO\" ocr - <\"$PICTURE\"");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err.rfind("oko: " + (folder_ / "none").string() + ": не папка", 0), 0u)
      << result.err;
}

TEST_F(StreamsTest, NameThatIsNotUtf8IsWholeInJson) {
  const std::string name = (folder_ / "\xff\xe4 \"1\".png").string();
  std::error_code refused;
  fs::copy_file(std::string(OKO_SOURCE_DIR) + "/tests/image/data/alpha.png", name, refused);
  if (refused) GTEST_SKIP() << "names are UTF-8 on this file system";
  const auto result = shell(kDescribe + std::string("--json $FOLDER/*.png | tee $FOLDER/out"));
  const auto answer = nlohmann::json::parse(result.out);
  EXPECT_NE(answer.at("file"), name);
  const auto bytes = answer.at("file_base64").get<std::string>();
  EXPECT_EQ(shell("printf %s '" + bytes + "' | base64 -d").out, name);
}

TEST_F(StreamsTest, DrawsProgressOnlyOnATerminalOfItsOwn) {
  if (!has_terminals()) GTEST_SKIP() << "this system has no pseudo-terminals";
  const auto shown = [&](const std::string& terminal, const std::string& stdout_stream) {
    const int far = give_terminal();
    const auto result = shell(
        "rm -rf $FOLDER/m; \"$OKO\" bench make-model bge-m3-small-8bit "
        "--out $FOLDER/m 2>&9" +
            stdout_stream,
        terminal);
    EXPECT_EQ(result.status, 0);
    return shown_on(far);
  };
  EXPECT_NE(shown("xterm", " >&9").find("\033[K"), std::string::npos);
  EXPECT_NE(shown("xterm", " >$FOLDER/out").find("100 %"), std::string::npos);
  for (const std::string& text : {shown("dumb", " >&9"), shown("", " >&9"), shown("xterm", "")}) {
    EXPECT_EQ(text.find('\033'), std::string::npos) << text;
    EXPECT_EQ(text.find(" %"), std::string::npos) << text;
  }
}

TEST(ProgressBarTest, FitsTheWidthOfTheTerminal) {
  const auto columns = [](const std::string& text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  };
  const std::string wide = cli::bar_text("смотрю", 0.5, "3 MB", 100);
  EXPECT_EQ(wide, "смотрю  [###############...............]  50 %  3 MB");
  EXPECT_EQ(cli::bar_text("looking", 1, "a long detail", 40),
            "looking  [#####################]  100 %");
  EXPECT_EQ(cli::bar_text("looking", 0.25, "", 20), "looking  25 %");
  EXPECT_EQ(cli::bar_text("looking", 0.5, "3 of 5 files, 5 min left", 50, "5 min left"),
            "looking  [#########..........]  50 %  5 min left");
  EXPECT_EQ(cli::bar_text("индексирую", 1, "3 из 5 файлов, осталось 12 ч 15 мин", 40,
                          "осталось 12 ч 15 мин"),
            "индексирую  100 %  осталось 12 ч 15 мин");
  EXPECT_EQ(cli::bar_text("looking", 0.5, "3 of 5 files, 5 min left", 22, "5 min left"),
            "looking  50 %");
  for (std::size_t width = 20; width < 120; ++width) {
    EXPECT_LT(columns(cli::bar_text("looking", 1, "1.2 GB of 3.1 GB", width)), width);
    EXPECT_LT(columns(cli::bar_text("смотрю", 1, "5 из 9 файлов, 5 мин", width, "5 мин")), width);
  }
}

TEST_F(StreamsTest, FirstSignalEndsAReadThatWaits) {
  const std::string fifo = folder_ / "lines";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int writer = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Process process(
        {OKO_PROGRAM, "embed", "-", "--model", RandomModels::get("bge-m3-small-8bit", 21).string()},
        {"LC_ALL=", "LANG=en_US.UTF-8"}, fifo);
    ASSERT_EQ(::write(writer, "hello\n", 6), 6);
    ASSERT_TRUE(process.wait_for_output(60));
    std::this_thread::sleep_for(20ms);
    const auto begin = std::chrono::steady_clock::now();
    process.signal(number);
    while (process.is_running() && std::chrono::steady_clock::now() - begin < 3s) {
      std::this_thread::sleep_for(5ms);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s) << number;
    process.signal(SIGKILL);
    const auto result = process.wait();
    EXPECT_EQ(result.status, 128 + number);
    EXPECT_EQ(result.err, "oko: stopped\n") << number;
  }
  ::close(writer);
}

TEST(InterruptTest, EndsWorkThatIgnoresAStopAfterItsPatience) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stubborn = [] {
    const cli::Interrupt interrupt(50ms);
    std::raise(SIGTERM);
    std::this_thread::sleep_for(20s);
  };
  EXPECT_EXIT(stubborn(), ::testing::ExitedWithCode(143), "oko: stopped");
}

TEST(InterruptTest, EndsEvenIfStderrIsNotRead) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto unread = [] {
    int ends[2];
    if (::pipe(ends) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0) return;
    ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (::write(ends[1], "full", 4) > 0) {
    }
    ::fcntl(ends[1], F_SETFL, 0);
    const cli::Interrupt interrupt(50ms);
    std::raise(SIGTERM);
    std::this_thread::sleep_for(5s);
    std::_Exit(0);
  };
  EXPECT_EXIT(unread(), ::testing::ExitedWithCode(143), "");
}

TEST_F(StreamsTest, SecondSignalEndsTheProcessWithoutItsTemporaryFiles) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stubborn = [&] {
    const cli::Interrupt interrupt;
    const TemporaryFile file(folder_ / "input-", "input");
    fs::create_directories(folder_ / ".model.part" / "1_Pooling");
    const TemporaryPath folder(folder_ / ".model.part");
    std::raise(SIGHUP);
    std::raise(SIGINT);
    std::this_thread::sleep_for(20s);
  };
  EXPECT_EXIT(stubborn(), ::testing::ExitedWithCode(129), "oko: stopped");
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST(InterruptTest, SecondCtrlCEndsATurnThatIgnoresTheFirst) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stubborn = [] {
    cli::Interrupt interrupt(50ms, cli::CtrlC::kStopsTurn);
    for (int turn = 0; turn < 2; ++turn) {  // they stop, and others follow
      interrupt.begin_turn();
      std::raise(SIGINT);
      while (!interrupt.turn().stop_requested()) std::this_thread::sleep_for(1ms);
    }
    interrupt.begin_turn();
    int ends[2];
    const int before = ::dup(STDERR_FILENO);
    if (::pipe(ends) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0) return;
    std::raise(SIGINT);
    ::alarm(60);
    char note[200];
    const ssize_t size = ::read(ends[0], note, sizeof note);  // waits for it
    ::dup2(before, STDERR_FILENO);
    if (size <= 0 || ::write(STDERR_FILENO, note, size) != size) return;
    if (interrupt.token().stop_requested()) std::_Exit(1);
    std::raise(SIGINT);
    std::this_thread::sleep_for(20s);
  };
  EXPECT_EXIT(stubborn(), ::testing::ExitedWithCode(130),
              "still stopping; Ctrl-C again ends oko\n.*oko: stopped");
}

TEST(InterruptTest, CtrlCBeforeTheFirstTurnStopsEverything) {
  cli::Interrupt interrupt(60s, cli::CtrlC::kStopsTurn);
  std::raise(SIGINT);
  for (int i = 0; i < 1000 && !interrupt.token().stop_requested(); ++i) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(interrupt.token().stop_requested());
  EXPECT_TRUE(interrupt.begin_turn().stop_requested());
}

TEST(InterruptTest, CtrlCEndsTheProcessEvenIfAStopOfItsTurnHangs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto hanging = [] {
    cli::Interrupt interrupt(50ms, cli::CtrlC::kStopsTurn);
    interrupt.begin_turn();
    const StopCallback hang(interrupt.token(), [] {
      std::this_thread::sleep_for(20s);
      std::_Exit(1);
    });
    ::alarm(30);
    for (;;) {
      std::raise(SIGINT);
      std::this_thread::sleep_for(100ms);
    }
  };
  EXPECT_EXIT(hanging(), ::testing::ExitedWithCode(130), "");
}

TEST(InterruptTest, WorkThatStopsInTimeEndsByItself) {
  const cli::Interrupt interrupt(60s);
  std::raise(SIGINT);
  for (int i = 0; i < 1000 && !interrupt.token().stop_requested(); ++i) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(interrupt.token().stop_requested());
}

TEST(InterruptTest, KeepsSighupIgnored) {
  std::signal(SIGHUP, SIG_IGN);
  {
    const cli::Interrupt interrupt;
    std::raise(SIGHUP);
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE(interrupt.token().stop_requested());
  }
  EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace oko
