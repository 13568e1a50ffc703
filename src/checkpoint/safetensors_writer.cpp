#include "checkpoint/safetensors_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/disk_sync.h"
#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "checkpoint/model_part.h"

namespace oko::checkpoint {
namespace {

constexpr std::uint64_t kAlignment = 64;

/// The numbers of `tensors` in the order of their data.
std::vector<std::size_t> layout_order(const std::vector<TensorDeclaration>& tensors) {
  const auto alignment = [&](std::size_t i) {
    return std::min(kAlignment, std::uint64_t{1} << std::countr_zero(byte_size(tensors[i])));
  };
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(kAlignment - alignment(a), part_of(tensors[a].name)) <
           std::tuple(kAlignment - alignment(b), part_of(tensors[b].name));
  });
  return order;
}

}  // namespace

std::uint64_t byte_size(const TensorDeclaration& tensor) {
  std::uint64_t size = size_of(tensor.dtype);
  for (const std::int64_t dimension : tensor.shape) size *= static_cast<std::uint64_t>(dimension);
  return size;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<TensorDeclaration>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : path_(path), temporary_(path.string() + ".XXXXXX"), extents_(tensors.size()) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "mlx"}};
  for (const auto& [key, value] : metadata) header["__metadata__"][key] = value;
  std::uint64_t data_size = 0;
  for (const std::size_t i : layout_order(tensors)) {
    const std::uint64_t size = byte_size(tensors[i]);
    header[tensors[i].name] = {{"dtype", safetensors_name(tensors[i].dtype)},
                               {"shape", tensors[i].shape},
                               {"data_offsets", {data_size, data_size + size}}};
    extents_[i] = {data_size, size};
    data_size += size;
  }
  std::string text(8, '\0');
  text += header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>((text.size() - 8) >> (8 * i));
  for (Extent& extent : extents_) extent.offset += text.size();
  file_size_ = text.size() + data_size;

  file_ = ::mkstemp(temporary_.data());
  if (file_ < 0) fail(errno);
  registration_.emplace(temporary_);
  try {
    write_at(0, std::as_bytes(std::span(text)));
  } catch (...) {
    ::close(file_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void SafetensorsWriter::write(std::size_t tensor, std::uint64_t begin,
                              std::span<const std::byte> bytes) {
  const Extent& extent = extents_.at(tensor);
  assert(begin <= extent.size && bytes.size() <= extent.size - begin);
  write_at(extent.offset + begin, bytes);
  written_ += bytes.size();
}

void SafetensorsWriter::finish() {
  assert(std::accumulate(extents_.begin(), extents_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Extent& e) { return sum + e.size; }) ==
         written_);
  // Without it a power cut could leave a file of zeros under the name.
  if (!sync_to_disk(file_)) fail(errno);
  give_name();
}

void SafetensorsWriter::finish_hollow() {
  if (::ftruncate(file_, static_cast<off_t>(file_size_)) != 0) fail(errno);
  give_name();
}

void SafetensorsWriter::give_name() {
  ::fchmod(file_, 0644);
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail(error);
  }
  registration_.reset();
}

void SafetensorsWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

void SafetensorsWriter::fail(int error) const {
  const LocalizedText reason = system_reason(error);
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(ErrorCode::kFailed,
              tr("{}: cannot be written ({}): {}", "{}: не записывается ({}): {}", path_.string(),
                 format_bytes(file_size_), reason),
              full ? tr("free space on the disk", "освободите место на диске")
                   : tr("check the folder and its permissions", "проверьте папку и права на неё"));
}

}  // namespace oko::checkpoint
