#include "hub/source_checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <system_error>

#include "base/error.h"
#include "base/localized_text.h"
#include "checkpoint/checkpoint_files.h"
#include "checkpoint/torch_checkpoint.h"
#include "tensor/affine_quantizer.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

[[noreturn]] void fail_without_weights(const fs::path& folder) {
  const std::vector<std::string> others = checkpoint::unread_weights(folder);
  throw Error(
      ErrorCode::kBadModel,
      others.empty()
          ? tr("{}: has neither model.safetensors nor pytorch_model.bin",
               "{}: нет ни model.safetensors, ни pytorch_model.bin", folder.string())
          : tr("{}: has neither model.safetensors nor pytorch_model.bin; oko does not read {}",
               "{}: нет ни model.safetensors, ни pytorch_model.bin; oko не читает {}",
               folder.string(), fmt::format("{}", fmt::join(others, ", "))),
      tr("name the folder of a Hugging Face model", "укажите папку модели Hugging Face"));
}

class Reader {
 public:
  std::map<std::string, SourceTensor> read(const fs::path& folder) {
    checkpoint::refuse_adapter(folder);
    const std::vector<fs::path> safetensors =
        checkpoint::checkpoint_files(folder, checkpoint::kSafetensorsFormat);
    for (const fs::path& file : safetensors) add_safetensors(file);
    if (safetensors.empty()) {
      for (const fs::path& file : checkpoint::checkpoint_files(folder, checkpoint::kTorchFormat)) {
        add_torch(file, "");
      }
    }
    if (tensors_.empty()) fail_without_weights(folder);
    for (const char* head : {"sparse_linear", "colbert_linear"}) {
      const fs::path file = folder / (std::string(head) + ".pt");
      if (is_there(file)) add_torch(file, std::string(head) + ".");
    }
    return std::move(tensors_);
  }

  std::map<std::string, SourceTensor> read_safetensors(const std::vector<fs::path>& files) {
    for (const fs::path& file : files) add_safetensors(file);
    return std::move(tensors_);
  }

 private:
  void add_safetensors(const fs::path& path) {
    auto file = std::make_shared<MappedFile>(path, ErrorCode::kBadModel);
    add(file, checkpoint::parse_safetensors(file->bytes(), file->bytes().size(), path.string()),
        "");
  }

  void add_torch(const fs::path& path, const std::string& prefix) {
    auto file = std::make_shared<MappedFile>(path, ErrorCode::kBadModel);
    add(file, checkpoint::parse_torch_checkpoint(file->bytes(), path.string()), prefix);
  }

  void add(const std::shared_ptr<MappedFile>& file, const checkpoint::TensorTable& table,
           const std::string& prefix) {
    for (const auto& [name, info] : table) {
      if (tensors_.emplace(prefix + name, SourceTensor(file, info)).second) continue;
      throw Error(ErrorCode::kBadModel,
                  tr("{}: tensor {} is in another file too", "{}: тензор {} есть и в другом файле",
                     file->path().string(), prefix + name),
                  tr("download the model again", "скачайте модель заново"));
    }
  }

  std::map<std::string, SourceTensor> tensors_;
};

}  // namespace

bool SourceTensor::is_float() const {
  return info_.dtype == checkpoint::Dtype::kFloat32 || info_.dtype == checkpoint::Dtype::kFloat16 ||
         info_.dtype == checkpoint::Dtype::kBfloat16;
}

std::uint64_t SourceTensor::count() const {
  return info_.size / checkpoint::size_of(info_.dtype);
}

std::vector<float> SourceTensor::read(const std::string& name, std::uint64_t first,
                                      std::uint64_t count) const {
  const std::byte* bytes =
      file_->bytes().data() + info_.offset + first * checkpoint::size_of(info_.dtype);
  std::vector<float> values(count);
  if (info_.dtype == checkpoint::Dtype::kFloat32) {
    std::memcpy(values.data(), bytes, count * sizeof(float));
  } else {
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, bytes + 2 * i, 2);
      values[i] = tensor::from_half_bits(bits, info_.dtype);
    }
  }
  for (const float value : values) {
    if (std::isfinite(value)) continue;
    throw Error(
        ErrorCode::kBadModel,
        tr("{}: tensor {} has elements that are not numbers",
           "{}: в тензоре {} есть элементы, которые не числа", file_->path().string(), name),
        tr("the file is damaged: download it again", "файл повреждён: скачайте его заново"));
  }
  return values;
}

void SourceTensor::forget(std::uint64_t first, std::uint64_t count) const {
  const std::size_t size = checkpoint::size_of(info_.dtype);
  forget_bytes(first * size, count * size);
}

std::map<std::string, SourceTensor> open_source(const fs::path& folder) {
  return Reader().read(folder);
}

std::map<std::string, SourceTensor> open_safetensors(const std::vector<fs::path>& files) {
  return Reader().read_safetensors(files);
}

}  // namespace oko::hub
