#include "tensor/quantization.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/json_file.h"
#include "base/language.h"

namespace oko::tensor {
namespace {

using nlohmann::json;

[[noreturn]] void fail(std::string_view file_name, const std::string& what) {
  throw Error(
      ErrorCode::kBadModel, fmt::format("{}: {}", file_name, what),
      tr("oko runs MLX's affine quantization: 4 or 8 bits, groups of 32, 64 or 128",
         "oko работает с аффинной квантизацией MLX: 4 или 8 бит, группы по 32, 64 или 128"));
}

Quantization parse_entry(const json& entry, const std::optional<Quantization>& inherited,
                         std::string_view file_name) {
  const auto integer = [&](const char* key, int otherwise) {
    const auto found = entry.find(key);
    if (found == entry.end()) return std::int64_t{otherwise};
    if (!found->is_number_integer()) {
      fail(file_name,
           tr("quantization {} is not a whole number", "quantization: {} — не целое число", key));
    }
    return found->get<std::int64_t>();
  };
  const std::int64_t bits = integer("bits", inherited ? inherited->bits : 4);
  const std::int64_t group_size = integer("group_size", inherited ? inherited->group_size : 64);
  const auto mode = entry.find("mode");
  if (mode != entry.end() &&
      !(mode->is_string() && mode->get_ref<const std::string&>() == "affine")) {
    fail(file_name, tr("quantization mode {} is not supported",
                       "режим квантизации {} не поддерживается", brief(*mode)));
  }
  if (bits != 4 && bits != 8) {
    fail(file_name, tr("quantization to {} bits is not supported",
                       "квантизация в {} бит не поддерживается", bits));
  }
  if (group_size != 32 && group_size != 64 && group_size != 128) {
    fail(file_name, tr("quantization in groups of {} is not supported",
                       "квантизация группами по {} не поддерживается", group_size));
  }
  return {static_cast<int>(bits), static_cast<int>(group_size)};
}

}  // namespace

QuantizationConfig QuantizationConfig::parse(const json& config, std::string_view file_name) {
  QuantizationConfig result;
  auto found = config.find("quantization");
  if (found == config.end()) found = config.find("quantization_config");
  if (found == config.end() || found->is_null()) return result;
  if (!found->is_object()) {
    fail(file_name, tr("quantization is not an object", "quantization — не объект"));
  }
  result.default_ = parse_entry(*found, std::nullopt, file_name);
  for (const auto& [key, value] : found->items()) {
    if (value.is_object()) {
      result.layers_.emplace(key, parse_entry(value, result.default_, file_name));
    } else if (value.is_boolean()) {
      result.layers_.emplace(key, value.get<bool>() ? result.default_ : std::nullopt);
    }
  }
  return result;
}

std::optional<Quantization> QuantizationConfig::of_layer(std::string_view name) const {
  const auto found = layers_.find(name);
  return found == layers_.end() ? default_ : found->second;
}

}  // namespace oko::tensor
