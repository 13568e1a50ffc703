#include "server/url.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/percent_encoding.h"

namespace oko::server {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::optional<std::string> bytes = percent_decoded(text);
  if (bytes && bytes->find('\0') != std::string::npos) return std::nullopt;
  return bytes;
}

/// Of a part of the query.
std::optional<std::string> decoded_part(std::string_view text) {
  std::string part(text);
  std::replace(part.begin(), part.end(), '+', ' ');
  return decoded(part);
}

}  // namespace

std::optional<UrlTarget> parse_target(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {  // as proxies get it
    const std::size_t path = target.find('/', kScheme.size());
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  if (!target.starts_with('/')) return std::nullopt;
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  auto path = decoded(target.substr(0, mark));
  if (!path) return std::nullopt;
  UrlTarget parsed{.path = *std::move(path), .query = {}};
  std::string_view rest = mark == std::string_view::npos ? "" : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = decoded_part(pair.substr(0, equals));
    auto value = decoded_part(equals == std::string_view::npos ? std::string_view()
                                                               : pair.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    parsed.query.insert_or_assign(*std::move(name), *std::move(value));
  }
  return parsed;
}

}  // namespace oko::server
