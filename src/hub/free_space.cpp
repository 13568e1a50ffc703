#include "hub/free_space.h"

#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"

namespace oko::hub {

void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) {
    const std::string reason = error.message();
    throw Error(ErrorCode::kFailed,
                tr("{}: free space is unknown: {}", "{}: свободное место неизвестно: {}",
                   folder.string(), reason));
  }
  if (space.available < bytes) {
    throw Error(ErrorCode::kFailed,
                tr("{}: {} are needed, {} are free", "{}: нужно {}, свободно {}", folder.string(),
                   format_bytes(bytes), format_bytes(space.available)),
                tr("free space on the disk or name a folder on another one",
                   "освободите место на диске или укажите папку на другом"));
  }
}

}  // namespace oko::hub
