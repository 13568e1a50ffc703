#include "tensor/quantization.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"

namespace oko::tensor {
namespace {

using nlohmann::json;

[[noreturn]] void refuse_settings(std::string_view file_name, const LocalizedText& what) {
  throw Error(
      ErrorCode::kBadModel, format_text("{}: {}", file_name, what),
      tr("oko runs MLX's affine quantization: 2, 3, 4, 5, 6 or 8 bits, groups of 32, 64 or 128",
         "oko работает с аффинной квантизацией MLX: 2, 3, 4, 5, 6 или 8 бит, группы по 32, 64 или "
         "128"));
}

Quantization parse_entry(const json& entry, const std::optional<Quantization>& inherited,
                         std::string_view file_name) {
  const auto integer = [&](const char* key, int otherwise) {
    const auto found = entry.find(key);
    if (found == entry.end()) return std::int64_t{otherwise};
    if (!found->is_number_integer()) {
      refuse_settings(file_name,
                      tr("quantization: {} is {}, oko expects an integer",
                         "quantization: {} = {}, а должно быть целое число", key, brief(*found)));
    }
    return found->get<std::int64_t>();
  };
  const std::int64_t bits = integer("bits", inherited ? inherited->bits : 4);
  const std::int64_t group_size = integer("group_size", inherited ? inherited->group_size : 64);
  const auto mode = entry.find("mode");
  if (mode != entry.end() &&
      !(mode->is_string() && mode->get_ref<const std::string&>() == "affine")) {
    refuse_settings(file_name, tr("quantization mode {} is not supported",
                                  "режим квантизации {} не поддерживается", brief(*mode)));
  }
  if (bits < 2 || bits > 8 || bits == 7) {
    refuse_settings(file_name, tr("quantization to {} bits is not supported",
                                  "квантизация в {:бит|бита|бит} не поддерживается", Count(bits)));
  }
  if (group_size != 32 && group_size != 64 && group_size != 128) {
    refuse_settings(file_name, tr("quantization in groups of {} is not supported",
                                  "квантизация группами по {} не поддерживается", group_size));
  }
  return {static_cast<int>(bits), static_cast<int>(group_size)};
}

/// The settings of MLX, else of any program, and their key; null if there are none.
std::pair<const json*, std::string> find_settings(const json& config) {
  const auto in = [](const json& object,
                     const std::string& path) -> std::pair<const json*, std::string> {
    for (const char* key : {"quantization", "quantization_config", "compression_config"}) {
      const auto found = object.find(key);
      if (found != object.end() && !found->is_null()) return {&*found, path + key};
    }
    return {};
  };
  auto found = in(config, "");
  if (found.first != nullptr) return found;
  const auto text = config.find("text_config");
  return text != config.end() && text->is_object() ? in(*text, "text_config.") : found;
}

}  // namespace

LocalizedText hint_for_original_weights() {
  return tr(
      "take the original weights (bfloat16 or float16) and make 8 or 4 bits of them with oko "
      "convert, or take a model that MLX has quantized",
      "возьмите исходные веса (bfloat16 или float16) и сделайте из них 8 или 4 бита командой "
      "oko convert, или возьмите модель, квантованную MLX");
}

QuantizationConfig QuantizationConfig::parse(const json& config, std::string_view file_name) {
  QuantizationConfig result;
  const auto [found, key] = find_settings(config);
  if (found == nullptr) return result;
  if (const auto method = found->find("quant_method"); method != found->end()) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: the weights are quantized for another program: quant_method is {}",
                   "{}: веса квантованы для другой программы: quant_method — {}", file_name,
                   brief(*method)),
                hint_for_original_weights());
  }
  if (!found->is_object()) {
    refuse_settings(file_name, tr("{} is {}, oko expects an object",
                                  "{} = {}, а должен быть объект", key, brief(*found)));
  }
  result.default_ = parse_entry(*found, std::nullopt, file_name);
  for (const auto& [name, value] : found->items()) {
    if (value.is_object()) {
      result.layers_.emplace(name, parse_entry(value, result.default_, file_name));
    } else if (value.is_boolean()) {
      result.layers_.emplace(name, value.get<bool>() ? result.default_ : std::nullopt);
    } else if (name.find('.') != std::string::npos) {  // a layer's; other programs add settings
      refuse_settings(file_name, tr("{}: {} is {}, oko expects an object, true or false",
                                    "{}: {} = {}, а должно быть: объект, true или false", key,
                                    excerpt(name), brief(value)));
    }
  }
  return result;
}

std::optional<Quantization> QuantizationConfig::of_layer(std::string_view name) const {
  const auto found = layers_.find(name);
  return found == layers_.end() ? default_ : found->second;
}

}  // namespace oko::tensor
