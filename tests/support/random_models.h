#pragma once

#include <unistd.h>

#include <cstdlib>

#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "testing/random_model.h"

namespace oko {

/// Checkpoints with random weights, each made once a process and removed at its end.
class RandomModels {
 public:
  static const std::filesystem::path& get(std::string_view shape, std::uint64_t seed) {
    static RandomModels instance;
    const std::string name = std::string(shape) + "-" + std::to_string(seed);
    auto& folder = instance.folders_[name];
    if (folder.empty()) {
      folder = instance.root_ / name;
      testing::make_random_model({.shape = std::string(shape), .seed = seed}, folder);
    }
    return folder;
  }

 private:
  RandomModels() = default;
  ~RandomModels() { std::filesystem::remove_all(root_); }

  /// A folder of this process only: a killed process leaves its folder, and process numbers return.
  static std::filesystem::path make_root() {
    std::string name = (std::filesystem::temp_directory_path() / "oko_models_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for models");
    return name;
  }

  std::filesystem::path root_ = make_root();
  std::map<std::string, std::filesystem::path> folders_;
};

}  // namespace oko
