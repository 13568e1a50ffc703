#include "tensor/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mlx/allocator.h>
#include <mlx/array.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <system_error>

#include "base/error.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "tensor/allocator.h"
#include "tensor/array_view.h"
#include "tensor/device.h"
#include "tensor/quantization.h"
#include "tensor/widen_codes.h"

namespace oko::tensor {
namespace {

constexpr float kLargestFloat16 = 65504;

mx::Dtype mlx_dtype(checkpoint::Dtype dtype) {
  switch (dtype) {
    case checkpoint::Dtype::kFloat32:
      return mx::float32;
    case checkpoint::Dtype::kFloat16:
      return mx::float16;
    case checkpoint::Dtype::kBfloat16:
      return mx::bfloat16;
    case checkpoint::Dtype::kUint32:
      return mx::uint32;
    case checkpoint::Dtype::kInt32:
      return mx::int32;
    case checkpoint::Dtype::kInt64:
      return mx::int64;
    case checkpoint::Dtype::kUint8:
    case checkpoint::Dtype::kOther:
      return mx::uint8;
  }
  return mx::uint8;
}

bool becomes_float16(const checkpoint::TensorInfo& info) {
  return info.dtype == checkpoint::Dtype::kBfloat16 && converts_to_float16();
}

/// True if the device can read a tensor in place: oko's kernels read matrices at any address, MLX's
/// operations do not. Vectors are few and small.
bool is_readable_in_place(const checkpoint::TensorInfo& info) {
  if (becomes_float16(info)) return false;
  return checkpoint::is_aligned(info) || (!uses_graph() && info.shape.size() == 2);
}

/// Writes the bfloat16 numbers of `from` to `to` as float16. Returns false if one is too large.
bool convert_to_float16(std::span<const std::byte> from, std::byte* to) {
  for (std::size_t i = 0; i < from.size(); i += 2) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &from[i], 2);
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    if (std::abs(value) > kLargestFloat16) return false;
    const mx::float16_t half(value);
    std::memcpy(to + i, &half, 2);
  }
  return true;
}

/// Bytes of the codes that `Linear` widens for oko's kernels.
std::uint64_t widened_bytes(const std::filesystem::path& model_dir) {
  constexpr std::string_view kWeight = ".weight";
  const std::filesystem::path config = model_dir / "config.json";
  const auto quantization =
      QuantizationConfig::parse(read_json_object(config, ErrorCode::kBadModel), config.string());
  std::uint64_t total = 0;
  for (const checkpoint::SourceFile& file : checkpoint::find_weight_files(model_dir)) {
    const MappedFile mapping(file.path, ErrorCode::kBadModel);
    const auto bytes = mapping.bytes();
    for (const auto& [name, info] :
         checkpoint::parse_safetensors(bytes, bytes.size(), file.path.string())) {
      if (!name.ends_with(kWeight) || info.dtype != checkpoint::Dtype::kUint32) continue;
      const auto layer = quantization.of_layer(name.substr(0, name.size() - kWeight.size()));
      if (!layer || layer->bits == widened_bits(layer->bits)) continue;
      total += info.size / static_cast<std::uint64_t>(layer->bits) *
               static_cast<std::uint64_t>(widened_bits(layer->bits));
    }
  }
  return total;
}

}  // namespace

bool WeightFiles::is_current() const {
  return std::all_of(sources.begin(), sources.end(),
                     [](const auto& file) { return file.is_current(); }) &&
         std::all_of(mapped.begin(), mapped.end(),
                     [](const auto& file) { return file->is_current(); });
}

Weights Weights::open(const std::filesystem::path& model_dir, const WindowLimits& limits) {
  Weights weights;
  weights.model_dir_ = model_dir;
  weights.files_.sources = checkpoint::find_weight_files(model_dir);
  const auto copy = checkpoint::aligned_copy_path(model_dir, weights.files_.sources);
  const auto open_sources = [&] {
    for (const checkpoint::SourceFile& file : weights.files_.sources)
      weights.add_file(file.path, limits);
    return weights;
  };
  std::error_code unreachable;
  if (!std::filesystem::exists(copy, unreachable)) return open_sources();
  try {
    Weights aligned = weights;
    aligned.add_file(copy, limits);
    return aligned;
  } catch (const Error&) {
    // Ignore a damaged copy: the model is sound. hub::align_weights replaces the copy if it can.
    return open_sources();
  }
}

void Weights::add_file(const std::filesystem::path& path, const WindowLimits& limits) {
  auto mapping = std::make_shared<MappedFile>(path, ErrorCode::kBadModel);
  const std::uint64_t size = mapping->bytes().size();
  const checkpoint::TensorTable table =
      checkpoint::parse_safetensors(mapping->bytes(), size, path.string());
  const WindowPlan plan = plan_windows(table, size, limits, path.string());
  const std::size_t first_buffer = buffers_.size();
  for (const Window& window : plan.windows) buffers_.push_back(mapped_words(mapping, window));
  for (const auto& [name, info] : table) {
    constexpr std::uint64_t kMaxElements = std::numeric_limits<mx::ShapeElem>::max();
    const bool usable = info.dtype != checkpoint::Dtype::kOther;
    if (usable && info.size / checkpoint::size_of(info.dtype) + 16 >
                      kMaxElements) {  // MLX counts them in 32 bits
      throw Error(
          ErrorCode::kBadModel,
          tr("{}: tensor {} of {} is too large for MLX", "{}: тензор {} в {} велик для MLX",
             path.string(), name, format_bytes(info.size)),
          tr("use a model with fewer bits per weight", "возьмите модель с меньшим числом бит"));
    }
    if (!is_readable_in_place(info)) copied_bytes_ += info.size;
    const std::size_t window = plan.window_of.find(name)->second;
    const Entry entry{mapping, first_buffer + window, plan.windows[window].begin, info};
    if (!tensors_.emplace(name, entry).second) {
      throw Error(ErrorCode::kBadModel,
                  tr("{}: tensor {} is in another shard too", "{}: тензор {} есть и в другой части",
                     path.string(), name),
                  tr("download the model again", "скачайте модель заново"));
    }
  }
  files_.mapped.push_back(std::move(mapping));
}

const Weights::Entry* Weights::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::optional<std::vector<std::int64_t>> Weights::shape(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) return std::nullopt;
  return entry->info.shape;
}

void Weights::require_known_quantization(std::string_view name) const {
  constexpr std::string_view kWeight = ".weight";
  if (!name.ends_with(kWeight)) return;
  const std::string layer(name.substr(0, name.size() - kWeight.size()));
  constexpr std::array kOthers = {std::pair{".qweight", "GPTQ, AWQ"},
                                  std::pair{".weight_packed", "compressed-tensors"},
                                  std::pair{".weight_quantized", "compressed-tensors"},
                                  std::pair{".SCB", "bitsandbytes"},
                                  std::pair{".weight.absmax", "bitsandbytes"},
                                  std::pair{".W_q", "HQQ"}};
  for (const auto& [suffix, program] : kOthers) {
    if (!contains(layer + suffix)) continue;
    throw Error(ErrorCode::kBadModel,
                tr("{}: layer {} is quantized for another program ({}): it has {} and no {}",
                   "{}: слой {} квантован для другой программы ({}): есть {}, нет {}",
                   model_dir_.string(), layer, program, suffix, kWeight),
                hint_for_original_weights());
  }
}

const Weights::Entry& Weights::require(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry != nullptr) return *entry;
  require_known_quantization(name);
  throw Error(ErrorCode::kBadModel,
              tr("{}: tensor {} is missing", "{}: нет тензора {}", model_dir_.string(), name),
              tr("a shard is missing, or config.json belongs to another model",
                 "не хватает части модели, или config.json — от другой модели"));
}

const Weights::Entry& Weights::require_usable(std::string_view name) const {
  const Entry& entry = require(name);
  if (entry.info.dtype != checkpoint::Dtype::kOther) return entry;
  throw Error(ErrorCode::kBadModel,
              tr("{}: tensor {} has numbers of type {}, which oko does not run",
                 "{}: числа тензора {} — типа {}, с которым oko не работает", model_dir_.string(),
                 name, entry.info.other_dtype),
              hint_for_original_weights());
}

void Weights::require_shape(std::string_view name,
                            std::initializer_list<std::int64_t> shape) const {
  const std::vector<std::int64_t>& own = require(name).info.shape;
  if (std::equal(shape.begin(), shape.end(), own.begin(), own.end())) return;
  require_known_quantization(name);
  throw Error(
      ErrorCode::kBadModel,
      tr("{}: tensor {} has shape [{}], the config asks for [{}]",
         "{}: форма тензора {} — [{}], по config.json — [{}]", model_dir_.string(), name,
         fmt::format("{}", fmt::join(own, ", ")), fmt::format("{}", fmt::join(shape, ", "))),
      tr("config.json belongs to another model", "config.json — от другой модели"));
}

mx::array Weights::get(std::string_view name) const {
  const auto& [file, buffer, buffer_offset, info] = require_usable(name);
  mx::Shape shape(info.shape.begin(), info.shape.end());
  const bool converts = becomes_float16(info);
  const mx::Dtype dtype = converts ? mx::float16 : mlx_dtype(info.dtype);
  if (checkpoint::is_aligned(info) && !converts) {
    return view_of(buffers_[buffer], info.offset - buffer_offset, std::move(shape), dtype);
  }
  mx::allocator::Data copy = allocate(info.size);
  const std::span<const std::byte> bytes = file->bytes().subspan(info.offset, info.size);
  if (!converts) {
    std::memcpy(copy.buffer().raw_ptr(), bytes.data(), bytes.size());
  } else if (!convert_to_float16(bytes, static_cast<std::byte*>(copy.buffer().raw_ptr()))) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: tensor {} has a number above {}, the largest of float16",
                   "{}: в тензоре {} есть число больше {} — предела float16", model_dir_.string(),
                   name, kLargestFloat16),
                tr("unset OKO_DTYPE", "уберите OKO_DTYPE"));
  }
  file->forget(info.offset, info.size);
  return mx::array(std::move(copy), std::move(shape), dtype);
}

mx::array Weights::get(std::string_view name, std::initializer_list<std::int64_t> shape) const {
  require_shape(name, shape);
  return get(name);
}

mx::array Weights::matrix(std::string_view name, std::initializer_list<std::int64_t> shape) const {
  require_shape(name, shape);
  const auto& [file, buffer, buffer_offset, info] = require_usable(name);
  if (!is_readable_in_place(info)) return get(name);
  return view_of(buffers_[buffer], info.offset - buffer_offset,
                 mx::Shape(info.shape.begin(), info.shape.end()), mlx_dtype(info.dtype));
}

std::uint64_t Weights::bytes_on_disk(const std::filesystem::path& model_dir) {
  std::uint64_t total = 0;
  try {
    for (const checkpoint::SourceFile& file : checkpoint::find_weight_files(model_dir))
      total += file.identity.size;
  } catch (const std::exception&) {
    return 0;
  }
  return total;
}

std::uint64_t Weights::bytes_beyond_disk(const std::filesystem::path& model_dir) {
  try {
    return uses_graph() ? open(model_dir).copied_bytes() : widened_bytes(model_dir);
  } catch (const std::exception&) {
    return 0;
  }
}

void Weights::require_bytes_on_disk(const std::filesystem::path& model_dir, std::uint64_t bytes) {
  const std::uint64_t now = bytes_on_disk(model_dir);
  if (now == bytes) return;
  throw Error(ErrorCode::kBadModel,
              tr("{}: the weights have {} bytes, and had {} when oko began: it is another model",
                 "{}: в весах {:байт|байта|байт}, а при запуске oko было {}: это другая модель",
                 model_dir.string(), Count(now), bytes),
              tr("restart oko", "запустите oko заново"));
}

}  // namespace oko::tensor
