#pragma once

#include <unistd.h>

#include <filesystem>
#include <map>
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

  std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("oko_models_" + std::to_string(::getpid()));
  std::map<std::string, std::filesystem::path> folders_;
};

}  // namespace oko
