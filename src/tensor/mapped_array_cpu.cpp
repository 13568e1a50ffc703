#include <cstring>

#include "tensor/mapped_array.h"

namespace oko::tensor {

mx::array mapped_words(std::shared_ptr<MappedFile> file) {
  const std::size_t words = (file->bytes().size() + 7) / 8;
  const std::size_t size = words * 8;
  // MLX's CPU allocator keeps the size of a buffer in the 8 bytes in front of its data, and a
  // Buffer points at that size: the mapping's header page is the place for it.
  std::byte* start = file->header() + MappedFile::kHeaderBytes - sizeof(size);
  std::memcpy(start, &size, sizeof(size));
  mx::allocator::Data data(
      mx::allocator::Buffer(start),
      [file = std::move(file)](mx::allocator::Buffer) mutable { file.reset(); });
  return mx::array(std::move(data), {static_cast<mx::ShapeElem>(words)}, mx::uint64);
}

}  // namespace oko::tensor
