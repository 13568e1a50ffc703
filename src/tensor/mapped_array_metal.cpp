#include <mlx/allocator.h>
#include <mlx/array.h>
#include <mlx/device.h>

#include <algorithm>
#include <limits>
#include <variant>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "tensor/mapped_array.h"

namespace oko::tensor {
namespace {

constexpr std::uint64_t kMetalPage = MappedFile::kHeaderBytes;

/// Metal's MTLDevice.maxBufferLength: 3.5 GiB and more.
std::uint64_t max_buffer_length() {
  constexpr std::uint64_t kUnknown = std::uint64_t{2} << 30;
  const auto& info = mx::device_info(mx::Device::gpu);
  const auto found = info.find("max_buffer_length");
  if (found == info.end()) return kUnknown;
  const auto* bytes = std::get_if<std::size_t>(&found->second);
  return bytes != nullptr ? *bytes : kUnknown;
}

}  // namespace

mx::array mapped_words(std::shared_ptr<MappedFile> file, const Window& window) {
  // Metal takes whole pages without a copy; the mapping's last page is zero past the file's end.
  const std::size_t size = (window.end - window.begin + kMetalPage - 1) / kMetalPage * kMetalPage;
  auto* bytes = const_cast<std::byte*>(file->bytes().data()) + window.begin;
  // Not with the constructor of mx::array, which copies silently if Metal refuses.
  const mx::allocator::Buffer buffer = mx::allocator::make_buffer(bytes, size);
  if (buffer.ptr() == nullptr) {
    throw Error(
        ErrorCode::kFailed,
        tr("{}: the GPU does not take {} of its pages", "{}: GPU не принимает {} его страниц",
           file->path().string(), format_bytes(size)),
        tr("close other programs", "закройте другие программы"));
  }
  mx::allocator::Data data(buffer, [file = std::move(file)](mx::allocator::Buffer own) mutable {
    mx::allocator::release(own);
    file.reset();
  });
  return mx::array(std::move(data), {static_cast<mx::ShapeElem>(size / 8)}, mx::uint64);
}

WindowLimits default_window_limits() {
  // MLX counts elements in 32 bits. A GPU wires the buffers that a command uses: with buffers of
  // their own, decoding does not wire the vision tower.
  const std::uint64_t words = std::numeric_limits<mx::ShapeElem>::max() - 1;
  return {std::min(max_buffer_length(), words * 8) / kMetalPage * kMetalPage, true};
}

}  // namespace oko::tensor
