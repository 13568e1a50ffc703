#include "server/data_uri.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "hub/web_file.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

constexpr std::string_view kScheme = "data:";

std::string decoded(std::string_view base64, const std::string& name) {
  std::optional<std::string> bytes = bytes_of_base64(base64);
  if (!bytes) {  // MIME's base64 has lines
    std::string joined(base64);
    std::erase_if(joined, [](char c) { return c == ' ' || c == '\r' || c == '\n'; });
    bytes = bytes_of_base64(joined);
  }
  if (!bytes) {
    throw FieldError(name, tr("{}: is not base64", "{}: это не base64", name));
  }
  if (bytes->empty()) throw FieldError(name, tr("{}: is empty", "{}: пусто", name));
  return *std::move(bytes);
}

bool is_data_uri(std::string_view text) {
  return lower_case(text.substr(0, kScheme.size())) == kScheme;
}

}  // namespace

std::string bytes_of_data_uri(std::string_view uri, const std::string& name) {
  if (!is_data_uri(uri)) {
    throw FieldError(
        name, tr("{}: pictures come in the request, as data:image/png;base64,...; oko reads no "
                 "files for a client",
                 "{}: картинки приходят в самом запросе, как data:image/png;base64,...; файлов oko "
                 "для клиента не читает",
                 name));
  }
  const std::size_t comma = uri.find(',');
  const std::string header = lower_case(uri.substr(0, std::min<std::size_t>(comma, 200)));
  if (comma == std::string_view::npos || !header.ends_with(";base64")) {
    throw FieldError(name,
                     tr("{}: the data URI is not in base64", "{}: data URI не в base64", name));
  }
  return decoded(uri.substr(comma + 1), name);
}

ChatPicture picture_of_uri(std::string_view uri, const std::string& name,
                           const std::string& field) {
  if (hub::is_web_address(std::string(uri.substr(0, 8)))) {
    return {.name = name, .bytes = {}, .address = std::string(uri), .field = field};
  }
  return {.name = name, .bytes = bytes_of_data_uri(uri, field)};
}

std::string bytes_of_picture_text(std::string_view text, const std::string& name) {
  return is_data_uri(text) ? bytes_of_data_uri(text, name) : decoded(text, name);
}

}  // namespace oko::server
