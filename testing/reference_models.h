#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/stop_token.h"
#include "base/temporary_file.h"

namespace oko::testing {

/// The difference of a stage from its reference.
struct StageDifference {
  std::string stage;      ///< "patches", "vision", "deepstack", "prompt", "answer", "dense", ...
  double difference = 0;  ///< largest, relative to the largest number; infinite if not a number
};

/// A picture of a demo and its right description.
struct KnownPicture {
  std::string file;      ///< a name
  std::string language;  ///< "en", "ru"
  std::string answer;
};

/// Reads lines of JSON, as demo/images/expected.jsonl has. Throws kFailed.
std::vector<KnownPicture> read_known_pictures(const std::filesystem::path& file);

/// Small models with random weights, and what transformers and FlagEmbedding compute with them:
/// a part of the goldens of tests/models/data, which tools/parity/make_self_test.py makes.
class ReferenceModels {
 public:
  /// Reads references.json and makes the models, 2 MB, in a temporary folder. Throws kFailed,
  /// kCancelled.
  explicit ReferenceModels(const std::filesystem::path& references, const StopToken& stop = {});
  ~ReferenceModels();  ///< removes the folder
  ReferenceModels(const ReferenceModels&) = delete;
  ReferenceModels& operator=(const ReferenceModels&) = delete;

  /// Folders of models.
  const std::filesystem::path& vision_language() const { return vision_language_; }
  const std::filesystem::path& embedding() const { return embedding_; }

  /// Runs both models on the device and with the precision of `prepare_device`. On the thread that
  /// called it. Throws kFailed, kBadModel, kCancelled.
  std::vector<StageDifference> compare(const StopToken& stop = {}) const;

 private:
  struct Stage {
    std::string name;
    std::vector<std::size_t> rows;
    std::size_t column_step = 1;
    std::vector<float> values;  ///< of columns 0, column_step, ... of these rows
  };
  struct VisionLanguage {
    std::string shape;
    std::uint64_t seed = 0;
    std::vector<std::int32_t> ids;
    std::vector<std::pair<int, int>> pictures;  ///< width, height
    std::vector<Stage> stages;
    std::vector<std::int32_t> answer;  ///< greedy
    std::vector<float> answer_logits;  ///< of these tokens
  };
  struct Embedding {
    std::string shape;
    std::uint64_t seed = 0;
    std::vector<std::int32_t> ids;
    std::vector<float> dense;
    std::map<std::int32_t, float> sparse;
    std::vector<std::size_t> colbert_rows;
    std::vector<std::vector<float>> colbert;
  };

  void read(const std::filesystem::path& references);
  void compare_vision_language(std::vector<StageDifference>& all, const StopToken& stop) const;
  void compare_embedding(std::vector<StageDifference>& all, const StopToken& stop) const;

  VisionLanguage qwen_;
  Embedding bge_;
  std::filesystem::path folder_, vision_language_, embedding_;
  std::optional<TemporaryPath> registration_;
};

}  // namespace oko::testing
