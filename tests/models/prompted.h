// The model, pictures and prompt of a golden of Qwen3-VL, and the results of its stages.
#pragma once

#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"
#include "tests/models/golden.h"
#include "tests/support/random_models.h"

namespace oko::models::qwen3_vl {

namespace mx = mlx::core;

/// Picture `number` of a golden's prompt, by the README's formula.
inline image::Image pattern_picture(int number, int width, int height) {
  image::Image picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      picture.rgb.push_back(static_cast<std::uint8_t>(7 * x + 3 * y + 50 * number));
      picture.rgb.push_back(static_cast<std::uint8_t>(x * x + 5 * y + 31 * number));
      picture.rgb.push_back(static_cast<std::uint8_t>(x * y + 13 * x + 17 * number));
    }
  }
  return picture;
}

/// Rounds nothing that the references do not round.
inline SequenceOptions exact(int initial_capacity) {
  return {.initial_capacity = initial_capacity, .kv_type = tensor::cpu::KvType::kFloat32};
}

struct GoldenCase {
  std::string golden;
  std::string shape;
  double tolerance = 0;  ///< relative, of every stage
};

inline std::ostream& operator<<(std::ostream& out, const GoldenCase& c) {
  return out << c.golden;
}

/// The model, pictures and prompt of a golden.
struct Prompted {
  Prompted(const GoldenCase& c, tensor::Device device,
           tensor::HalfDtype half = tensor::HalfDtype::kAsStored)
      : golden(c.golden) {
    tensor::prepare_device(
        {.device = device, .half = half, .precision = tensor::cpu::Precision::kFloat32});
    const auto seed = static_cast<std::uint64_t>(golden.get<std::int32_t>("seed")[0]);
    const std::filesystem::path& folder = RandomModels::get(c.shape, seed);
    model = Model::load(folder);
    ids = golden.get<std::int32_t>("input_ids");
    const auto config = ImageProcessorConfig::load(folder / "preprocessor_config.json");
    if (!golden.contains("grid_thw")) return;
    const auto grids = golden.get<std::int32_t>("grid_thw");
    for (std::size_t i = 0; i + 2 < grids.size(); i += 3) {
      const int number = static_cast<int>(i / 3);
      patches.push_back(
          preprocess(pattern_picture(number, grids[i + 2] * 16, grids[i + 1] * 16), config));
      EXPECT_EQ(patches.back().grid_thw, (GridThw{grids[i], grids[i + 1], grids[i + 2]}));
    }
  }

  std::vector<ImageFeatures> encode(const ActivationHook& hook = {}) const {
    std::vector<ImageFeatures> features;
    features.reserve(patches.size());
    for (const Patches& picture : patches) {
      features.push_back(model->encode_image(picture, {}, hook));
    }
    return features;
  }

  Golden golden;
  std::unique_ptr<Model> model;
  std::vector<std::int32_t> ids;
  std::vector<Patches> patches;
};

/// Collects stages; rows of several pictures follow each other.
struct Recorder {
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, std::int64_t> width;

  ActivationHook hook() {
    return [this](const std::string& stage, const mx::array& output) {
      mx::array whole = mx::contiguous(mx::astype(output, mx::float32));
      whole.eval();
      auto& all = values[stage];
      all.insert(all.end(), whole.data<float>(), whole.data<float>() + whole.size());
      width[stage] = whole.shape(1);
    };
  }

  /// Columns 0, s, 2s, ... such that `columns` of them remain; the last rows where the golden has
  /// fewer.
  std::vector<float> sampled(const std::string& stage, std::int64_t columns,
                             std::size_t count) const {
    const std::vector<float>& all = values.at(stage);
    const std::int64_t full = width.at(stage);
    std::int64_t step = 1;
    while ((full + step - 1) / step > columns) ++step;
    std::vector<float> result;
    for (std::size_t row = 0; row < all.size(); row += static_cast<std::size_t>(full)) {
      for (std::int64_t column = 0; column < full; column += step) {
        result.push_back(all[row + static_cast<std::size_t>(column)]);
      }
    }
    if (result.size() > count)
      result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(count));
    return result;
  }
};

}  // namespace oko::models::qwen3_vl
