#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/disk_sync.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_identity.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "index/vector_file.h"
#include "index/vector_file_layout.h"

namespace oko::index {
namespace {

/// Of a new file: the second slot is empty.
std::vector<std::byte> new_header(const VectorFileState& state) {
  std::vector<std::byte> bytes(kVectorHeaderBytes);
  const VectorFileHeader header = header_of(state, 0);
  const auto* from = reinterpret_cast<const std::byte*>(&header);
  std::copy_n(from, sizeof(header), bytes.data());
  return bytes;
}

std::uint64_t size_of_file(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

VectorFileWriter::VectorFileWriter(std::filesystem::path path, int file,
                                   const VectorFileState& state, std::uint64_t sequence)
    : path_(std::move(path)), file_(file), state_(state), sequence_(sequence) {}

VectorFileWriter::~VectorFileWriter() {
  ::close(file_);
}

std::unique_ptr<VectorFileWriter> VectorFileWriter::create(const std::filesystem::path& path,
                                                           const VectorFileState& state) {
  require_dimensions(state.dimensions);
  write_file_atomically(path, new_header(state));
  VectorFileFault fault{};
  auto writer = open(path, state, fault);
  if (writer != nullptr) return writer;
  throw Error(ErrorCode::kFailed, tr("{}: was replaced while it was made",
                                     "{}: файл заменён во время создания", path.string()));
}

std::unique_ptr<VectorFileWriter> VectorFileWriter::open(const std::filesystem::path& path,
                                                         const VectorFileState& expected,
                                                         VectorFileFault& fault) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    fault = VectorFileFault::kMissing;
    return nullptr;
  }
  std::unique_ptr<VectorFileWriter> writer(new VectorFileWriter(path, file, expected, 0));
  if (file < 0) writer->fail(errno);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    throw Error(
        ErrorCode::kBusy,
        tr("{}: another process writes to it", "{}: в файл пишет другой процесс", path.string()),
        tr("wait until it has ended", "дождитесь, когда он закончит"));
  }
  std::vector<std::byte> begin(std::min<std::uint64_t>(size_of_file(file), kVectorHeaderBytes));
  const ssize_t read = ::pread(file, begin.data(), begin.size(), 0);
  begin.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
  VectorFileHeader header;
  fault = read_header(begin, size_of_file(file), expected, header);
  if (fault != VectorFileFault::kNone) return nullptr;
  writer->sequence_ = header.sequence;
  if (header.rows > expected.rows) writer->commit();
  return writer;
}

void VectorFileWriter::append(std::span<const VectorRow> rows) {
  const std::uint64_t before = state_.rows;
  try {
    while (!rows.empty()) {
      const std::size_t room = kBlockRows - state_.rows % kBlockRows;
      const std::size_t count = std::min(room, rows.size());
      append_to_block(rows.first(count));
      rows = rows.subspan(count);
    }
  } catch (...) {
    state_.rows = before;
    throw;
  }
}

void VectorFileWriter::append_to_block(std::span<const VectorRow> rows) {
  const std::size_t dimensions = state_.dimensions;
  std::vector<float> scales;
  std::vector<std::uint32_t> checksums;
  std::vector<std::uint64_t> ids;
  std::vector<std::uint8_t> codes;
  codes.reserve(rows.size() * dimensions);
  for (const VectorRow& row : rows) {
    scales.push_back(row.scale);
    checksums.push_back(row_checksum(row.id, row.scale, row.codes));
    ids.push_back(row.id);
    codes.insert(codes.end(), row.codes.begin(), row.codes.end());
  }
  // A map has whole blocks.
  const std::uint64_t size = vector_file_bytes(state_.rows + rows.size(), dimensions);
  if (size_of_file(file_) < size && ::ftruncate(file_, static_cast<off_t>(size)) != 0) fail(errno);
  const std::uint64_t block = block_offset(state_.rows, dimensions);
  const std::uint64_t row = state_.rows % kBlockRows;
  write(block + row * sizeof(float), bytes_of(scales));
  write(block + kChecksumsOffset + row * sizeof(std::uint32_t), bytes_of(checksums));
  write(block + kIdsOffset + row * sizeof(std::uint64_t), bytes_of(ids));
  write(block + kCodesOffset + row * dimensions, bytes_of(codes));
  state_.rows += rows.size();
}

void VectorFileWriter::commit() {
  const VectorFileHeader header = header_of(state_, sequence_ + 1);
  const std::uint64_t slot = header.sequence % 2 * kVectorSlotBytes;
  write(slot, std::as_bytes(std::span(&header, 1)));
  if (!sync_to_disk(file_)) fail(errno);
  ++sequence_;
}

std::int64_t VectorFileWriter::modified_ns() const {
  struct stat info {};
  if (::fstat(file_, &info) != 0) fail(errno);
  return identity_of(info).modified_ns;
}

void VectorFileWriter::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

void VectorFileWriter::fail(int error) const {
  const LocalizedText reason = system_reason(error);
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw Error(
      ErrorCode::kFailed,
      tr("{}: cannot be written: {}", "{}: не записывается: {}", path_.string(), reason),
      is_full ? tr("free space on the disk", "освободите место на диске") : LocalizedText());
}

}  // namespace oko::index
