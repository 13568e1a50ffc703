#include "document/deflate.h"

#include <zlib.h>

#include "base/error.h"
#include "base/language.h"

namespace oko::document {

std::string deflated(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string result(size, '\0');
  const int status =
      compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_DEFAULT_COMPRESSION);
  if (status != Z_OK) {
    throw Error(ErrorCode::kFailed,
                tr("zlib failed with status {}", "zlib закончил работу с состоянием {}", status));
  }
  result.resize(size);
  return result;
}

}  // namespace oko::document
