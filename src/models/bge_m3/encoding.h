#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::models::bge_m3 {

/// The outputs that a text can have.
struct Outputs {
  bool dense = true;
  bool sparse = false;
  bool colbert = false;
};

/// A model lacks the head of an output that was asked for: kBadModel.
class MissingOutput : public Error {
 public:
  MissingOutput(const char* output, const LocalizedText& message, const LocalizedText& hint)
      : Error(ErrorCode::kBadModel, message, hint), output_(output) {}

  const char* output() const { return output_; }  ///< "sparse", "colbert"

 private:
  const char* output_;
};

/// Weights of a text's tokens, by rising id, every weight above 0.
using SparseVector = std::vector<std::pair<std::int32_t, float>>;

/// Vectors of one length, one after another.
struct TokenVectors {
  std::size_t dimensions = 0;
  std::vector<float> values;

  std::size_t count() const { return dimensions == 0 ? 0 : values.size() / dimensions; }
  const float* row(std::size_t index) const { return values.data() + index * dimensions; }
};

/// The encoding of a text by BGE-M3 (Chen et al. 2024, arXiv:2402.03216). Outputs that were not
/// requested are empty.
struct Encoding {
  std::vector<float> dense;  ///< Config::dense_size; length 1 if the model normalizes
  SparseVector sparse;       ///< special tokens (ids 0..3) have none
  TokenVectors colbert;      ///< of every token but the first, `</s>` included; each of length 1
};

}  // namespace oko::models::bge_m3
