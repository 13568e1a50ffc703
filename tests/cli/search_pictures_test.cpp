// `oko search` on a terminal: the pictures that it draws, and what it draws none on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <regex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/file.h"
#include "cli/inline_picture.h"
#include "image/image.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using cli::PictureProtocol;

/// The pictures that a terminal of kitty's protocol gets; every piece is checked.
std::vector<std::string> kitty_pictures(const std::string& shown) {
  std::vector<std::string> pictures;
  std::string data;
  for (std::size_t at = 0; (at = shown.find("\033_G", at)) != std::string::npos;) {
    const std::size_t semicolon = shown.find(';', at), end = shown.find("\033\\", at);
    const std::string keys = shown.substr(at + 3, semicolon - at - 3);
    const std::string piece = shown.substr(semicolon + 1, end - semicolon - 1);
    const bool is_last = keys.ends_with("m=0");
    EXPECT_EQ(data.empty(), keys.starts_with("a=T,f=100,q=2,c=")) << keys;
    EXPECT_TRUE(is_last ? piece.size() <= 4096 : piece.size() == 4096) << piece.size();
    data += piece;
    if (is_last) pictures.push_back(bytes_of_base64(std::exchange(data, {})).value_or(""));
    at = end;
  }
  EXPECT_TRUE(data.empty());
  return pictures;
}

std::vector<std::string> iterm_pictures(const std::string& shown) {
  std::vector<std::string> pictures;
  for (std::size_t at = 0;
       (at = shown.find("\033]1337;File=inline=1;", at)) != std::string::npos;) {
    const std::size_t colon = shown.find(':', at), end = shown.find('\a', at);
    pictures.push_back(bytes_of_base64(shown.substr(colon + 1, end - colon - 1)).value_or(""));
    const std::string size = "size=" + std::to_string(pictures.back().size()) + ";";
    EXPECT_NE(shown.substr(at, colon - at).find(size), std::string::npos);
    at = end;
  }
  return pictures;
}

image::Image decoded(const std::string& png) {
  return image::decode(std::as_bytes(std::span(png)), "a picture of the terminal");
}

/// The number of pixels of the frame, and of dark ones inside of its outline and outside.
struct Ink {
  int frame = 0, inside = 0, outside = 0;
};

Ink ink_of(const image::Image& image) {
  const auto pixel = [&](int x, int y) {
    return &image.rgb[3 * static_cast<std::size_t>(y * image.width + x)];
  };
  const auto is_frame = [&](int x, int y) {
    return pixel(x, y)[0] == 230 && pixel(x, y)[1] == 30 && pixel(x, y)[2] == 30;
  };
  Ink ink;
  int left = image.width, top = image.height, right = 0, bottom = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (!is_frame(x, y)) continue;
      ++ink.frame;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (is_frame(x, y) || pixel(x, y)[0] > 100) continue;
      const bool is_inside = x > left && x < right && y > top && y < bottom;
      ++(is_inside ? ink.inside : ink.outside);
    }
  }
  return ink;
}

class SearchPicturesTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    fs::create_directories(folder_ / "files");
  }

  std::vector<std::string> environment(const std::vector<std::string>& own = {}) const {
    std::vector<std::string> all{"TERM_PROGRAM=",
                                 "TMUX=",
                                 "STY=",
                                 "ZELLIJ=",
                                 "KITTY_WINDOW_ID=",
                                 "KONSOLE_VERSION=",
                                 "LC_TERMINAL=",
                                 "VTE_VERSION=",
                                 "XTERM_VERSION=",
                                 "TERM=xterm-256color",
                                 "NO_COLOR=",
                                 "LC_ALL=",
                                 "LANG=en_US.UTF-8",
                                 "OKO_HOME=" + (folder_ / "home").string()};
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }

  /// Copies text.pdf, whose text needs no engine to be read, and indexes the folder.
  void index_pdf(const std::string& name = "text.pdf") {
    fs::copy_file(OKO_SOURCE_DIR "/tests/document/data/text.pdf", folder_ / "files" / name);
    index_files();
  }
  void index_files() {
    const ProcessResult result = Process({OKO_PROGRAM, "index", (folder_ / "files").string(),
                                          "--model", RandomModels::get("bge-m3-small-8bit", 21)},
                                         environment())
                                     .wait();
    ASSERT_EQ(result.status, 0) << result.err;
  }

  /// What a terminal gets.
  std::string shown(const std::vector<std::string>& own, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {OKO_PROGRAM, "search", "французских булок", "--mode", "text"});
    Terminal terminal(options, environment(own));
    EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
    return terminal.shown();
  }
};

TEST_F(SearchPicturesTest, TheLineIsFramedOnATerminalLikeKitty) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  index_pdf();
  const std::string text = shown({"TERM=xterm-kitty"});
  const std::vector<std::string> pictures = kitty_pictures(text);
  ASSERT_EQ(pictures.size(), 1u) << text;
  const image::Image picture = decoded(pictures[0]);
  EXPECT_LE(picture.width, 720);
  EXPECT_LE(picture.height, 200);
  // The first of four lines is in the frame, and the others are around it.
  const Ink ink = ink_of(picture);
  EXPECT_GT(ink.frame, 1000);
  EXPECT_GT(ink.inside, 500);
  EXPECT_GT(ink.outside, ink.inside);
  EXPECT_TRUE(iterm_pictures(text).empty());
}

TEST_F(SearchPicturesTest, TheSamePictureIsShownByITerm) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  index_pdf();
  const std::string text = shown({"TERM_PROGRAM=iTerm.app"});
  EXPECT_EQ(iterm_pictures(text), kitty_pictures(shown({"TERM=xterm-kitty"})));
  EXPECT_EQ(iterm_pictures(text).size(), 1u);
  EXPECT_TRUE(kitty_pictures(text).empty());
}

TEST_F(SearchPicturesTest, NothingIsDrawnWhereItWouldNotBeShown) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  index_pdf();
  const std::vector<std::string> kitty{"TERM=xterm-kitty"};
  const auto is_plain = [](const std::string& text) {
    return text.find("text.pdf") != std::string::npos && kitty_pictures(text).empty() &&
           iterm_pictures(text).empty();
  };
  EXPECT_TRUE(is_plain(shown(kitty, {"--no-pictures"})));
  EXPECT_TRUE(is_plain(shown(kitty, {"--json"})));
  EXPECT_TRUE(is_plain(shown({"TERM=xterm-kitty", "TMUX=/tmp/tmux-0/default,1,0"})));
  EXPECT_TRUE(is_plain(shown({"TERM=xterm-256color"})));
  const ProcessResult piped =
      Process({OKO_PROGRAM, "search", "французских булок", "--mode", "text"}, environment(kitty))
          .wait();
  EXPECT_TRUE(is_plain(piped.out));
  EXPECT_EQ(piped.out.find('\033'), std::string::npos);
}

TEST_F(SearchPicturesTest, AChangedFileIsNotedAndTheSearchGoesOn) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  index_pdf("a.pdf");
  write_file_atomically(folder_ / "files/a.pdf", std::string_view("%PDF-1.4 another"));
  const std::string text = shown({"TERM=xterm-kitty"});
  EXPECT_NE(text.find("a.pdf: has changed since it was indexed"), std::string::npos) << text;
  EXPECT_TRUE(kitty_pictures(text).empty());
  EXPECT_EQ(shown({"TERM=xterm-kitty"}, {"--quiet"}).find("has changed"), std::string::npos);
}

TEST_F(SearchPicturesTest, NamesOfFilesDriveNoTerminal) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  const std::string name =
      "a\033]8;;http:x\033\\\033_Ga=T;\a\nb \xc2\x9b"
      "31m.pdf";
  index_pdf(name);
  const std::string text = shown({"TERM=xterm-kitty"});
  EXPECT_EQ(kitty_pictures(text).size(), 1u);
  // What is left without the picture, the link and bold text has no control character.
  std::string rest = std::regex_replace(text, std::regex("\033_G[^\033]*\033\\\\"), "");
  rest = std::regex_replace(rest, std::regex("\033\\]8;;(file://[A-Za-z0-9/._~%-]*)?\033\\\\"), "");
  rest = std::regex_replace(rest, std::regex("\033\\[(1|22)m"), "");
  EXPECT_EQ(rest.find('\033'), std::string::npos) << rest;
  EXPECT_EQ(rest.find('\a'), std::string::npos);
  EXPECT_EQ(rest.find("\xc2\x9b"), std::string::npos);
  EXPECT_NE(text.find("a%1B%5D8%3B%3Bhttp%3Ax"), std::string::npos) << text;
}

TEST(TerminalOfPictures, IsKnownByItsEnvironment) {
  using Variables = std::map<std::string, std::string>;
  const auto protocol_of = [](const Variables& variables) {
    return cli::picture_protocol([&](const char* name) -> std::string_view {
      const auto found = variables.find(name);
      return found != variables.end() ? std::string_view(found->second) : "";
    });
  };
  const Variables xterm{{"TERM", "xterm-256color"}};
  const auto with = [&](Variables own) {
    own.insert(xterm.begin(), xterm.end());
    return protocol_of(own);
  };
  EXPECT_EQ(protocol_of({}), PictureProtocol::kNone);
  EXPECT_EQ(protocol_of(xterm), PictureProtocol::kNone);
  EXPECT_EQ(protocol_of({{"TERM", "xterm-kitty"}}), PictureProtocol::kKitty);
  EXPECT_EQ(protocol_of({{"TERM", "xterm-ghostty"}}), PictureProtocol::kKitty);
  EXPECT_EQ(with({{"TERM_PROGRAM", "ghostty"}}), PictureProtocol::kKitty);
  EXPECT_EQ(with({{"KITTY_WINDOW_ID", "1"}}), PictureProtocol::kKitty);
  EXPECT_EQ(with({{"KONSOLE_VERSION", "220400"}}), PictureProtocol::kKitty);
  EXPECT_EQ(with({{"KONSOLE_VERSION", "211200"}}), PictureProtocol::kNone);
  for (const char* program : {"iTerm.app", "WezTerm", "vscode"}) {
    EXPECT_EQ(with({{"TERM_PROGRAM", program}}), PictureProtocol::kITerm) << program;
  }
  EXPECT_EQ(with({{"LC_TERMINAL", "iTerm2"}}), PictureProtocol::kITerm);
  // A terminal that was started from another one.
  EXPECT_EQ(with({{"TERM_PROGRAM", "vscode"}, {"KITTY_WINDOW_ID", "1"}}), PictureProtocol::kITerm);
  EXPECT_EQ(with({{"TERM_PROGRAM", "Apple_Terminal"}, {"LC_TERMINAL", "iTerm2"}}),
            PictureProtocol::kNone);
  EXPECT_EQ(with({{"VTE_VERSION", "7600"}, {"KITTY_WINDOW_ID", "1"}}), PictureProtocol::kNone);
  for (const char* multiplexer : {"TMUX", "STY", "ZELLIJ"}) {
    EXPECT_EQ(protocol_of({{"TERM", "xterm-kitty"}, {multiplexer, "0"}}), PictureProtocol::kNone);
  }
  for (const char* terminal : {"dumb", "linux", "screen-256color", "tmux-256color"}) {
    EXPECT_EQ(protocol_of({{"TERM", terminal}, {"KITTY_WINDOW_ID", "1"}}), PictureProtocol::kNone)
        << terminal;
  }
}

}  // namespace
}  // namespace oko
