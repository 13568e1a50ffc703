#include "server/data_uri.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/error.h"
#include "base/localized_text.h"

namespace oko::server {
namespace {

constexpr std::string_view kScheme = "data:";

std::string decoded(std::string_view base64, const std::string& name) {
  std::optional<std::string> bytes = bytes_of_base64(base64);
  if (!bytes) {
    throw Error(ErrorCode::kUsage, tr("{}: is no base64", "{}: это не base64", name));
  }
  if (bytes->empty()) throw Error(ErrorCode::kUsage, tr("{}: is empty", "{}: пусто", name));
  return *std::move(bytes);
}

}  // namespace

std::string bytes_of_data_uri(std::string_view uri, const std::string& name) {
  if (!uri.starts_with(kScheme)) {
    throw Error(ErrorCode::kUsage,
                tr("{}: pictures come in the request, as data:image/png;base64,...; oko fetches "
                   "neither addresses nor files for a client",
                   "{}: картинки приходят в самом запросе, как data:image/png;base64,...; ни "
                   "адресов, ни файлов oko для клиента не читает",
                   name));
  }
  const std::size_t comma = uri.find(',');
  const std::string_view header = uri.substr(0, comma);
  if (comma == std::string_view::npos || !header.ends_with(";base64")) {
    throw Error(ErrorCode::kUsage,
                tr("{}: the data URI is not in base64", "{}: data URI не в base64", name));
  }
  return decoded(uri.substr(comma + 1), name);
}

std::string bytes_of_picture_text(std::string_view text, const std::string& name) {
  return text.starts_with(kScheme) ? bytes_of_data_uri(text, name) : decoded(text, name);
}

}  // namespace oko::server
