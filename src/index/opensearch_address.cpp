#include "index/opensearch_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/environment.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "base/percent_encoding.h"
#include "base/text_escape.h"

namespace oko::index {
namespace {

constexpr std::string_view kPlain = "opensearch://";
constexpr std::string_view kSecure = "opensearch+https://";
constexpr int kMaxShards = 1024;

/// Does not show the address, which may have a password.
[[noreturn]] void fail(const LocalizedText& what) {
  throw Error(ErrorCode::kUsage, tr("the address of the library: {}", "адрес библиотеки: {}", what),
              tr("write it as opensearch://HOST:9200/INDEX",
                 "укажите его как opensearch://СЕРВЕР:9200/ИНДЕКС"));
}

/// A text with a % that is no escape is taken as it is.
std::string unescaped(std::string_view text) {
  return percent_decoded(text).value_or(std::string(text));
}

/// Calls `visit` for each part between separators.
template <typename Visit>
void split(std::string_view text, char separator, const Visit& visit) {
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    visit(text.substr(0, end));
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

/// Nothing unless `text` is a number from `least` to `most`.
std::optional<int> number_of(std::string_view text, int least, int most) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return std::nullopt;
  }
  return number;
}

int setting_of(std::string_view text, int least) {
  if (const auto number = number_of(text, least, kMaxShards)) return *number;
  fail(tr("shards is a number from 1, replicas one from 0, both up to {}",
          "shards — число от 1, replicas — число от 0, оба до {}", kMaxShards));
}

void check_port(std::string_view text) {
  constexpr int kMaxPort = 65535;
  if (number_of(text, 1, kMaxPort)) return;
  // Behind a user whose @ was forgotten it may be a password.
  fail(tr("a port is a number from 1 to {}", "порт — число от 1 до {}", kMaxPort));
}

void read_settings(std::string_view query, OpenSearchAddress& address) {
  if (query.empty()) return;
  split(query, '&', [&](std::string_view setting) {
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const std::string_view name = setting.substr(0, equals);
    const std::string_view value = setting.substr(std::min(equals + 1, setting.size()));
    if (name == "shards") {
      address.shards = setting_of(value, 1);
    } else if (name == "replicas") {
      address.replicas = setting_of(value, 0);
    } else {
      fail(tr("there is no setting {}", "нет настройки {}", excerpt(name)));
    }
  });
}

void read_hosts(std::string_view authority, std::string_view scheme, OpenSearchAddress& address) {
  split(authority, ',', [&](std::string_view host) {
    const bool is_good = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
             std::string_view(".-_:[]").find(c) != std::string_view::npos;
    });
    if (!is_good) fail(tr("a host is not written right", "сервер записан неверно"));
    const std::size_t bracket = host.rfind(']');
    const std::size_t colon = host.find(':', bracket == host.npos ? 0 : bracket);
    if (colon != host.npos) check_port(host.substr(colon + 1));
    address.hosts.push_back(
        fmt::format("{}://{}{}", scheme, host, colon == host.npos ? ":9200" : ""));
  });
}

/// As OpenSearch takes names.
bool is_index_name(std::string_view name) {
  return !name.empty() && name.size() < 256 &&
         std::string_view("-_+.").find(name[0]) == name.npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

std::string OpenSearchAddress::shown() const {
  return fmt::format("{}/{}", hosts.front(), index);
}

bool is_opensearch_address(std::string_view library) {
  return library.starts_with("opensearch:") || library.starts_with("opensearch+");
}

OpenSearchAddress parse_opensearch_address(std::string_view library) {
  const bool is_secure = library.starts_with(kSecure);
  if (!is_secure && !library.starts_with(kPlain)) {
    fail(tr("it begins with opensearch:// or opensearch+https://",
            "он начинается с opensearch:// или opensearch+https://"));
  }
  library.remove_prefix((is_secure ? kSecure : kPlain).size());
  OpenSearchAddress address;
  const std::size_t question = std::min(library.find('?'), library.size());
  read_settings(library.substr(std::min(question + 1, library.size())), address);
  library = library.substr(0, question);
  if (const std::size_t at = library.rfind('@'); at != library.npos) {
    const std::string_view user = library.substr(0, at);
    const std::size_t colon = std::min(user.find(':'), user.size());
    address.user = unescaped(user.substr(0, colon));
    address.password = unescaped(user.substr(std::min(colon + 1, user.size())));
    library.remove_prefix(at + 1);
  } else {
    address.user = environment("OKO_OPENSEARCH_USER").value_or("");
    address.password = environment("OKO_OPENSEARCH_PASSWORD").value_or("");
  }
  const std::size_t slash = std::min(library.find('/'), library.size());
  read_hosts(library.substr(0, slash), is_secure ? "https" : "http", address);
  address.index = library.substr(std::min(slash + 1, library.size()));
  if (!is_index_name(address.index)) {
    fail(tr("behind the slash belongs the name of an index, in small Latin letters and digits",
            "после черты нужно имя индекса из строчных латинских букв и цифр"));
  }
  return address;
}

}  // namespace oko::index
