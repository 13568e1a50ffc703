#include <unistd.h>

#include "tensor/mapped_array.h"

namespace oko::tensor {

mx::array mapped_words(std::shared_ptr<MappedFile> file) {
  // Metal takes whole pages without a copy; the mapping's last page reads as zero past the file's
  // end.
  const auto page = static_cast<std::size_t>(::getpagesize());
  const std::size_t size = (file->bytes().size() + page - 1) / page * page;
  auto* data = const_cast<std::byte*>(file->bytes().data());
  return mx::array(static_cast<void*>(data), {static_cast<mx::ShapeElem>(size / 8)}, mx::uint64,
                   [file = std::move(file)](void*) mutable { file.reset(); });
}

}  // namespace oko::tensor
