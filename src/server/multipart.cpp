#include "server/multipart.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"

namespace oko::server {
namespace {

constexpr std::string_view kType = "multipart/form-data";
constexpr std::string_view kNewLine = "\r\n";
constexpr std::size_t kMostParts = 64;
constexpr std::size_t kMostHeaderBytes = 8 * 1024;  // of a part
constexpr std::size_t kMostBoundary = 70;           // RFC 2046

[[noreturn]] void refuse(const LocalizedText& why) {
  throw Error(ErrorCode::kUsage, tr("the body is not multipart/form-data: {}",
                                    "тело запроса — не multipart/form-data: {}", why));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The next token or quoted string of a parameter's value, and moves `at` behind it.
std::string value_at(std::string_view text, std::size_t& at) {
  std::string value;
  if (at >= text.size() || text[at] != '"') {
    const std::size_t end = std::min(text.find(';', at), text.size());
    value = trimmed(text.substr(at, end - at));
    at = end;
    return value;
  }
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    // Browsers write %22 for a quote and leave other backslashes of Windows' paths alone.
    const bool is_escape =
        text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
    if (is_escape) ++at;
    value += text[at];
  }
  at = std::min(text.find(';', at), text.size());
  return value;
}

/// The parameter of a header's value: `form-data; name="file"`.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  for (std::size_t at = header.find(';'); at < header.size();) {
    const std::size_t equals = header.find('=', ++at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string found = lower_case(trimmed(header.substr(at, equals - at)));
    at = equals + 1;
    std::string value = value_at(header, at);
    if (found == name) return value;
  }
  return std::nullopt;
}

/// The value of Content-Disposition among the lines of a part's header.
std::string_view disposition_of(std::string_view header) {
  constexpr std::string_view kName = "content-disposition:";
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(kNewLine), header.size());
    const std::string_view line = header.substr(0, end);
    if (lower_case(line.substr(0, kName.size())) == kName) {
      return trimmed(line.substr(kName.size()));
    }
    header.remove_prefix(std::min(end + kNewLine.size(), header.size()));
  }
  return {};
}

/// The last part of a path of any system.
std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of("/\\") + 1);
}

/// A part without the line of the boundary before it.
FormPart part_of(std::string_view text) {
  // RFC 2046 lets a part go without a header; a form's part has its name there.
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || end > kMostHeaderBytes) {
    refuse(tr("a part has no header", "у части нет заголовка"));
  }
  const std::string_view disposition = disposition_of(text.substr(0, end + kNewLine.size()));
  auto name = parameter(disposition, "name");
  if (!name) refuse(tr("a part has no name", "у части нет имени"));
  return {*std::move(name), base_name(parameter(disposition, "filename").value_or("")),
          text.substr(end + 2 * kNewLine.size())};
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  const std::string type = lower_case(content_type.substr(0, kType.size() + 1));
  return type == kType || type == std::string(kType) + ";" || type == std::string(kType) + " ";
}

std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body) {
  const std::string boundary = parameter(content_type, "boundary").value_or("");
  if (boundary.empty() || boundary.size() > kMostBoundary) {
    refuse(tr("Content-Type has no boundary", "в Content-Type нет boundary"));
  }
  const std::string delimiter = "--" + boundary;
  const std::string next = std::string(kNewLine) + delimiter;
  std::size_t at = 0;
  if (!body.starts_with(delimiter)) {  // a preamble
    at = body.find(next);
    if (at == std::string_view::npos) {
      refuse(tr("its first boundary is missing", "нет первой границы"));
    }
    at += kNewLine.size();
  }
  std::vector<FormPart> parts;
  while (true) {
    at += delimiter.size();
    if (body.substr(at).starts_with("--")) return parts;
    const std::size_t line = body.find(kNewLine, at);
    if (line == std::string_view::npos || !trimmed(body.substr(at, line - at)).empty()) {
      refuse(tr("a boundary has no end of line", "граница не кончается концом строки"));
    }
    const std::size_t begin = line + kNewLine.size();
    const std::size_t end = body.find(next, begin);
    if (end == std::string_view::npos) {
      refuse(tr("its last boundary is missing", "нет последней границы"));
    }
    if (parts.size() == kMostParts) {
      refuse(tr("it has more than {} parts", "в нём больше {} частей", kMostParts));
    }
    parts.push_back(part_of(body.substr(begin, end - begin)));
    at = end + kNewLine.size();
  }
}

}  // namespace oko::server
