#include "text/table_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstring>
#include <optional>
#include <system_error>

#include "base/error.h"

namespace oko::text {
namespace {

namespace fs = std::filesystem;

std::uint64_t checksum(std::span<const std::byte> block) {
  const auto content = block.subspan(sizeof(TableHeader));
  return XXH3_64bits(content.data(), content.size());
}

fs::path cache_path(const fs::path& cache_dir, const fs::path& model_dir, const char* suffix) {
  std::error_code error;
  fs::path canonical = fs::canonical(model_dir, error);
  if (error) canonical = model_dir;
  const std::string& text = canonical.native();
  return cache_dir / fmt::format("{:016x}.{}", XXH3_64bits(text.data(), text.size()), suffix);
}

/// The table in the cache file `path`, or nothing if the file is missing, damaged, or made from
/// files other than `sources`.
std::optional<TableBlock> open_cached(const fs::path& path, const TableKind& kind,
                                      const TableSources& sources) {
  std::unique_ptr<MappedFile> file;
  try {
    file = std::make_unique<MappedFile>(path, ErrorCode::kFailed);
  } catch (const Error&) {
    return std::nullopt;
  }
  const std::span<const std::byte> block = file->bytes();
  if (block.size() < sizeof(TableHeader)) return std::nullopt;
  const auto& header = *reinterpret_cast<const TableHeader*>(block.data());
  if (header.magic != kind.magic || header.version != kind.version || header.reserved != 0 ||
      header.sources != sources || header.checksum != checksum(block) || !kind.is_sound(block)) {
    return std::nullopt;
  }
  return TableBlock(std::move(file));
}

bool try_write(const fs::path& path, std::span<const std::byte> block) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return false;
  try {
    write_file_atomically(path, block);
  } catch (const Error&) {
    return false;
  }
  return true;
}

}  // namespace

void seal_table(std::span<std::byte> block, const TableKind& kind, const TableSources& sources) {
  const TableHeader header{kind.magic, checksum(block), kind.version, 0, sources};
  std::memcpy(block.data(), &header, sizeof(header));
}

TableBlock load_table(const TableKind& kind, const fs::path& cache_dir, const fs::path& model_dir,
                      const TableSources& sources,
                      const std::function<std::vector<std::byte>()>& build) {
  if (cache_dir.empty()) return TableBlock(build());
  const fs::path path = cache_path(cache_dir, model_dir, kind.suffix);
  if (auto cached = open_cached(path, kind, sources)) return *std::move(cached);
  std::vector<std::byte> block = build();
  // The system can drop mapped pages, but not a block of private memory.
  if (try_write(path, block)) {
    if (auto cached = open_cached(path, kind, sources)) return *std::move(cached);
  }
  return TableBlock(std::move(block));
}

}  // namespace oko::text
