#include "testing/reference_models.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "image/image.h"
#include "models/activation_recorder.h"
#include "models/bge_m3/model.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/model.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"
#include "testing/random_model.h"

namespace oko::testing {
namespace {

namespace fs = std::filesystem;
namespace qwen = models::qwen3_vl;
namespace bge = models::bge_m3;
using nlohmann::json;

[[noreturn]] void throw_damaged(const fs::path& file) {
  throw Error(ErrorCode::kFailed,
              tr("{}: is damaged, or of another version of oko",
                 "{}: повреждён или от другой версии oko", file.string()),
              tr("install oko again", "установите oko заново"));
}

/// Compares numbers, in several parts; a count that differs makes the difference infinite.
class Comparison {
 public:
  void add(double actual, double expected) {
    is_usable_ = is_usable_ && std::isfinite(actual);
    difference_ = std::max(difference_, std::abs(actual - expected));
    largest_ = std::max(largest_, std::abs(expected));
  }
  void add(const std::vector<float>& actual, const std::vector<float>& expected) {
    is_usable_ = is_usable_ && actual.size() == expected.size();
    const std::size_t count = std::min(actual.size(), expected.size());
    for (std::size_t i = 0; i < count; ++i) add(actual[i], expected[i]);
  }
  void fail() { is_usable_ = false; }

  double relative() const {
    return is_usable_ ? difference_ / largest_ : std::numeric_limits<double>::infinity();
  }

 private:
  bool is_usable_ = true;
  double difference_ = 0, largest_ = 0;
};

/// Picture `number` of a prompt, by the formula of tools/parity/README.md.
image::Image pattern_picture(int number, int width, int height) {
  image::Image picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {7 * x + 3 * y + 50 * number, x * x + 5 * y + 31 * number,
                              x * y + 13 * x + 17 * number}) {
        picture.rgb.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return picture;
}

/// The columns 0, `step`, ... of some rows.
std::vector<float> sampled(const models::StageOutput& output, const std::vector<std::size_t>& rows,
                           std::size_t step) {
  std::vector<float> values;
  for (const std::size_t row : rows) {
    for (std::size_t column = 0; column < output.width; column += step) {
      const std::size_t at = row * output.width + column;
      if (at < output.values.size()) values.push_back(output.values[at]);
    }
  }
  return values;
}

/// The name of a stage in a report: several make one.
std::string reported(const std::string& stage) {
  if (stage == "vision.patch_embed") return "patches";
  if (stage.starts_with("vision.deepstack.")) return "deepstack";
  return stage.starts_with("vision.") ? "vision" : "prompt";
}

fs::path make_folder() {
  std::string name = (temporary_folder() / "oko_reference_XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) return name;
  throw Error(
      ErrorCode::kFailed,
      tr("{}: no folder can be made", "{}: не удаётся создать папку", temporary_folder().string()),
      tr("set TMPDIR to a folder that can be written",
         "укажите в TMPDIR папку, в которую можно писать"));
}

}  // namespace

std::vector<KnownPicture> read_known_pictures(const fs::path& file) {
  constexpr std::uint64_t kMaxBytes = 1 << 20;
  const std::string text = read_file(file, kMaxBytes, ErrorCode::kFailed);
  std::vector<KnownPicture> pictures;
  try {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const json picture = json::parse(text.substr(at, end - at));
      pictures.push_back({picture.at("file"), picture.at("lang"), picture.at("expected")});
      at = end + 1;
    }
  } catch (const json::exception&) {
    throw_damaged(file);
  }
  return pictures;
}

ReferenceModels::ReferenceModels(const fs::path& references, const StopToken& stop) {
  read(references);
  folder_ = make_folder();
  registration_.emplace(folder_);
  vision_language_ = folder_ / "vision_language";
  embedding_ = folder_ / "embedding";
  try {
    make_random_model({.shape = qwen_.shape, .seed = qwen_.seed, .stop = stop}, vision_language_);
    make_random_model({.shape = bge_.shape, .seed = bge_.seed, .stop = stop}, embedding_);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    throw;
  }
}

ReferenceModels::~ReferenceModels() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void ReferenceModels::read(const fs::path& references) {
  const json all = read_json_object(references, ErrorCode::kFailed);
  try {
    const json& vision = all.at("qwen3_vl");
    qwen_ = {
        vision.at("shape"),  vision.at("seed"),         vision.at("ids"), vision.at("pictures"), {},
        vision.at("answer"), vision.at("answer_logits")};
    for (const json& stage : vision.at("stages")) {
      qwen_.stages.push_back(
          {stage.at("stage"), stage.at("rows"), stage.at("column_step"), stage.at("values")});
    }
    const json& text = all.at("bge_m3");
    bge_ = {text.at("shape"),
            text.at("seed"),
            text.at("ids"),
            text.at("dense"),
            {},
            text.at("colbert").at("rows"),
            text.at("colbert").at("vectors")};
    for (const auto& [id, weight] : text.at("sparse").items()) {
      bge_.sparse[static_cast<std::int32_t>(std::strtol(id.c_str(), nullptr, 10))] = weight;
    }
  } catch (const json::exception&) {
    throw_damaged(references);
  }
}

std::vector<StageDifference> ReferenceModels::compare(const StopToken& stop) const {
  std::vector<StageDifference> all;
  compare_vision_language(all, stop);
  compare_embedding(all, stop);
  return all;
}

void ReferenceModels::compare_vision_language(std::vector<StageDifference>& all,
                                              const StopToken& stop) const {
  const std::unique_ptr<qwen::Model> model = qwen::Model::load(vision_language_);
  const auto settings = qwen::ImageProcessorConfig::of_model(vision_language_);
  models::ActivationRecorder recorder;
  std::vector<qwen::ImageFeatures> features;
  for (std::size_t i = 0; i < qwen_.pictures.size(); ++i) {
    const auto [width, height] = qwen_.pictures[i];
    const image::Image picture = pattern_picture(static_cast<int>(i), width, height);
    features.push_back(
        model->encode_image(qwen::preprocess(picture, settings), stop, recorder.hook()));
  }
  const bool exact = tensor::cpu_precision() == tensor::cpu::Precision::kFloat32;
  qwen::Sequence sequence(
      *model, {.initial_capacity = 64,
               .kv_type = exact ? tensor::cpu::KvType::kFloat32 : tensor::cpu::KvType::kFloat16});
  std::vector<float> logits = sequence.prefill(qwen_.ids, features, stop, {}, recorder.hook());

  std::map<std::string, Comparison> stages;
  for (const Stage& stage : qwen_.stages) {
    const auto found = recorder.stages().find(stage.name);
    Comparison comparison;
    if (found == recorder.stages().end()) {
      comparison.fail();
    } else {
      comparison.add(sampled(found->second, stage.rows, stage.column_step), stage.values);
    }
    const auto [at, is_first] = stages.emplace(reported(stage.name), comparison);
    if (!is_first && comparison.relative() > at->second.relative()) at->second = comparison;
  }
  Comparison answer;
  for (std::size_t i = 0; i < qwen_.answer.size() && i < qwen_.answer_logits.size(); ++i) {
    throw_if_stopped(stop);
    answer.add(logits.at(static_cast<std::size_t>(qwen_.answer[i])), qwen_.answer_logits[i]);
    logits = sequence.decode(qwen_.answer[i]);
  }
  stages.emplace("answer", answer);
  for (const char* name : {"patches", "vision", "deepstack", "prompt", "answer"}) {
    const auto found = stages.find(name);
    all.push_back({name, found == stages.end() ? std::numeric_limits<double>::infinity()
                                               : found->second.relative()});
  }
}

void ReferenceModels::compare_embedding(std::vector<StageDifference>& all,
                                        const StopToken& stop) const {
  const std::unique_ptr<bge::Model> model = bge::Model::load(embedding_);
  const bge::PackedTexts texts{bge_.ids, {0, static_cast<int>(bge_.ids.size())}};
  const bge::Encoding encoding = model->encode(texts, {true, true, true}, stop).at(0);
  Comparison dense, sparse, colbert;
  dense.add(encoding.dense, bge_.dense);
  const std::map<std::int32_t, float> weights(encoding.sparse.begin(), encoding.sparse.end());
  for (const auto& [id, weight] : bge_.sparse) {
    const auto found = weights.find(id);
    sparse.add(found == weights.end() ? 0 : found->second, weight);
  }
  for (std::size_t i = 0; i < bge_.colbert_rows.size() && i < bge_.colbert.size(); ++i) {
    if (bge_.colbert_rows[i] >= encoding.colbert.count()) {
      colbert.fail();
      break;
    }
    const float* row = encoding.colbert.row(bge_.colbert_rows[i]);
    colbert.add({row, row + encoding.colbert.dimensions}, bge_.colbert[i]);
  }
  all.push_back({"dense", dense.relative()});
  all.push_back({"sparse", sparse.relative()});
  all.push_back({"colbert", colbert.relative()});
}

}  // namespace oko::testing
