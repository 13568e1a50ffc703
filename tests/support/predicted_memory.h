#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/embedder.h"
#include "engine/generator.h"
#include "tests/support/kept_memory.h"

namespace oko::engine {

/// Russian and English, a token or two a word.
inline std::string words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i % 2 == 0 ? "слово " : "word ";
  return text;
}

struct GenerationCase {
  std::vector<models::qwen3_vl::ImageSize> pictures = {};
  int words = 0;  ///< of the prompt
  int max_tokens = 2;
  int kv_bits = 16;
};

inline GenerationRequest request_of(const GenerationCase& shape) {
  GenerationRequest request;
  request.messages = {{text::Role::kUser, {}}};
  for (const auto& size : shape.pictures) {
    image::Image image{size.width, size.height, {}};
    image.rgb.resize(3 * static_cast<std::size_t>(size.width) *
                     static_cast<std::size_t>(size.height));
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      image.rgb[i] = static_cast<std::uint8_t>(i * 7919 >> 8);
    }
    request.images.push_back(std::move(image));
    request.messages[0].parts.push_back(text::Part::make_image());
  }
  request.messages[0].parts.push_back(text::Part::make_text("What is here? " + words(shape.words)));
  request.max_tokens = shape.max_tokens;
  request.kv_bits = shape.kv_bits;
  request.measure_memory = true;
  return request;
}

struct EmbeddingCase {
  int texts = 1;
  int words = 0;  ///< of each
  models::bge_m3::Outputs outputs = {};
};

inline EmbeddingRequest request_of(const EmbeddingCase& shape) {
  EmbeddingRequest request;
  request.measure_memory = true;
  request.outputs = shape.outputs;
  request.texts.assign(static_cast<std::size_t>(shape.texts), words(shape.words));
  return request;
}

/// Expects that a request takes at most the predicted bytes, and that the prediction is at most 30
/// % and 8 MB (for kernels and allocators) too high. Both are without the process's earlier memory.
inline void expect_prediction(std::uint64_t predicted, std::uint64_t taken, std::size_t tokens) {
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "freed memory stays with the process";
  ::testing::Test::RecordProperty("tokens", static_cast<int>(tokens));
  ::testing::Test::RecordProperty(
      "predicted_by_taken",
      std::to_string(static_cast<double>(predicted) / static_cast<double>(taken)));
  EXPECT_GE(predicted, taken) << tokens << " tokens";
  EXPECT_LE(predicted, taken / 10 * 13 + 8'000'000) << tokens << " tokens";
}

inline void expect_prediction(const GenerationStats& stats) {
  const PhaseMemory &predicted = stats.predicted_memory, &taken = stats.memory;
  if (kKeptFreedBytes == 0) {
    if (stats.image_tokens > 0) {
      EXPECT_GE(predicted.preprocess, taken.preprocess);
      EXPECT_GE(predicted.vision, taken.vision);
    } else {
      EXPECT_LT(taken.preprocess, 1'000'000u) << "pages of the heap, which was trimmed before";
    }
    EXPECT_GE(predicted.prefill, taken.prefill);
    EXPECT_GE(predicted.decode, taken.decode);
    EXPECT_GE(predicted.kv, taken.kv);
  }
  expect_prediction(stats.predicted_memory.peak(), stats.memory.peak(),
                    static_cast<std::size_t>(stats.prompt_tokens));
}

inline void expect_prediction(const EmbeddingStats& stats) {
  expect_prediction(stats.predicted_memory, stats.memory, stats.tokens);
}

}  // namespace oko::engine
