#include <cstring>
#include <limits>

#include "tensor/allocator.h"
#include "tensor/cuda_buffers.h"
#include "tensor/mapped_array.h"

namespace oko::tensor {
namespace {

mx::array copied_words(const MappedFile& file, const Window& window, std::size_t words) {
  const std::size_t size = window.end - window.begin;
  mx::allocator::Data data = allocate(words * 8);
  auto* bytes = static_cast<std::byte*>(data.buffer().raw_ptr());
  std::memcpy(bytes, file.bytes().data() + window.begin, size);
  std::memset(bytes + size, 0, words * 8 - size);
  file.forget(window.begin, size);
  return mx::array(std::move(data), {static_cast<mx::ShapeElem>(words)}, mx::uint64);
}

}  // namespace

mx::array mapped_words(std::shared_ptr<MappedFile> file, const Window& window) {
  const std::size_t words = (window.end - window.begin + 7) / 8;
  const std::size_t size = words * 8;
  if (uses_cuda_buffers()) return copied_words(*file, window, words);
  // MLX's CPU allocator keeps the size of a buffer in the 8 bytes in front of its data, and a
  // Buffer points at that size: it goes into the mapping's header page. In front of a later window
  // are bytes of the file; MLX reads them as a size only to choose between sharing and copying, and
  // both give the same values.
  std::byte* start = file->header() + MappedFile::kHeaderBytes + window.begin - sizeof(size);
  if (window.begin == 0) std::memcpy(start, &size, sizeof(size));
  mx::allocator::Data data(
      mx::allocator::Buffer(start),
      [file = std::move(file)](mx::allocator::Buffer) mutable { file.reset(); });
  return mx::array(std::move(data), {static_cast<mx::ShapeElem>(words)}, mx::uint64);
}

WindowLimits default_window_limits() {
  // MLX counts elements in 32 bits. A CPU wires no buffers, so the parts can share one.
  return {std::uint64_t{std::numeric_limits<mx::ShapeElem>::max() - 1} * 8 /
              MappedFile::kHeaderBytes * MappedFile::kHeaderBytes,
          false};
}

}  // namespace oko::tensor
