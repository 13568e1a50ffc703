// The installed program runs from any folder, for any user, without the build.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/repo/text_in.h"
#include "tests/support/fake_hub.h"
#include "tests/support/process.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

/// A scratch folder of the test that runs.
class InstallTest : public ::testing::Test {
 protected:
  InstallTest()
      : folder_(fs::temp_directory_path() /
                ("oko_install_" + std::to_string(::getpid()) + "_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~InstallTest() override { fs::remove_all(folder_); }

  /// Runs what `make install` runs.
  ProcessResult install(const std::string& prefix, const std::string& destination = "",
                        const std::string& option = "") const {
    return Process({"/bin/sh", "-c",
                    "umask 077; exec '" OKO_SOURCE_DIR "/cmake/install.sh' '" OKO_BINARY_DIR "' " +
                        option},
                   {"PREFIX=" + prefix, "DESTDIR=" + destination, "HOME=" + folder_.string()})
        .wait();
  }

  const fs::path folder_;
};

/// Runs `oko arguments` from / as another user, if this one is root, with no environment but
/// `variables`.
ProcessResult run(const fs::path& program, const std::string& arguments,
                  const std::string& variables = "") {
  const std::string user =
      ::geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
  return Process({"/bin/sh", "-c",
                  "cd / && " + user + "env -i " + variables + " '" + program.string() + "' " +
                      arguments},
                 {})
      .wait();
}

TEST_F(InstallTest, RunsForAnyUserAfterItWasMoved) {
  const ProcessResult installed = install((folder_ / "first place").string());
  ASSERT_EQ(installed.status, 0) << installed.err;
  fs::rename(folder_ / "first place", folder_ / "second");
  for (const char* data : {"images/stars.png", "pages/receipt.png"}) {
    fs::copy(fs::path(OKO_SOURCE_DIR "/demo") / data, folder_);
  }
  const fs::path program = folder_ / "second/bin/oko";
  const ProcessResult described =
      run(program, "describe --ocr off --model '" +
                       (folder_ / "second/share/oko/models/tiny-vl").string() + "' '" +
                       (folder_ / "stars.png").string() + "'");
  EXPECT_EQ(described.status, 0) << described.err;
  EXPECT_EQ(described.out, "Three yellow stars.\n");
  const ProcessResult text = run(program, "ocr '" + (folder_ / "receipt.png").string() + "'");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("9862"), std::string::npos) << text.out;
  // Its self-test finds the model and the pictures that are installed.
  const ProcessResult doctor = run(program, "doctor");
  EXPECT_NE(doctor.out.find("Four red hearts."), std::string::npos) << doctor.out << doctor.err;
}

/// The first minutes of a new user: nothing but the program, an empty home and a hub.
TEST_F(InstallTest, LeadsFromAnEmptyHomeToADescribedPicture) {
  const ProcessResult installed = install((folder_ / "oko").string());
  ASSERT_EQ(installed.status, 0) << installed.err;
  const fs::path program = folder_ / "oko/bin/oko", home = folder_ / "home";
  fs::create_directory(home);
  fs::permissions(home, fs::perms::all);
  fs::copy(OKO_SOURCE_DIR "/demo/images/stars.png", folder_);
  FakeHub::Files files;
  for (const auto& entry : fs::directory_iterator(OKO_SOURCE_DIR "/demo/models/tiny-vl")) {
    files[entry.path().filename().string()] = text_in(entry.path());
  }
  const FakeHub hub("mlx-community/Qwen3-VL-4B-Instruct-4bit", files);
  const std::string variables = "HOME='" + home.string() + "' HF_ENDPOINT=" + hub.url();
  const std::string describe = "describe '" + (folder_ / "stars.png").string() + "'";
  const ProcessResult before = run(program, describe, variables);
  EXPECT_EQ(before.status, 5) << before.err;
  EXPECT_NE(before.err.find("\nhint: oko pull qwen3-vl-4b "), std::string::npos) << before.err;
  const ProcessResult pulled = run(program, "pull qwen3-vl-4b", variables);
  EXPECT_EQ(pulled.status, 0) << pulled.err;
  const ProcessResult described = run(program, describe, variables);
  EXPECT_EQ(described.status, 0) << described.err;
  EXPECT_EQ(described.out, "Three yellow stars.\n");
  const ProcessResult doctor = run(program, "doctor --models", variables);
  EXPECT_EQ(doctor.status, 0) << doctor.out << doctor.err;
  EXPECT_NE(doctor.out.find(" qwen3-vl-4b: 8 MB, aligned, verified as it was pulled\n"),
            std::string::npos)
      << doctor.out;
  EXPECT_NE(doctor.out.find(", errors 0, "), std::string::npos) << doctor.out;
}

TEST_F(InstallTest, NamesNoPlaceOfTheMachineThatBuiltIt) {
  ASSERT_EQ(install((folder_ / "oko").string()).status, 0);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "oko")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string content = text_in(entry.path());
    for (const char* place : {OKO_SOURCE_DIR "/src/", OKO_BINARY_DIR "/", OKO_DEPS_DIR "/"}) {
      EXPECT_EQ(content.find(place), std::string::npos) << entry.path() << " has " << place;
    }
    const auto permissions = entry.status().permissions();
    EXPECT_NE(permissions & fs::perms::others_read, fs::perms::none) << entry.path();
  }
  EXPECT_GT(files, 10);
  for (const char* file : {"share/man/man1/oko-ocr.1", "share/man/ru/man1/oko-ocr.1",
                           "share/bash-completion/completions/oko", "share/doc/oko/NOTICE",
                           "share/doc/oko/docs/oko.svg", "share/oko/self_test/references.json"}) {
    EXPECT_TRUE(fs::exists(folder_ / "oko" / file)) << file;
  }
}

TEST_F(InstallTest, GoesToTheHomeFolderAndUnderDestdir) {
  const ProcessResult home = install("~/.local");
  EXPECT_EQ(home.status, 0) << home.err;
  EXPECT_TRUE(fs::exists(folder_ / ".local/bin/oko")) << home.out;
  EXPECT_NE(home.out.find("export PATH=\"" + (folder_ / ".local/bin").string()), std::string::npos)
      << home.out;
  const ProcessResult packed = install("/opt/oko", (folder_ / "package").string());
  EXPECT_EQ(packed.status, 0) << packed.err;
  EXPECT_TRUE(fs::exists(folder_ / "package/opt/oko/bin/oko")) << packed.out;
}

TEST_F(InstallTest, ReplacesAnEarlierVersionAndRemovesAll) {
  fs::create_directories(folder_ / "oko/lib/oko");
  fs::create_directories(folder_ / "oko/share/man/man1");
  std::ofstream(folder_ / "oko/lib/oko/libearlier.so") << "earlier";
  std::ofstream(folder_ / "oko/share/man/man1/another.1") << "another program's";
  const std::string prefix = (folder_ / "oko").string();
  ASSERT_EQ(install(prefix).status, 0);
  EXPECT_FALSE(fs::exists(folder_ / "oko/lib/oko/libearlier.so"));
  EXPECT_EQ(install(prefix, "", "--remove").status, 0);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "oko")) {
    if (entry.is_regular_file()) {
      EXPECT_EQ(entry.path().filename(), "another.1");
    }
  }
  EXPECT_TRUE(fs::exists(folder_ / "oko/share/man/man1/another.1"));
}

/// macOS kills a program with a stale signature, so each library and then the program are signed.
TEST_F(InstallTest, SignsLibrariesAndThenTheProgramOnAMac) {
  fs::create_directories(folder_ / "tree/lib/oko");
  for (const char* library : {"libmlx.dylib", "libpdfium.dylib", "mlx.metallib"}) {
    std::ofstream(folder_ / "tree/lib/oko" / library) << "library";
  }
  const fs::path log = folder_ / "calls";
  std::ofstream(folder_ / "codesign")
      << "#!/bin/sh\nfor last; do :; done\necho \"$1 $(basename $last)\" >>'" << log.string()
      << "'\n[ \"$1\" != \"$REFUSED\" ]\n";
  fs::permissions(folder_ / "codesign", fs::perms::owner_all);
  const auto sign = [&](const std::string& refused) {
    return Process({OKO_CMAKE, "-DCMAKE_INSTALL_PREFIX=/tree", "-P",
                    OKO_SOURCE_DIR "/cmake/sign_installed.cmake"},
                   {"PATH=" + folder_.string() + ":" + std::getenv("PATH"), "REFUSED=" + refused,
                    "DESTDIR=" + folder_.string()})
        .wait();
  };
  const ProcessResult result = sign("");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(text_in(log),
            "--force libmlx.dylib\n--force libpdfium.dylib\n--force oko\n"
            "--verify libmlx.dylib\n--verify libpdfium.dylib\n--verify oko\n");
  EXPECT_NE(sign("--verify").status, 0) << "a signature that does not fit ends the installation";
}

}  // namespace
}  // namespace oko
