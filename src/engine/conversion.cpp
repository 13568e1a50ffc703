#include "engine/conversion.h"

#include <cmath>
#include <memory>
#include <utility>

#include "hub/settings_files.h"
#include "image/image.h"
#include "models/bge_m3/model.h"
#include "models/qwen3_vl/generation_config.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/cpu/top_k.h"
#include "tensor/device.h"
#include "tensor/finite.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "text/xlmr_tokenizer.h"

namespace oko::engine {
namespace {

namespace bge = models::bge_m3;
namespace fs = std::filesystem;
namespace qwen = models::qwen3_vl;

const text::TokenizerOptions kNoCache{.cache_dir = {}};  // the folder gets another name

bool is_vision_language(const fs::path& folder) {
  return hub::model_type_of(folder) == "qwen3_vl";
}

/// A vision-language model with all files that `Generator` reads.
struct VisionLanguageParts {
  explicit VisionLanguageParts(const fs::path& folder)
      : tokenizer(text::Tokenizer::load(folder, kNoCache)),
        processor(qwen::ImageProcessorConfig::of_model(folder)),
        model(qwen::Model::load(folder)) {
    qwen::GenerationConfig::load(folder);
    text::chat_style_of(folder);
  }

  /// A small grey picture and a word.
  void run_once() {
    processor.max_pixels = processor.min_pixels;
    image::Image grey{64, 64, {}, 0};
    grey.rgb.assign(std::size_t{64} * 64 * 3, 128);
    std::vector<qwen::ImageFeatures> pictures;
    pictures.push_back(model->encode_image(qwen::preprocess(grey, processor)));
    const auto count = static_cast<std::size_t>(pictures.front().merged.shape(0));
    std::vector<std::int32_t> ids(count, model->config().image_token_id);
    const std::vector<std::int32_t> word = tokenizer.encode("oko");
    ids.insert(ids.end(), word.begin(), word.end());
    qwen::Sequence sequence(*model, {});
    const std::vector<float> logits = sequence.prefill(ids, pictures);
    const auto largest = tensor::cpu::largest_of(logits.data(), logits.size());
    tensor::require_finite(largest.has_nan ? std::nanf("") : largest.value);
  }

  text::Tokenizer tokenizer;
  qwen::ImageProcessorConfig processor;
  std::unique_ptr<qwen::Model> model;
};

/// An embedding model with all files that `Embedder` reads.
struct EmbeddingParts {
  explicit EmbeddingParts(const fs::path& folder)
      : tokenizer(text::XlmrTokenizer::load(folder, kNoCache)), model(bge::Model::load(folder)) {}

  void run_once() const {
    const auto most = static_cast<std::size_t>(model->config().max_tokens());
    bge::PackedTexts text{tokenizer.encode("oko", most).ids, {0}};
    text.cu_seqlens.push_back(static_cast<int>(text.ids.size()));
    model->encode(text, {});
  }

  text::XlmrTokenizer tokenizer;
  std::unique_ptr<bge::Model> model;
};

void load(const fs::path& folder) {
  if (is_vision_language(folder)) {
    const VisionLanguageParts parts(folder);
  } else {
    const EmbeddingParts parts(folder);
  }
}

void run_once(const fs::path& folder) {
  if (is_vision_language(folder)) {
    VisionLanguageParts(folder).run_once();
  } else {
    EmbeddingParts(folder).run_once();
  }
  tensor::trim_memory();
}

}  // namespace

hub::ConvertReport convert_model(hub::ConvertOptions options) {
  tensor::prepare_device({.device = tensor::Device::kCpu, .threads = options.threads});
  options.check_plan = load;
  options.check_result = run_once;
  return hub::convert(options);
}

}  // namespace oko::engine
