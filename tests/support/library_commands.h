#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko {

/// Runs commands of a library of its own (home/library.db), and makes files for it (files/).
class LibraryCommandsTest : public ScratchFolderTest {
 protected:
  ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, {"LANG=" + language + "_XX.UTF-8",
                               "LC_ALL=", "OKO_HOME=" + (folder_ / "home").string()})
        .wait();
  }

  ProcessResult index_folder(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"index", (folder_ / "files").string(), "--model",
                                     RandomModels::get("bge-m3-small-8bit", 21)});
    return run(options);
  }

  void file(const std::string& place, const std::string& text) {
    std::filesystem::create_directories((folder_ / "files" / place).parent_path());
    write_file_atomically(folder_ / "files" / place, std::string_view(text));
  }

  static std::vector<nlohmann::json> objects(const ProcessResult& result) {
    std::vector<nlohmann::json> lines;
    std::size_t at = 0;
    for (std::size_t end; (end = result.out.find('\n', at)) != std::string::npos; at = end + 1) {
      lines.push_back(nlohmann::json::parse(result.out.substr(at, end - at)));
    }
    return lines;
  }
};

}  // namespace oko
