#include "hub/tensor_copier.h"

#include <algorithm>
#include <mutex>

#include "hub/parallel_blocks.h"

namespace oko::hub {
namespace {

constexpr std::uint64_t kCopyBytes = 8 << 20;

struct Block {
  std::size_t tensor;
  std::uint64_t begin, size;  ///< bytes
};

}  // namespace

TensorCopier::TensorCopier(const std::map<std::string, SourceTensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.info().dtype == checkpoint::Dtype::kOther) continue;  // no layer can use it
    tensors_.push_back(&tensor);
    declarations_.push_back({name, tensor.info().dtype, tensor.info().shape});
    bytes_ += tensor.info().size;
  }
}

void TensorCopier::run(const std::filesystem::path& file,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                       std::size_t threads, const StopToken& stop) const {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::uint64_t size = tensors_[i]->info().size;
    for (std::uint64_t begin = 0; begin < size; begin += kCopyBytes) {
      blocks.push_back({i, begin, std::min(kCopyBytes, size - begin)});
    }
  }
  checkpoint::SafetensorsWriter writer(file, declarations_, metadata);
  std::mutex mutex;
  std::uint64_t done = 0;
  for_each_block(blocks.size(), threads, stop, [&](std::size_t i) {
    const auto& [tensor, begin, size] = blocks[i];
    writer.write(tensor, begin, tensors_[tensor]->bytes().subspan(begin, size));
    tensors_[tensor]->forget_bytes(begin, size);
    const std::lock_guard lock(mutex);
    done += size;
    if (progress) progress(done, bytes_);
  });
  writer.finish();
}

}  // namespace oko::hub
