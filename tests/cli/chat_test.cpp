// `oko chat` from a pipe, and at a terminal.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/chat_history.h"
#include "cli/chat_line.h"
#include "cli/path_completion.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"
#include "tests/support/white_bitmap.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using cli::ChatCommand;
using cli::ChatHistory;
using cli::parse_chat_line;

const std::string kDemo = std::string(OKO_SOURCE_DIR) + "/demo/";
const std::string kStars = kDemo + "images/stars.png";

class ChatTest : public ScratchFolderTest {
 protected:
  std::vector<std::string> command(const std::vector<std::string>& arguments,
                                   const std::string& model = kDemo + "models/tiny-vl") const {
    std::vector<std::string> all{OKO_PROGRAM, "chat", "--model", model, "--ocr", "off"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }

  std::vector<std::string> environment(const std::string& language = "en_US",
                                       const std::string& terminal = "xterm") const {
    return {"LC_ALL=",
            "LC_MESSAGES=",
            "LANG=" + language + ".UTF-8",
            "TERM=" + terminal,
            "HOME=" + folder_.string(),
            "OKO_HOME=" + home().string()};
  }

  /// The lines come from a file.
  ProcessResult ask(const std::string& lines, const std::vector<std::string>& arguments) const {
    write_file_atomically(folder_ / "lines", lines);
    return Process(command(arguments), environment(), folder_ / "lines").wait();
  }

  fs::path home() const { return folder_ / "home"; }
  fs::path history() const { return home() / "chat_history"; }

  std::string history_text() const {
    return fs::exists(history()) ? read_file(history(), 1 << 20, ErrorCode::kFailed) : "";
  }

  static std::string random_model() { return RandomModels::get("qwen3-vl-small-4bit", 5).string(); }
};

TEST_F(ChatTest, EachLineOfAPipeIsAQuestion) {
  const auto result = ask("Describe this image.\n\nОпиши это изображение.\n", {kStars});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "Three yellow stars.\nТри жёлтые звезды.\n");
  EXPECT_EQ(result.err, "");
  EXPECT_FALSE(fs::exists(history())) << "what no person has typed is no history";
}

TEST_F(ChatTest, FirstBadLineOfAPipeDecidesStatusAndOthersAreAnswered) {
  const auto result = ask("/image none.png\n/imgae x\n/ocr maybe\n/image \"" + kStars +
                              "\"\nDescribe this image.\n/quit\nDescribe this image.\n",
                          {});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out, "Three yellow stars.\n");
  for (const char* part : {"none.png: no such file", "no command /imgae", "did you mean /image?",
                           "/ocr is given maybe", "not every line was answered"}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << "\n" << result.err;
  }
  EXPECT_EQ(ask("/nothing\n", {}).status, 2);
  const auto bad_argument = ask("Describe this image.\n", {"none.png"});
  EXPECT_EQ(bad_argument.status, 4) << "a picture of the command line is needed for all questions";
  EXPECT_EQ(bad_argument.out, "");
}

TEST_F(ChatTest, RefusesALineThatNoModelReads) {
  const auto result = ask("Describe this image.\n" + std::string(5'000'000, 'x') + "\n", {kStars});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out, "Three yellow stars.\n");
  EXPECT_NE(result.err.find("oko: line 2 is longer than 4 MB\nhint: ask a shorter question\n"),
            std::string::npos)
      << result.err;
}

TEST_F(ChatTest, JsonHasALineForEachAnswer) {
  const auto result = ask("Describe this image.\n/help\n/stats\nGo on.\n", {"--json", kStars});
  EXPECT_EQ(result.status, 0) << result.err;
  std::istringstream lines(result.out);
  std::vector<nlohmann::json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].at("question"), "Describe this image.");
  EXPECT_EQ(answers[0].at("files"), nlohmann::json::array({kStars}));
  EXPECT_EQ(answers[0].at("text"), "Three yellow stars.");
  EXPECT_EQ(answers[0].at("finish_reason"), "stop");
  EXPECT_EQ(answers[0].at("stats").at("cached_tokens"), 0);
  EXPECT_FALSE(answers[1].contains("files"));
  EXPECT_GE(answers[1].at("stats").at("cached_tokens"), answers[0].at("stats").at("prompt_tokens"));
  EXPECT_NE(result.err.find("/image FILE"), std::string::npos);
}

TEST_F(ChatTest, JsonHasALineForEachFailedLine) {
  const auto result =
      ask("/image none.png\n/nothing\n/ocr maybe\nDescribe this image.\n", {"--json", kStars});
  EXPECT_EQ(result.status, 4);
  std::istringstream lines(result.out);
  std::vector<nlohmann::json> records;
  for (std::string line; std::getline(lines, line);) records.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(records.size(), 4u) << result.out;
  EXPECT_EQ(records[0].at("file"), "none.png");
  EXPECT_EQ(records[0].at("error").at("code"), "not_found");
  EXPECT_EQ(records[1].at("question"), "/nothing");
  EXPECT_EQ(records[2].at("error").at("code"), "usage");
  EXPECT_EQ(records[3].at("text"), "Three yellow stars.");
  const auto none = ask("Describe this image.\n", {"--json", "none.png"});
  EXPECT_EQ(nlohmann::json::parse(none.out).at("error").at("code"), "not_found") << none.out;
}

TEST_F(ChatTest, AFolderStandsForItsPictures) {
  fs::create_directories(folder_ / "in");
  fs::copy_file(kStars, folder_ / "in" / "a.png");
  fs::copy_file(kDemo + "images/hearts.jpg", folder_ / "in" / "b.jpg");
  const std::string a = folder_ / "in" / "a.png", b = folder_ / "in" / "b.jpg";
  const auto given = ask("Describe.\n", {"--json", "--max-tokens", "1", folder_ / "in"});
  ASSERT_EQ(given.status, 0) << given.err;
  EXPECT_EQ(nlohmann::json::parse(given.out).at("files"), nlohmann::json({a, b}));
  const auto added =
      ask("/image " + (folder_ / "in").string() + "\nDescribe.\n", {"--json", "--max-tokens", "1"});
  EXPECT_EQ(nlohmann::json::parse(added.out).at("files"), nlohmann::json({a, b})) << added.err;
}

TEST_F(ChatTest, AnInstructionIsPartOfThePrompt) {
  const auto tokens = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json", "--max-tokens", "1", kStars});
    const auto answer = nlohmann::json::parse(ask("Describe.\n", arguments).out);
    return answer.at("stats").at("prompt_tokens").get<int>();
  };
  EXPECT_GT(tokens({"--system", "Answer in one word."}), tokens({}) + 4);
}

TEST_F(ChatTest, OcrAloneTellsItsSetting) {
  const auto result = ask("/ocr\n/ocr on\n/ocr\n", {});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "/ocr is off\n/ocr is on\n");
}

TEST_F(ChatTest, ClearForgetsThePicture) {
  const auto result = ask("Describe this image.\n/clear\nDescribe this image.\n/stats\n", {kStars});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find(", 0 of them of pictures"), std::string::npos) << result.out;
}

TEST_F(ChatTest, StatsCountTheFirstTokenFromTheQuestion) {
  const auto result = ask("Describe this image.\n/stats\nGo on.\n/stats\n", {kStars});
  const std::string pictures = "pictures, before the question: decoded in ";
  EXPECT_NE(result.out.find("\n" + pictures), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find(pictures), result.out.rfind(pictures)) << "of the question's alone";
  EXPECT_NE(result.out.find(" after the question: resize "), std::string::npos) << result.out;
}

TEST_F(ChatTest, BudgetOfTheHintIsEnoughForAQuestion) {
  const auto within = [&](const std::string& budget) {
    return ask("Describe this image.\n", {kStars, "--budget", budget});
  };
  const auto refused = within("70MB");
  EXPECT_EQ(refused.status, 3) << refused.err;
  EXPECT_TRUE(refused.err.starts_with("oko: " + kStars + ": needs ")) << refused.err;
  const std::string before = "hint: use --budget ";
  const std::size_t at = refused.err.find(before) + before.size();
  const std::string least = refused.err.substr(at, refused.err.find("MB", at) + 2 - at);
  const auto answered = within(least);
  EXPECT_EQ(answered.status, 0) << least << "\n" << answered.err;
  EXPECT_EQ(answered.out, "Three yellow stars.\n");
}

TEST_F(ChatTest, LinesThatAreNotUtf8AreNotedAndPathsKeepTheirBytes) {
  const std::string name = folder_ / "\xFF.png";
  std::error_code refused;
  fs::copy(kStars, name, refused);
  if (refused) GTEST_SKIP() << "names are UTF-8 on this file system";
  const std::string utf16("W\0h\0y\0", 6);
  const auto result =
      ask("/image " + name + "\n" + utf16 + "\nGo on.\n/image a\0.png\n"s, {"--json"});
  EXPECT_EQ(result.status, 2) << result.err;
  const std::string note = "oko: the line is not UTF-8: the model may misunderstand it\n";
  ASSERT_NE(result.err.find(note), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find(note), result.err.rfind(note)) << "one line: " << result.err;
  EXPECT_NE(result.err.find("/image is given a name with a NUL"), std::string::npos) << result.err;
  std::istringstream lines(result.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line).at("not_utf8"), true);
  EXPECT_EQ(nlohmann::json::parse(line).at("files").size(), 1u);
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_FALSE(nlohmann::json::parse(line).contains("not_utf8"));
}

TEST_F(ChatTest, APictureThatDoesNotFitBesideTheOthersHasAHint) {
  const std::string picture = folder_ / "large.bmp";
  write_file_atomically(picture, std::string_view(white_bitmap(2000, 2000)));
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "/image " + picture + "\n";
  const auto result = ask(lines, {"--budget", "300MB"});
  EXPECT_EQ(result.status, 3) << result.err;
  EXPECT_NE(result.err.find("oko: " + picture + ": needs "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("hint: /clear forgets the conversation and its pictures; or raise "),
            std::string::npos)
      << result.err;
}

TEST_F(ChatTest, APipeIsNoPictureAndADashIsNoneEither) {
  const std::string fifo = folder_ / "picture";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto result = ask("/image " + fifo + "\n", {});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.err, "oko: " + fifo + ": is not a regular file\n" +
                            "hint: copy what a pipe gives into a file\n" +
                            "oko: not every line was answered\n");
  EXPECT_EQ(ask("", {"-"}).err, "oko: -: no such file\nhint: check the path\n");
}

TEST_F(ChatTest, SignalEndsAChatFromAPipe) {
  const std::string fifo = folder_ / "lines";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int writer = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  Process process(command({kStars}), environment(), fifo);
  ASSERT_EQ(::write(writer, "Describe this image.\n", 21), 21);
  ASSERT_TRUE(process.wait_for_output(60));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().status, 130);
  ::close(writer);
}

TEST_F(ChatTest, RussianTextCanBeEditedAtATerminal) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  Terminal terminal(command({kStars}), environment("ru_RU"));
  ASSERT_TRUE(terminal.prompts("> "));
  // An extra letter in front, a missing one, a wrong one at the end.
  terminal.type("яОпши это изображениея\x7f.");
  terminal.type("\033[H\033[3~\033[C\033[Cи\r");
  ASSERT_TRUE(terminal.shows("Три жёлтые звезды."));
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("\033[A\r");  // the last line again
  ASSERT_TRUE(terminal.shows("\n"));
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
  EXPECT_EQ(history_text(), "Опиши это изображение.\n");
  EXPECT_EQ(fs::status(history()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ChatTest, TabCompletesThePathOfAPicture) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  fs::create_directory(folder_ / "Мои снимки");
  fs::copy_file(kStars, folder_ / "Мои снимки" / "две звезды.png");
  fs::copy_file(kStars, folder_ / "Мои снимки" / "две луны.png");
  Terminal terminal(command({}), environment());
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("/image ~/Мои\t");
  ASSERT_TRUE(terminal.shows("снимки/"));
  terminal.type("\t");
  ASSERT_TRUE(terminal.shows("две "));
  terminal.type("\t");
  ASSERT_TRUE(terminal.shows("\nдве звезды.png  две луны.png"));
  ASSERT_TRUE(terminal.shows("> /image ~/Мои снимки/две "));
  terminal.type("з\t");
  ASSERT_TRUE(terminal.shows("везды.png"));
  terminal.type("\r");
  ASSERT_TRUE(terminal.shows("/Мои снимки/две звезды.png: "));
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("a\tb\r");
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
  EXPECT_EQ(history_text(), "/image ~/Мои снимки/две звезды.png\na\tb\n");
}

TEST_F(ChatTest, CtrlCStopsTheAnswerAndNothingElse) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  std::vector<std::string> pictures;  // the second keeps the model busy for a second
  for (const int width : {256, 1440}) {
    pictures.push_back(folder_ / (std::to_string(width) + ".bmp"));
    write_file_atomically(pictures.back(), std::string_view(white_bitmap(width, 1024)));
  }
  Terminal terminal(command(pictures, random_model()), environment());
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("hello there\r");
  ASSERT_TRUE(terminal.shows("looking"));
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows("oko: stopped: "));
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("half a line");
  ASSERT_TRUE(terminal.shows("half a line"));
  for (int i = 0; i < 2; ++i) {
    terminal.type("\x03");
    ASSERT_TRUE(terminal.shows("^C"));
    ASSERT_TRUE(terminal.prompts("> "));
  }
  EXPECT_EQ(terminal.shown().find("/quit"), std::string::npos) << terminal.shown();
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows("/quit or Ctrl-D ends the chat"));
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("/quit\r");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
  EXPECT_EQ(history_text(), "hello there\n/quit\n");
}

TEST_F(ChatTest, TerminateEndsAChatAtATerminal) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  Terminal terminal(command({"--no-history"}), environment());
  ASSERT_TRUE(terminal.prompts("> "));
  terminal.type("half a line");
  ASSERT_TRUE(terminal.shows("line"));
  terminal.signal(SIGTERM);
  EXPECT_EQ(terminal.wait(), 143) << terminal.shown();
  EXPECT_FALSE(fs::exists(history()));
}

TEST_F(ChatTest, ATerminalThatCannotDrawGetsNoEscapes) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  Terminal terminal(command({kStars}), environment("en_US", "dumb"));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/image none.png\n");
  ASSERT_TRUE(terminal.shows("none.png: no such file"));
  terminal.type("Describe this image.\n");
  ASSERT_TRUE(terminal.shows("Three yellow stars."));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait(), 0) << "errors of turns are said, and the person goes on";
  EXPECT_EQ(terminal.shown().find('\033'), std::string::npos) << terminal.shown();
}

TEST(ChatLineTest, TellsCommandsFromQuestions) {
  EXPECT_EQ(parse_chat_line(" \t").command, ChatCommand::kNothing);
  EXPECT_EQ(parse_chat_line(" Что это? ").argument, "Что это?");
  EXPECT_EQ(parse_chat_line("//etc is what?").command, ChatCommand::kAsk);
  EXPECT_EQ(parse_chat_line("//etc is what?").argument, "/etc is what?");
  EXPECT_EQ(parse_chat_line("/image  a b.png ").argument, "a b.png");
  EXPECT_EQ(parse_chat_line("/ocr\ton").argument, "on");
  EXPECT_EQ(parse_chat_line("/exit").command, ChatCommand::kQuit);
  EXPECT_EQ(parse_chat_line("a\xff").argument, "a\xEF\xBF\xBD");
  EXPECT_FALSE(parse_chat_line("a\xff").is_plain_utf8);
  EXPECT_EQ(parse_chat_line("/image a\xff.png").argument, "a\xff.png");
  for (const auto& [typed, meant] : {std::pair<const char*, const char*>{"/im", "/image"},
                                     {"/sttas", "/stats"},
                                     {"/cler", "/clear"},
                                     {"/", ""},
                                     {"/usr/bin", ""}}) {
    const cli::ChatLine line = parse_chat_line(typed);
    EXPECT_EQ(line.command, ChatCommand::kUnknown) << typed;
    EXPECT_EQ(line.meant, meant) << typed;
  }
}

TEST(ChatLineTest, PathsAreReadAsAShellReadsThem) {
  ::setenv("HOME", "/home/me", 1);
  EXPECT_EQ(cli::chat_path("my photo.jpg"), "my photo.jpg");
  EXPECT_EQ(cli::chat_path("my\\ photo.jpg"), "my photo.jpg");
  EXPECT_EQ(cli::chat_path("'~/my photo.jpg'"), "~/my photo.jpg");
  EXPECT_EQ(cli::chat_path("\"my photo.jpg\""), "my photo.jpg");
  EXPECT_EQ(cli::chat_path("~/photo.jpg"), "/home/me/photo.jpg");
  EXPECT_EQ(cli::chat_path("~you/photo.jpg"), "~you/photo.jpg");
  EXPECT_EQ(cli::chat_path("\""), "\"");
}

class PathCompletionTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    for (const char* name : {"снимок 1.png", "снимок 2.png", "сок.png", ".hidden", "a\\b.png",
                             "'q'", "two\nlines", "broken\xFF.png"}) {
      std::ofstream(folder_ / name) << "x";
    }
    fs::create_directory(folder_ / "new folder");
    fs::create_symlink("new folder", folder_ / "link");
  }

  /// Completes "/image ", the folder of the test and `typed`.
  cli::Completion complete(const std::string& typed, const std::string& before = "") const {
    return cli::complete_path("/image " + before + folder_.string() + "/" + typed);
  }
};

TEST_F(PathCompletionTest, AddsWhatAllCandidatesHaveInCommon) {
  EXPECT_EQ(complete("сн").added, "имок ");
  EXPECT_EQ(complete("снимок 1").added, ".png");
  EXPECT_EQ(complete("снимок\\ 1").added, ".png");
  EXPECT_EQ(complete("снимок 1.png").added, "");
  EXPECT_EQ(complete("с").added, "") << "the first bytes of two letters are no letter";
  EXPECT_EQ(complete("z").added, "");
  EXPECT_EQ(complete("ne").added, "w folder/");
  EXPECT_EQ(complete("l").added, "ink/");
  EXPECT_EQ(complete("a").added, "\\\\b.png");
  EXPECT_EQ(complete("сн", "\"").added, "имок ");
  EXPECT_EQ(complete("снимок 1", "\"").added, ".png\"");
  EXPECT_EQ(complete("a", "'").added, "\\b.png'");
  EXPECT_EQ(complete("ne", "'").added, "w folder/");
}

TEST_F(PathCompletionTest, WhatItAddsIsReadAsThePath) {
  for (const char* typed : {"снимок 1", "a", "ne"}) {
    const std::string line = folder_.string() + "/" + typed;
    EXPECT_TRUE(fs::exists(cli::chat_path(line + cli::complete_path("/image " + line).added)));
  }
  fs::create_directory(folder_ / "only");
  std::ofstream(folder_ / "only" / "'q'") << "x";
  const fs::path before = fs::current_path();
  fs::current_path(folder_ / "only");
  EXPECT_EQ(cli::chat_path(cli::complete_path("/image ").added), "'q'");
  fs::current_path(before);
}

TEST_F(PathCompletionTest, ListsNamesThatALineCanHave) {
  EXPECT_EQ(complete("с").names,
            (std::vector<std::string>{"снимок 1.png", "снимок 2.png", "сок.png"}));
  EXPECT_EQ(complete("").names,
            (std::vector<std::string>{"'q'", "a\\b.png", "link/", "new folder/", "снимок 1.png",
                                      "снимок 2.png", "сок.png"}));
  EXPECT_EQ(complete(".").names, std::vector<std::string>{".hidden"});
  EXPECT_TRUE(cli::complete_path("/image /no/such/folder/a").names.empty());
}

TEST_F(PathCompletionTest, KnowsTheHomeFolderAndTheCommand) {
  ::setenv("HOME", folder_.c_str(), 1);
  EXPECT_EQ(cli::complete_path("/image ~/со").added, "к.png");
  EXPECT_EQ(cli::complete_path("  /image\t~/со").added, "к.png");
  for (const char* line : {"", "a question", "/imag", "/image", "/images ~/со", "/ocr ~/со"}) {
    EXPECT_FALSE(cli::complete_path(line).is_path) << line;
  }
  EXPECT_TRUE(cli::complete_path("/image ").is_path);
}

class ChatHistoryTest : public ScratchFolderTest {};

TEST_F(ChatHistoryTest, KeepsTheLastLinesForItsOwnerAlone) {
  const fs::path file = folder_ / "new" / "history";
  {
    ChatHistory history(file);
    history.add("line");
    history.add("line");
    history.add("two\nlines");
    history.add("");
  }
  EXPECT_EQ(read_file(file, 1 << 20, ErrorCode::kFailed), "line\n");
  std::string lines;
  for (std::size_t i = 0; i < 2 * ChatHistory::kMaxLines + 5; ++i) {
    lines += "line " + std::to_string(i) + "\n";
  }
  write_file_atomically(file, std::string_view(lines));
  fs::permissions(file, fs::perms::all);
  ChatHistory history(file);
  ASSERT_EQ(history.lines().size(), ChatHistory::kMaxLines);
  EXPECT_EQ(history.lines().back(), "line 2004");
  history.add("новая");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const std::string text = read_file(file, 1 << 20, ErrorCode::kFailed);
  EXPECT_TRUE(text.starts_with("line 1005\n")) << text.substr(0, 20);
  EXPECT_TRUE(text.ends_with("line 2004\nновая\n"));
}

TEST_F(ChatHistoryTest, ReadsTheEndOfAFileThatHasGrownLarge) {
  const fs::path file = folder_ / "history";
  std::string text;
  for (int i = 0; i < 17; ++i) text += std::string(1'000'000, static_cast<char>('a' + i)) + "\n";
  write_file_atomically(file, text);
  const ChatHistory history(file);
  ASSERT_EQ(history.lines().size(), 15u);
  EXPECT_EQ(history.lines().front(), std::string(1'000'000, 'c'));
  EXPECT_LT(fs::file_size(file), 16'000'000u) << "it is cut";
}

TEST_F(ChatHistoryTest, ALargeFileOfWhichNoLineIsReadStays) {
  const fs::path file = folder_ / "history";
  std::string text = "line\n";
  text.append(17'000'000, 'a');
  write_file_atomically(file, std::string_view(text));
  EXPECT_TRUE(ChatHistory(file).lines().empty());
  EXPECT_EQ(fs::file_size(file), 17'000'005u);
}

TEST_F(ChatHistoryTest, WorksWithoutHistory) {
  write_file_atomically(folder_ / "file", std::string_view("no folder"));
  fs::create_directory(folder_ / "folder");
  for (const fs::path& file : {folder_ / "file" / "history", folder_ / "folder", fs::path()}) {
    ChatHistory history(file);
    history.add("a");
    EXPECT_EQ(history.lines(), std::vector<std::string>{"a"}) << file;
  }
}

}  // namespace
}  // namespace oko
