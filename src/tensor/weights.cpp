#include "tensor/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mlx/mlx.h>

#include <limits>

#include "base/language.h"
#include "tensor/array_view.h"
#include "tensor/mapped_array.h"
#include "tensor/shard_index.h"

namespace oko::tensor {
namespace {

mx::Dtype mlx_dtype(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return mx::float32;
    case Dtype::kFloat16:
      return mx::float16;
    case Dtype::kBfloat16:
      return mx::bfloat16;
    case Dtype::kUint32:
      return mx::uint32;
    case Dtype::kInt32:
      return mx::int32;
    case Dtype::kInt64:
      return mx::int64;
    case Dtype::kUint8:
      return mx::uint8;
  }
  return mx::uint8;
}

mx::array tensor_in(const mx::array& words, const TensorInfo& info) {
  mx::Shape shape(info.shape.begin(), info.shape.end());
  if (info.offset % size_of(info.dtype) == 0) {
    return view_of(words, info.offset, std::move(shape), mlx_dtype(info.dtype));
  }
  // A tensor that does not start at a multiple of its element size has to be copied.
  const auto size = static_cast<mx::ShapeElem>(info.size);
  const mx::array copy(words.data<std::uint8_t>() + info.offset, {size}, mx::uint8);
  return view_of(copy, 0, std::move(shape), mlx_dtype(info.dtype));
}

}  // namespace

Weights Weights::open(const std::filesystem::path& model_dir) {
  Weights weights;
  weights.model_dir_ = model_dir;
  const auto index = model_dir / "model.safetensors.index.json";
  const auto single = model_dir / "model.safetensors";
  std::error_code unreachable;  // is told as "has neither"
  if (std::filesystem::exists(single, unreachable)) {
    weights.add_file(single);
  } else if (std::filesystem::exists(index, unreachable)) {
    for (const std::string& name : shard_names(index)) weights.add_file(model_dir / name);
  } else {
    const bool is_torch = std::filesystem::exists(model_dir / "pytorch_model.bin", unreachable);
    throw Error(
        ErrorCode::kBadModel,
        tr("{}: has neither model.safetensors nor model.safetensors.index.json",
           "{}: нет ни model.safetensors, ни model.safetensors.index.json", model_dir.string()),
        is_torch
            ? tr("it has PyTorch's pytorch_model.bin: make a model of it with oko convert {} DST",
                 "здесь pytorch_model.bin от PyTorch: сделайте из него модель командой oko convert "
                 "{} DST",
                 model_dir.string())
            : tr("name the folder of an MLX model", "укажите папку модели MLX"));
  }
  return weights;
}

void Weights::add_file(const std::filesystem::path& path) {
  auto mapping = std::make_shared<MappedFile>(path, ErrorCode::kBadModel);
  const auto bytes = mapping->bytes();
  // MLX counts elements in 32 bits: 16 GB of file as 64-bit words, 2^31 - 1 elements a tensor.
  constexpr std::uint64_t kMaxElements = std::numeric_limits<mx::ShapeElem>::max();
  for (auto& [name, info] : parse_safetensors(bytes, bytes.size(), path.string())) {
    // `tensor_in` counts bytes where it has to copy.
    const std::size_t item = size_of(info.dtype);
    const std::uint64_t counted = info.offset % item == 0 ? info.size / item : info.size;
    if (bytes.size() / 8 >= kMaxElements || counted + 16 > kMaxElements) {
      throw Error(
          ErrorCode::kBadModel,
          tr("{}: {} in one file are too large for MLX", "{}: {} в одном файле велики для MLX",
             path.string(), format_bytes(bytes.size())),
          tr("split the model into shards under 16 GB", "разбейте модель на части до 16 GB"));
    }
    const bool added = tensors_.emplace(name, Entry{files_.size(), info}).second;
    if (!added) {
      throw Error(ErrorCode::kBadModel,
                  tr("{}: tensor {} is in another shard too", "{}: тензор {} есть и в другой части",
                     path.string(), name),
                  tr("download the model again", "скачайте модель заново"));
    }
  }
  files_.push_back({mapping, mapped_words(mapping)});
}

std::vector<std::shared_ptr<const MappedFile>> Weights::files() const {
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (const File& file : files_) files.push_back(file.mapping);
  return files;
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

mx::array Weights::get(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: tensor {} is missing", "{}: нет тензора {}", model_dir_.string(), name),
                tr("a shard is missing, or config.json belongs to another model",
                   "не хватает части модели, или config.json — от другой модели"));
  }
  return tensor_in(files_[entry->file].words, entry->info);
}

mx::array Weights::get(std::string_view name, std::initializer_list<std::int64_t> shape) const {
  const Entry* entry = find(name);
  if (entry != nullptr &&
      !std::equal(shape.begin(), shape.end(), entry->info.shape.begin(), entry->info.shape.end())) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: tensor {} has shape [{}], the config asks for [{}]",
                   "{}: форма тензора {} — [{}], по config.json — [{}]", model_dir_.string(), name,
                   fmt::format("{}", fmt::join(entry->info.shape, ", ")),
                   fmt::format("{}", fmt::join(shape, ", "))),
                tr("config.json belongs to another model", "config.json — от другой модели"));
  }
  return get(name);
}

std::uint64_t Weights::bytes_on_disk(const std::filesystem::path& model_dir) {
  std::error_code none;
  const auto size = std::filesystem::file_size(model_dir / "model.safetensors", none);
  if (!none) return size;
  std::uint64_t total = 0;
  try {
    for (const std::string& name : shard_names(model_dir / "model.safetensors.index.json")) {
      total += std::filesystem::file_size(model_dir / name);
    }
  } catch (const std::exception&) {
    return 0;
  }
  return total;
}

void Weights::require_bytes_on_disk(const std::filesystem::path& model_dir, std::uint64_t bytes) {
  const std::uint64_t now = bytes_on_disk(model_dir);
  if (now == bytes) return;
  throw Error(ErrorCode::kBadModel,
              tr("{}: the weights have {} bytes, and had {} when oko began: it is another model",
                 "{}: в весах {} байт, а при запуске oko было {}: это другая модель",
                 model_dir.string(), now, bytes),
              tr("start oko anew", "запустите oko заново"));
}

}  // namespace oko::tensor
