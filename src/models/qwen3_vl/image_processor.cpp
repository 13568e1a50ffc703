#include "models/qwen3_vl/image_processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/config_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "image/resize.h"
#include "models/qwen3_vl/hint.h"

namespace oko::models::qwen3_vl {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;
constexpr int kMaxAspectRatio = 200;
constexpr int kBicubic = 3;  // PIL.Image.Resampling.BICUBIC
constexpr double kRescale = 1.0 / 255;

/// Three finite numbers, one a channel; `otherwise` if they are absent.
std::array<float, 3> channels_or(const ConfigReader& reader, const char* key, bool positive,
                                 std::array<float, 3> otherwise) {
  const Json* found = reader.find(key);
  if (found == nullptr) return otherwise;
  const bool three = found->is_array() && found->size() == 3;
  for (std::size_t i = 0; i < 3; ++i) {
    const double number =
        three && (*found)[i].is_number() ? (*found)[i].get<double>() : std::nan("");
    if (!(std::abs(number) <= 1000) || (positive && number < 1e-6)) {
      reader.refuse(key, *found,
                    positive ? tr("three numbers above 0", "три числа больше 0")
                             : tr("three numbers", "три числа"));
    }
    otherwise[i] = static_cast<float>(number);
  }
  return otherwise;
}

/// Refuses a file that asks for a number other than the one that oko implements.
void require(const ConfigReader& reader, const char* key, double expected) {
  const Json* found = reader.find(key);
  if (found == nullptr) return;
  if (!found->is_number() || std::abs(found->get<double>() - expected) > 1e-9) {
    reader.refuse(key, *found, fmt::format("{}", expected));
  }
}

/// Refuses a file that turns a step off.
void require_step(const ConfigReader& reader, const char* key) {
  if (!reader.boolean_or(key, true)) reader.refuse(key, false, "true");
}

void check_resample(const ConfigReader& reader) {
  const Json* found = reader.find("resample");
  if (found != nullptr && found->is_string() && *found == "bicubic") return;
  require(reader, "resample", kBicubic);
}

/// Python's `round`: halves go to the even neighbour.
std::int64_t round_half_even(std::int64_t value, std::int64_t divisor) {
  const std::int64_t whole = value / divisor;
  const std::int64_t twice_rest = 2 * (value % divisor);
  return whole + (twice_rest > divisor || (twice_rest == divisor && whole % 2 == 1) ? 1 : 0);
}

using ChannelTable = std::array<float, 256>;

/// The arithmetic of transformers' rescale and normalise, step by step in its precisions.
ChannelTable make_table(float mean, float std) {
  ChannelTable table;
  for (int i = 0; i < 256; ++i) {
    table[i] = (static_cast<float>(i * kRescale) - mean) / std;
  }
  return table;
}

}  // namespace

ImageProcessorConfig ImageProcessorConfig::load(const std::filesystem::path& path) {
  ImageProcessorConfig config;
  if (!has_entry(path)) return config;
  const Json json = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader whole(json, path.string(), hint_for_vision_language());
  const ConfigReader reader =
      whole.find("image_processor") == nullptr ? whole : whole.child("image_processor");
  const auto set = [](const ConfigReader& from, const char* key, std::int64_t low,
                      std::int64_t high, auto& value) {
    value = static_cast<std::remove_reference_t<decltype(value)>>(
        from.integer_or(key, value, low, high));
  };
  set(reader, "patch_size", 1, 64, config.patch_size);
  set(reader, "temporal_patch_size", 1, 4, config.temporal_patch_size);
  set(reader, "merge_size", 1, 8, config.merge_size);
  // Older files have min_pixels and max_pixels, newer ones other names for the same numbers.
  const ConfigReader size = reader.child_or_empty("size");
  set(size, "shortest_edge", 1, kMaxPixels, config.min_pixels);
  constexpr std::int64_t kAny = std::int64_t{1} << 40;
  set(size, "longest_edge", 1, kAny, config.max_pixels);
  set(reader, "min_pixels", 1, kMaxPixels, config.min_pixels);
  set(reader, "max_pixels", config.min_pixels, kAny, config.max_pixels);
  config.max_pixels = std::min(config.max_pixels, kMaxPixels);
  config.mean = channels_or(reader, "image_mean", false, config.mean);
  config.std = channels_or(reader, "image_std", true, config.std);
  check_resample(reader);
  require(reader, "rescale_factor", kRescale);
  for (const char* key : {"do_resize", "do_rescale", "do_normalize"}) require_step(reader, key);
  if (config.max_pixels < config.min_pixels) {
    size.refuse(
        "longest_edge", config.max_pixels,
        tr("at least shortest_edge ({})", "не меньше shortest_edge ({})", config.min_pixels));
  }
  return config;
}

ImageProcessorConfig ImageProcessorConfig::of_model(const std::filesystem::path& model_dir) {
  const std::filesystem::path processor = model_dir / "processor_config.json";
  const std::filesystem::path older = model_dir / "preprocessor_config.json";
  if (has_entry(processor)) {
    const Json file = read_json_object(processor, ErrorCode::kBadModel);
    const ConfigReader reader(file, processor.string(), hint_for_vision_language());
    if (reader.find("image_processor") != nullptr) return load(processor);
  }
  if (has_entry(older)) return load(older);
  throw Error(ErrorCode::kBadModel,
              tr("{}: has neither preprocessor_config.json nor an image_processor in "
                 "processor_config.json",
                 "{}: нет ни preprocessor_config.json, ни image_processor в processor_config.json",
                 model_dir.string()),
              tr("download the model again, or copy preprocessor_config.json from the original",
                 "скачайте модель заново или скопируйте preprocessor_config.json из исходной"));
}

ImageSize smart_resize(ImageSize size, const ImageProcessorConfig& config) {
  const std::int64_t width = size.width;
  const std::int64_t height = size.height;
  if (std::max(width, height) > kMaxAspectRatio * std::min(width, height)) {
    throw Error(ErrorCode::kBadInput,
                tr("a picture of {} × {} pixels is too narrow: one side is more than {} times the "
                   "other",
                   "картинка {} × {} пикселей слишком узкая: одна сторона больше другой более чем "
                   "в {} раз",
                   width, height, kMaxAspectRatio),
                tr("cut the picture into parts", "разрежьте картинку на части"));
  }
  const std::int64_t factor = std::int64_t{config.patch_size} * config.merge_size;
  std::int64_t new_height = round_half_even(height, factor) * factor;
  std::int64_t new_width = round_half_even(width, factor) * factor;
  const auto pixels = static_cast<double>(height * width);
  const auto step = static_cast<double>(factor);
  if (new_height * new_width > config.max_pixels) {
    const double shrink = std::sqrt(pixels / static_cast<double>(config.max_pixels));
    const auto shrunk = [&](std::int64_t side) {
      const double steps = std::floor(static_cast<double>(side) / shrink / step);
      return std::max(factor, static_cast<std::int64_t>(steps) * factor);
    };
    new_height = shrunk(height);
    new_width = shrunk(width);
  } else if (new_height * new_width < config.min_pixels) {
    const double grow = std::sqrt(static_cast<double>(config.min_pixels) / pixels);
    const auto grown = [&](std::int64_t side) {
      return static_cast<std::int64_t>(std::ceil(static_cast<double>(side) * grow / step)) * factor;
    };
    new_height = grown(height);
    new_width = grown(width);
  }
  return {static_cast<int>(new_width), static_cast<int>(new_height)};
}

int merged_tokens(ImageSize size, const ImageProcessorConfig& config) {
  const ImageSize resized = smart_resize(size, config);
  const int side = config.patch_size * config.merge_size;  // of a token, pixels
  return (resized.width / side) * (resized.height / side);
}

Patches preprocess(const image::Image& picture, const ImageProcessorConfig& config) {
  const ImageSize size = smart_resize({picture.width, picture.height}, config);
  const image::Image resized = image::resize_bicubic(picture, size.width, size.height);
  const std::size_t patch = config.patch_size;
  const std::size_t merge = config.merge_size;
  const std::size_t row_bytes = std::size_t{3} * size.width;
  Patches result;
  result.grid_thw = {1, size.height / config.patch_size, size.width / config.patch_size};
  result.merge_size = config.merge_size;
  result.pixel_values.resize(std::size_t{3} * config.temporal_patch_size * size.width *
                             size.height);
  const std::array tables = {make_table(config.mean[0], config.std[0]),
                             make_table(config.mean[1], config.std[1]),
                             make_table(config.mean[2], config.std[2])};

  float* out = result.pixel_values.data();
  const auto emit_patch = [&](const std::uint8_t* corner) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const ChannelTable& table = tables[channel];
      const float* frame = out;
      for (std::size_t y = 0; y < patch; ++y) {
        const std::uint8_t* in = corner + y * row_bytes + channel;
        for (std::size_t x = 0; x < patch; ++x) *out++ = table[in[3 * x]];
      }
      for (int t = 1; t < config.temporal_patch_size; ++t) {
        out = std::copy_n(frame, patch * patch, out);
      }
    }
  };
  const std::size_t token = patch * merge;  // pixels a side
  for (std::size_t top = 0; top < static_cast<std::size_t>(size.height); top += token) {
    for (std::size_t left = 0; left < static_cast<std::size_t>(size.width); left += token) {
      for (std::size_t y = 0; y < token; y += patch) {
        for (std::size_t x = 0; x < token; x += patch) {
          emit_patch(resized.rgb.data() + (top + y) * row_bytes + 3 * (left + x));
        }
      }
    }
  }
  return result;
}

}  // namespace oko::models::qwen3_vl
