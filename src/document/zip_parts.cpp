#include "document/zip_parts.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/error.h"
#include "base/text_escape.h"

namespace oko::document {
namespace {

struct CloseZipFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

void ZipParts::Close::operator()(zip* archive) const {
  zip_discard(archive);
}

ZipParts::ZipParts(std::string_view bytes, BlockWriter& writer) : writer_(writer) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source == nullptr) throw std::bad_alloc();
  archive_.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  zip_error_fini(&error);
  if (archive_ == nullptr) {
    zip_source_free(source);
    throw Error(ErrorCode::kBadInput,
                tr("{}: the ZIP file inside is damaged or cut off",
                   "{}: его архив ZIP повреждён или обрезан", writer.name()),
                tr("get the file again", "получите файл заново"));
  }
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  if (count > writer.limits().max_parts) {
    throw Error(ErrorCode::kTooLarge, tr("{}: has {} parts, the limit is {}",
                                         "{}: в нём {:часть|части|частей}, предел — {}",
                                         writer.name(), Count(count), writer.limits().max_parts));
  }
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
    names_.emplace_back(name == nullptr ? "" : name);
  }
}

ZipParts::~ZipParts() = default;

bool ZipParts::has(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

void ZipParts::throw_damaged(std::string_view part) const {
  throw Error(ErrorCode::kBadInput,
              tr("{}: its part {} is damaged", "{}: его часть {} повреждена", writer_.name(),
                 excerpt(part)),
              tr("get the file again", "получите файл заново"));
}

bool ZipParts::read(std::string_view name, const std::function<bool(std::string_view)>& sink) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return false;
  const auto index = static_cast<zip_uint64_t>(found - names_.begin());
  zip_stat_t info;
  if (zip_stat_index(archive_.get(), index, 0, &info) != 0) throw_damaged(name);
  if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && info.encryption_method != ZIP_EM_NONE) {
    throw Error(ErrorCode::kUnsupported, tr("{}: is encrypted", "{}: зашифрован", writer_.name()),
                tr("save it without a password", "сохраните его без пароля"));
  }
  const std::unique_ptr<zip_file_t, CloseZipFile> file(zip_fopen_index(archive_.get(), index, 0));
  if (file == nullptr) throw_damaged(name);
  std::array<char, 65'536> buffer;
  for (;;) {
    const zip_int64_t got = zip_fread(file.get(), buffer.data(), buffer.size());
    if (got < 0) throw_damaged(name);
    if (got == 0) return true;
    writer_.count_unpacked(static_cast<std::uint64_t>(got));
    if (!sink({buffer.data(), static_cast<std::size_t>(got)})) return true;
  }
}

}  // namespace oko::document
