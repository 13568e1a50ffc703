#include "checkpoint/zip_directory.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_bytes.h"

namespace oko::checkpoint {
namespace {

constexpr std::uint64_t kMaxEntries = 100'000;

// Signatures and sizes of the records (APPNOTE.TXT, 4.3).
constexpr std::uint64_t kLocalSignature = 0x04034b50;
constexpr std::uint64_t kCentralSignature = 0x02014b50;
constexpr std::uint64_t kEndSignature = 0x06054b50;
constexpr std::uint64_t kZip64EndSignature = 0x06064b50;
constexpr std::uint64_t kZip64LocatorSignature = 0x07064b50;
constexpr std::uint64_t kEndSize = 22;
constexpr std::uint64_t kZip64LocatorSize = 20;
constexpr std::uint64_t kMaxComment = 0xFFFF;

// The filler of a narrow field whose value is in a zip64 record.
constexpr std::uint64_t kFull16 = 0xFFFF;
constexpr std::uint64_t kFull32 = 0xFFFFFFFF;

constexpr std::uint64_t kEncrypted = 1;           // flags
constexpr std::uint64_t kSizesFollowTheData = 8;  // flags: the local header has zeros

/// The place of the directory.
struct DirectoryExtent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
};

/// The directory's record of one entry.
struct Record {
  std::string_view name;
  std::uint64_t flags = 0;
  std::uint64_t method = 0;
  std::uint64_t stored_size = 0;
  std::uint64_t size = 0;
  std::uint64_t local_header = 0;
};

class DirectoryReader {
 public:
  DirectoryReader(std::span<const std::byte> file, std::string_view name)
      : file_(file), name_(name) {}

  ZipDirectory read();

 private:
  [[noreturn]] void fail_entry(std::string_view entry, const LocalizedText& what) const {
    fail_checkpoint(name_, tr("entry {}: {}", "запись {}: {}", excerpt(entry), what));
  }

  ByteCursor cursor(std::uint64_t offset) const {
    return {file_.subspan(std::min<std::uint64_t>(offset, file_.size())), name_, "zip"};
  }

  std::uint64_t find_end() const;
  DirectoryExtent read_end() const;
  std::optional<std::pair<std::uint64_t, DirectoryExtent>> read_zip64_end(std::uint64_t end) const;
  Record read_record(ByteCursor& directory) const;
  void apply_zip64(std::span<const std::byte> extra, Record& record) const;
  ZipEntry check_entry(const Record& record, std::uint64_t data_end) const;

  std::span<const std::byte> file_;
  std::string_view name_;
};

/// Position of the record that ends the archive. A comment may follow it, and hold its signature.
std::uint64_t DirectoryReader::find_end() const {
  if (file_.size() >= kEndSize) {
    const std::uint64_t last = file_.size() - kEndSize;
    const std::uint64_t first = last - std::min(last, kMaxComment);
    for (std::uint64_t at = last + 1; at > first; --at) {
      ByteCursor record = cursor(at - 1);
      if (record.number(4) != kEndSignature) continue;
      record.take(16);
      if (record.number(2) == record.left()) return at - 1;
    }
  }
  fail_checkpoint(name_, tr("the end of the zip archive is missing, the file has {}",
                            "нет конца архива zip, в файле {}", format_bytes(file_.size())));
}

std::optional<std::pair<std::uint64_t, DirectoryExtent>> DirectoryReader::read_zip64_end(
    std::uint64_t end) const {
  if (end < kZip64LocatorSize) return std::nullopt;
  ByteCursor locator = cursor(end - kZip64LocatorSize);
  if (locator.number(4) != kZip64LocatorSignature) return std::nullopt;
  locator.take(4);  // the disk
  const std::uint64_t at = locator.number(8);
  ByteCursor record = cursor(at);
  if (at >= end || record.number(4) != kZip64EndSignature) {
    fail_checkpoint(name_, tr("the zip64 record is not where it should be, at {}",
                              "записи zip64 нет на её месте, {}", at));
  }
  record.take(28);  // its size, versions, disks, entries of this disk
  DirectoryExtent extent;
  extent.entries = record.number(8);
  extent.size = record.number(8);
  extent.offset = record.number(8);
  return std::pair{at, extent};
}

DirectoryExtent DirectoryReader::read_end() const {
  const std::uint64_t end = find_end();
  ByteCursor record = cursor(end);
  record.take(10);  // signature, disks, entries of this disk
  DirectoryExtent extent;
  extent.entries = record.number(2);
  extent.size = record.number(4);
  extent.offset = record.number(4);
  std::uint64_t limit = end;
  if (const auto zip64 = read_zip64_end(end)) {
    const DirectoryExtent& wide = zip64->second;
    // Two readers must not see two archives in one file.
    const auto agrees = [](std::uint64_t narrow, std::uint64_t wide, std::uint64_t full) {
      return narrow == full || narrow == wide;
    };
    if (!agrees(extent.entries, wide.entries, kFull16) ||
        !agrees(extent.size, wide.size, kFull32) || !agrees(extent.offset, wide.offset, kFull32)) {
      fail_checkpoint(name_, tr("the zip and zip64 records contradict each other",
                                "записи zip и zip64 противоречат друг другу"));
    }
    limit = zip64->first;
    extent = wide;
  }
  if (extent.offset > limit || extent.size > limit - extent.offset) {
    fail_checkpoint(name_,
                    tr("the zip directory ({} bytes at {}) lies outside the file's {} bytes",
                       "каталог zip ({:байт|байта|байт} с {}) лежит вне {:байта|байт|байт} файла",
                       Count(extent.size), extent.offset, Count(file_.size())));
  }
  if (extent.entries > kMaxEntries) {
    fail_checkpoint(name_,
                    tr("the zip archive has {} entries, the limit is {}",
                       "в архиве zip записей: {}, предел — {}", extent.entries, kMaxEntries));
  }
  return extent;
}

/// Reads the numbers that did not fit the record's 32 bits from its extra fields.
void DirectoryReader::apply_zip64(std::span<const std::byte> extra, Record& record) const {
  constexpr std::uint64_t kZip64Field = 1;
  ByteCursor fields(extra, name_, "zip");
  while (fields.left() >= 4) {
    const std::uint64_t id = fields.number(2);
    ByteCursor field(fields.take(fields.number(2)), name_, "zip64");
    if (id != kZip64Field) continue;
    for (std::uint64_t* value : {&record.size, &record.stored_size, &record.local_header}) {
      if (*value == kFull32) *value = field.number(8);
    }
    return;
  }
}

Record DirectoryReader::read_record(ByteCursor& directory) const {
  if (directory.number(4) != kCentralSignature) {
    fail_checkpoint(name_, tr("the zip directory is damaged at {}", "каталог zip повреждён на {}",
                              directory.position() - 4));
  }
  Record record;
  directory.take(4);  // versions
  record.flags = directory.number(2);
  record.method = directory.number(2);
  directory.take(8);  // time, date, checksum
  record.stored_size = directory.number(4);
  record.size = directory.number(4);
  const std::uint64_t name_size = directory.number(2);
  const std::uint64_t extra_size = directory.number(2);
  const std::uint64_t comment_size = directory.number(2);
  directory.take(8);  // disk, attributes
  record.local_header = directory.number(4);
  record.name = directory.text(name_size);
  apply_zip64(directory.take(extra_size), record);
  directory.take(comment_size);
  return record;
}

/// The position of an entry's data, by its local header.
ZipEntry DirectoryReader::check_entry(const Record& record, std::uint64_t data_end) const {
  if ((record.flags & kEncrypted) != 0) fail_entry(record.name, tr("is encrypted", "зашифрована"));
  if (record.method != 0 || record.stored_size != record.size) {
    fail_checkpoint(name_,
                    tr("entry {} is compressed (method {}), PyTorch stores entries as they are",
                       "запись {} сжата (метод {}), PyTorch хранит записи без сжатия",
                       excerpt(record.name), record.method),
                    tr("the archive was packed by another program: take the original file",
                       "архив упакован другой программой: возьмите исходный файл"));
  }
  ByteCursor local = cursor(record.local_header);
  if (record.local_header >= data_end || local.number(4) != kLocalSignature) {
    fail_entry(record.name, tr("there is nothing at {}, where the directory points",
                               "на {}, куда указывает каталог, её нет", record.local_header));
  }
  local.take(2);  // version
  const std::uint64_t flags = local.number(2);
  const std::uint64_t method = local.number(2);
  local.take(8);  // time, date, checksum
  const std::uint64_t stored_size = local.number(4);
  const std::uint64_t size = local.number(4);
  const std::uint64_t name_size = local.number(2);
  const std::uint64_t extra_size = local.number(2);
  const auto agrees = [&](std::uint64_t value) {
    return value == record.size || value == kFull32 ||
           ((flags & kSizesFollowTheData) != 0 && value == 0);
  };
  if (method != 0 || (flags & kEncrypted) != 0 || !agrees(stored_size) || !agrees(size) ||
      local.text(name_size) != record.name) {
    fail_entry(record.name, tr("its own header contradicts the directory",
                               "её заголовок противоречит каталогу"));
  }
  local.take(extra_size);
  const ZipEntry entry{record.local_header + local.position(), record.size};
  if (entry.offset > data_end || entry.size > data_end - entry.offset) {
    fail_entry(record.name,
               tr("{} bytes at {} do not fit the {} bytes before the directory",
                  "{:байт|байта|байт} с {} не помещаются в {:байт|байта|байт} перед каталогом",
                  Count(entry.size), entry.offset, Count(data_end)));
  }
  return entry;
}

ZipDirectory DirectoryReader::read() {
  const DirectoryExtent extent = read_end();
  ByteCursor directory(file_.subspan(extent.offset, extent.size), name_, "zip");
  ZipDirectory entries;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;  // first byte, end
  for (std::uint64_t i = 0; i < extent.entries; ++i) {
    const Record record = read_record(directory);
    const ZipEntry entry = check_entry(record, extent.offset);
    if (!entries.emplace(record.name, entry).second) {
      fail_entry(record.name, tr("comes twice", "встречается дважды"));
    }
    taken.emplace_back(record.local_header, entry.offset + entry.size);
  }
  if (directory.left() != 0) {
    fail_checkpoint(name_,
                    tr("the zip directory has {} bytes more than its {} entries",
                       "в каталоге zip на {:байт|байта|байт} больше, чем занимают записи ({})",
                       Count(directory.left()), extent.entries));
  }
  std::sort(taken.begin(), taken.end());
  for (std::size_t i = 1; i < taken.size(); ++i) {
    if (taken[i - 1].second > taken[i].first) {
      fail_checkpoint(name_, tr("entries of the zip archive overlap at {}",
                                "записи архива zip пересекаются на {}", taken[i].first));
    }
  }
  return entries;
}

}  // namespace

ZipDirectory read_zip_directory(std::span<const std::byte> file, std::string_view name) {
  return DirectoryReader(file, name).read();
}

}  // namespace oko::checkpoint
