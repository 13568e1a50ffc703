#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/checked.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_bytes.h"

namespace oko::checkpoint {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 8'000'000;
constexpr int kMaxNesting = 4;  // a dimension lies at 3: {"name": {"shape": [1]}}

constexpr std::array<std::pair<std::string_view, Dtype>, 7> kDtypes{{
    {"F32", Dtype::kFloat32},
    {"F16", Dtype::kFloat16},
    {"BF16", Dtype::kBfloat16},
    {"U32", Dtype::kUint32},
    {"I32", Dtype::kInt32},
    {"I64", Dtype::kInt64},
    {"U8", Dtype::kUint8},
}};

[[noreturn]] void fail_tensor(std::string_view name, std::string_view tensor,
                              const LocalizedText& what) {
  fail_checkpoint(name, tr("tensor {}: {}", "тензор {}: {}", excerpt(tensor), what));
}

std::optional<Dtype> dtype_of(std::string_view text) {
  for (const auto& [known, dtype] : kDtypes) {
    if (known == text) return dtype;
  }
  return std::nullopt;
}

json parse_json(std::span<const std::byte> header, std::string_view name) {
  std::set<std::string, std::less<>> names;
  bool duplicate = false;
  bool too_deep = false;
  const auto* text = reinterpret_cast<const char*>(header.data());
  json parsed = json::parse(
      text, text + header.size(),
      [&](int depth, json::parse_event_t event, json& value) {
        if (event == json::parse_event_t::key && depth == 1) {
          duplicate |= !names.insert(value.get<std::string>()).second;
        }
        // Unlimited depth would take gigabytes, and overflow the stack of a recursive reader.
        too_deep |= depth > kMaxNesting;
        return depth <= kMaxNesting;
      },
      /*allow_exceptions=*/false);
  if (parsed.is_discarded() || !parsed.is_object()) {
    fail_checkpoint(name, tr("the header is not a JSON object", "заголовок — не объект JSON"));
  }
  if (too_deep) {
    fail_checkpoint(name,
                    tr("the header is nested too deeply", "заголовок вложен слишком глубоко"));
  }
  if (duplicate) {
    fail_checkpoint(name,
                    tr("the header names a tensor twice", "заголовок называет тензор дважды"));
  }
  return parsed;
}

std::vector<std::int64_t> parse_shape(const json& entry, std::string_view name,
                                      std::string_view tensor) {
  std::vector<std::int64_t> shape;
  const auto found = entry.find("shape");
  if (found == entry.end() || !found->is_array()) {
    fail_tensor(name, tensor, tr("has no shape", "нет формы"));
  }
  for (const json& dimension : *found) {
    if (!dimension.is_number_unsigned() ||
        dimension.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
      fail_tensor(name, tensor,
                  tr("dimension {} is not in 0..2147483647", "размерность {} не в 0..2147483647",
                     brief(dimension)));
    }
    shape.push_back(dimension.get<std::int64_t>());
  }
  if (shape.size() > 8) {
    fail_tensor(name, tensor, tr("has {} dimensions", "размерностей: {}", shape.size()));
  }
  return shape;
}

std::uint64_t byte_size(const TensorInfo& info, std::string_view name, std::string_view tensor) {
  std::optional<std::uint64_t> size = size_of(info.dtype);
  for (const std::int64_t dimension : info.shape) {
    if (size) size = checked_mul(*size, static_cast<std::uint64_t>(dimension));
  }
  if (!size) fail_tensor(name, tensor, tr("is too large to exist", "невозможно велик"));
  return *size;
}

TensorInfo parse_tensor(const json& entry, std::string_view name, std::string_view tensor,
                        std::uint64_t data_start, std::uint64_t data_size) {
  if (!entry.is_object()) fail_tensor(name, tensor, tr("is not described", "не описан"));
  TensorInfo info;
  const auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string()) {
    fail_tensor(name, tensor, tr("has no dtype", "нет типа данных"));
  }
  const std::string& type_name = type->get_ref<const std::string&>();
  info.dtype = dtype_of(type_name).value_or(Dtype::kOther);
  if (info.dtype == Dtype::kOther) info.other_dtype = type_name.substr(0, 40);
  info.shape = parse_shape(entry, name, tensor);
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    fail_tensor(name, tensor, tr("has no data_offsets", "нет data_offsets"));
  }
  const auto begin = (*offsets)[0].get<std::uint64_t>();
  const auto end = (*offsets)[1].get<std::uint64_t>();
  if (begin > end || end > data_size) {
    fail_tensor(
        name, tensor,
        tr("bytes {}..{} lie outside the file's {} bytes of data",
           "байты {}..{} лежат вне {:байта|байт|байт} данных файла", begin, end, Count(data_size)));
  }
  info.offset = data_start + begin;
  // Elements of another dtype may be smaller than a byte.
  info.size = info.dtype == Dtype::kOther ? end - begin : byte_size(info, name, tensor);
  if (info.size != end - begin) {
    fail_tensor(
        name, tensor,
        tr("its shape needs {} bytes, the header gives {}",
           "форма требует {:байт|байта|байт}, заголовок даёт {}", Count(info.size), end - begin));
  }
  return info;
}

void check_overlap(const TensorTable& tensors, std::string_view name) {
  std::vector<std::pair<const std::string*, const TensorInfo*>> order;
  order.reserve(tensors.size());
  for (const auto& [tensor, info] : tensors) order.emplace_back(&tensor, &info);
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.second->offset < b.second->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& previous = *order[i - 1].second;
    if (previous.offset + previous.size > order[i].second->offset) {
      fail_tensor(name, *order[i].first,
                  tr("overlaps {}", "пересекается с {}", excerpt(*order[i - 1].first)));
    }
  }
}

/// Bytes of the JSON behind the first 8 bytes of `file`, which hold them.
std::uint64_t read_header_size(std::span<const std::byte> file) {
  std::uint64_t size = 0;
  for (int i = 7; i >= 0; --i) {
    size = size << 8 | std::to_integer<std::uint64_t>(file[static_cast<std::size_t>(i)]);
  }
  return size;
}

}  // namespace

std::size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
    case Dtype::kUint32:
    case Dtype::kInt32:
      return 4;
    case Dtype::kFloat16:
    case Dtype::kBfloat16:
      return 2;
    case Dtype::kInt64:
      return 8;
    case Dtype::kUint8:
    case Dtype::kOther:
      return 1;
  }
  return 0;
}

std::string_view safetensors_name(Dtype dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) return name;
  }
  return {};
}

TensorTable parse_safetensors(std::span<const std::byte> file, std::uint64_t file_size,
                              std::string_view name) {
  if (file.size() < 8 || file_size < 8) {
    fail_checkpoint(name, tr("{} bytes are too few for a safetensors file",
                             "{:байта|байт|байт} мало для файла safetensors", Count(file_size)));
  }
  const std::uint64_t header_size = read_header_size(file);
  if (header_size > file_size - 8) {
    const SizePair sizes(header_size, file_size);
    fail_checkpoint(name, tr("its header takes {}, the file has {}",
                             "заголовок занимает {}, в файле {}", sizes.first, sizes.second));
  }
  if (header_size > kMaxHeaderBytes) {
    const SizePair sizes(header_size, kMaxHeaderBytes);
    fail_checkpoint(name, tr("its header takes {}, the limit is {}",
                             "заголовок занимает {}, предел — {}", sizes.first, sizes.second));
  }
  if (header_size > file.size() - 8)
    fail_checkpoint(name, tr("its header is cut", "заголовок обрезан"));

  const json header = parse_json(file.subspan(8, header_size), name);
  const std::uint64_t data_start = 8 + header_size;
  const std::uint64_t data_size = file_size - data_start;
  std::uint64_t declared = 0;
  for (const auto& [tensor, entry] : header.items()) {
    const auto offsets = entry.is_object() ? entry.find("data_offsets") : entry.end();
    if (tensor == "__metadata__" || offsets == entry.end() || !offsets->is_array()) continue;
    if (offsets->size() == 2 && (*offsets)[1].is_number_unsigned()) {
      declared = std::max(declared, (*offsets)[1].get<std::uint64_t>());
    }
  }
  if (declared > data_size) {
    const SizePair sizes(declared, data_size);
    // Report an interrupted download, the common case, before a single tensor.
    fail_checkpoint(name, tr("header says {} of tensors, the file has {}",
                             "по заголовку тензоров {}, в файле {}", sizes.first, sizes.second));
  }
  TensorTable tensors;
  for (const auto& [tensor, entry] : header.items()) {
    if (tensor == "__metadata__") continue;
    TensorInfo info = parse_tensor(entry, name, tensor, data_start, data_size);
    if (info.size != 0) tensors.emplace(tensor, std::move(info));
  }
  check_overlap(tensors, name);
  return tensors;
}

std::string safetensors_metadata(std::span<const std::byte> file, std::string_view key) {
  if (file.size() < 8) return {};
  const std::uint64_t size = read_header_size(file);
  if (size > std::min<std::uint64_t>(file.size() - 8, kMaxHeaderBytes)) return {};
  try {
    const json header = parse_json(file.subspan(8, size), "");
    return header.at("__metadata__").at(std::string(key)).get<std::string>();
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace oko::checkpoint
