#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "testing/random_recipe.h"

namespace oko::testing {

/// Collects the tensors of a random checkpoint.
class RandomTensorList {
 public:
  /// `dtype`: of all tensors that are not quantized.
  explicit RandomTensorList(checkpoint::Dtype dtype, std::int64_t group_size = 64)
      : dtype_(dtype), group_size_(group_size) {}

  /// Adds the weight of a linear layer or a table of embeddings; `bits` 0: dense.
  void add_matrix(const std::string& path, std::int64_t rows, std::int64_t columns, int bits) {
    if (bits == 0) {
      add(path + ".weight", {rows, columns}, Recipe::kWeight, columns);
      return;
    }
    const auto part = [&](const char* name, checkpoint::Dtype dtype, std::int64_t width,
                          Recipe recipe) {
      tensors_.push_back({{path + name, dtype, {rows, width}}, recipe, columns, bits});
    };
    part(".weight", checkpoint::Dtype::kUint32, columns * bits / 32, Recipe::kCodes);
    part(".scales", checkpoint::Dtype::kBfloat16, columns / group_size_, Recipe::kScales);
    part(".biases", checkpoint::Dtype::kBfloat16, columns / group_size_, Recipe::kOffsets);
  }

  /// Adds a linear layer with a bias.
  void add_linear(const std::string& path, std::int64_t rows, std::int64_t columns, int bits) {
    add_matrix(path, rows, columns, bits);
    add(path + ".bias", {rows}, Recipe::kBias);
  }

  void add_rms_norm(const std::string& path, std::int64_t size) {
    add(path + ".weight", {size}, Recipe::kNorm);
  }

  void add_layer_norm(const std::string& path, std::int64_t size) {
    add_rms_norm(path, size);
    add(path + ".bias", {size}, Recipe::kBias);
  }

  void add(std::string name, std::vector<std::int64_t> dimensions, Recipe recipe,
           std::int64_t fan_in = 0) {
    tensors_.push_back({{std::move(name), dtype_, std::move(dimensions)}, recipe, fan_in, 0});
  }

  std::vector<RandomTensor> take() { return std::move(tensors_); }

 private:
  checkpoint::Dtype dtype_;
  std::int64_t group_size_;
  std::vector<RandomTensor> tensors_;
};

/// A small file of a checkpoint.
struct RandomFile {
  std::string name;
  nlohmann::ordered_json content;
  int indent = 2;  ///< -1: one line
};

/// A checkpoint that can be made.
struct RandomCheckpoint {
  std::vector<RandomTensor> tensors;  ///< in the order of the model
  std::vector<RandomFile> files;
};

}  // namespace oko::testing
