#include "hub/free_space.h"

#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::hub {

void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes,
                        const LocalizedText& hint) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) {
    const LocalizedText reason = system_reason(error);
    throw Error(ErrorCode::kFailed,
                tr("{}: free space is unknown: {}", "{}: свободное место неизвестно: {}",
                   folder.string(), reason));
  }
  if (space.available < bytes) {
    const SizePair sizes(bytes, space.available);
    throw Error(ErrorCode::kFailed,
                tr("{}: {} are needed, {} are free", "{}: нужно {}, свободно {}", folder.string(),
                   sizes.first, sizes.second),
                !hint.empty() ? hint
                              : tr("free space on the disk or name a folder on another one",
                                   "освободите место на диске или укажите папку на другом"));
  }
}

}  // namespace oko::hub
