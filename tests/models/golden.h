#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"

namespace oko {

/// A file of reference tensors, made by tools/parity/qwen3_vl_golden.py.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : file_(std::string(OKO_TEST_DATA) + "/" + name + ".safetensors", ErrorCode::kFailed),
        tensors_(checkpoint::parse_safetensors(file_.bytes(), file_.bytes().size(), name)) {}

  bool contains(const std::string& name) const { return tensors_.contains(name); }

  /// Elements of T, which has 4 bytes.
  template <typename T>
  std::vector<T> get(const std::string& name) const {
    static_assert(sizeof(T) == 4);
    const checkpoint::TensorInfo& info = tensors_.at(name);
    std::vector<T> values(info.size / sizeof(T));
    std::memcpy(values.data(), file_.bytes().data() + info.offset, info.size);
    return values;
  }

  /// Names of all stages, without inputs and greedy decoding.
  std::vector<std::string> stages() const {
    std::vector<std::string> names;
    for (const auto& [name, info] : tensors_) {
      if (name.starts_with("vision.") || name.starts_with("text.") || name == "logits") {
        names.push_back(name);
      }
    }
    return names;
  }

  std::int64_t columns(const std::string& name) const { return tensors_.at(name).shape.back(); }

 private:
  MappedFile file_;
  checkpoint::TensorTable tensors_;
};

/// max |actual - expected| / max |expected|.
inline double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  if (actual.size() != expected.size()) return INFINITY;
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(actual[i])) return INFINITY;
    difference = std::max(difference, std::abs(double{actual[i]} - expected[i]));
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  return difference / largest;
}

}  // namespace oko
