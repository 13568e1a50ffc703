#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "image/image.h"

namespace oko::models::qwen3_vl {

/// The preprocessing of a picture: `preprocessor_config.json` of the model. The defaults are those
/// of the published Qwen3-VL models.
struct ImageProcessorConfig {
  int patch_size = 16;                   ///< pixels a side of a patch
  int temporal_patch_size = 2;           ///< frames a patch; a still picture is repeated
  int merge_size = 2;                    ///< patches a side that the model merges into one token
  std::int64_t min_pixels = 65'536;      ///< smaller pictures are enlarged
  std::int64_t max_pixels = 16'777'216;  ///< larger pictures are shrunk
  std::array<float, 3> mean{.5f, .5f, .5f};  ///< subtracted from a channel scaled to 0..1
  std::array<float, 3> std{.5f, .5f, .5f};   ///< divides the difference

  /// Reads `preprocessor_config.json` (or a `processor_config.json` with an `image_processor`
  /// inside). No file: the defaults. Limits the pixels to those that oko decodes. Throws kBadModel:
  /// not JSON, values of a wrong type or range, a resampling other than bicubic, a step that is
  /// turned off.
  static ImageProcessorConfig load(const std::filesystem::path& path);

  /// The same for a model's folder. An `image_processor` in `processor_config.json`, where
  /// transformers 5 keeps it, takes precedence over `preprocessor_config.json`. Throws kBadModel,
  /// also if the folder has neither.
  static ImageProcessorConfig of_model(const std::filesystem::path& model_dir);
};

/// The size of a picture, in patches: frames, rows, columns.
struct GridThw {
  int t = 1;
  int h = 0;
  int w = 0;
  bool operator==(const GridThw&) const = default;
};

struct ImageSize {
  int width = 0;   ///< pixels
  int height = 0;  ///< pixels
  bool operator==(const ImageSize&) const = default;
};

/// The size that a picture is resized to: sides that are multiples of patch_size × merge_size,
/// about the same aspect ratio, pixels within min_pixels..max_pixels. The formula is that of
/// `smart_resize` in transformers' Qwen2-VL image processor, halves rounded to even.
/// Throws kBadInput: one side more than 200 times the other.
ImageSize smart_resize(ImageSize size, const ImageProcessorConfig& config);

/// Tokens of a picture of this size in the prompt. Throws as `smart_resize`.
int merged_tokens(ImageSize size, const ImageProcessorConfig& config);

/// A picture cut into patches, in the order of the vision tower: the merge_size² patches of a token
/// are adjacent, tokens follow row by row.
struct Patches {
  GridThw grid_thw;
  int merge_size = 2;
  /// (t·h·w, 3·temporal_patch_size·patch_size²), row-major; within a patch: channel, frame, row,
  /// column.
  std::vector<float> pixel_values;

  /// Tokens of the picture in the prompt.
  int merged_tokens() const {
    return grid_thw.t * (grid_thw.h / merge_size) * (grid_thw.w / merge_size);
  }
};

/// Resizes, normalises and cuts `image`: bit for bit the `pixel_values` of transformers'
/// `Qwen2VLImageProcessorPil`. Throws as `smart_resize`.
Patches preprocess(const image::Image& image, const ImageProcessorConfig& config);

}  // namespace oko::models::qwen3_vl
