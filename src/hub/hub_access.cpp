#include "hub/hub_access.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/environment.h"
#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "hub/hugging_face_cache.h"
#include "net/http_client.h"

namespace oko::hub {
namespace {

bool is_true(const std::string& name) {
  const std::string value = lower_case(environment(name).value_or(""));
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

/// True for visible characters of ASCII: others could end the field of a request.
bool is_printable(const std::string& token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string token_of_file() {
  constexpr std::uint64_t kMaxBytes = 4096;
  const auto named = environment("HF_TOKEN_PATH");
  const std::filesystem::path file = named ? expand_path(*named) : hugging_face_home() / "token";
  try {
    return std::string(trimmed(read_file(file, kMaxBytes, ErrorCode::kFailed)));
  } catch (const Error&) {
    return {};  // most users have none
  }
}

std::string token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (const std::string value(trimmed(environment(name).value_or(""))); !value.empty()) {
      return value;
    }
  }
  return is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? "" : token_of_file();
}

/// True for "HOST" and "HOST:PORT", also with a user before it and a path behind it.
bool has_host_and_port(std::string_view rest) {
  rest = rest.substr(0, rest.find_first_of("/?#"));
  rest = rest.substr(rest.rfind('@') + 1);
  const std::size_t host_end = rest.starts_with('[') ? rest.find(']') + 1 : rest.find(':');
  if (rest.empty() || host_end == 0) return false;
  if (host_end >= rest.size()) return true;
  constexpr int kMaxPort = 65'535;
  int number = 0;
  const char* const end = rest.data() + rest.size();
  const auto [next, error] = std::from_chars(rest.data() + host_end + 1, end, number);
  return rest[host_end] == ':' && error == std::errc() && next == end && number > 0 &&
         number <= kMaxPort;
}

std::string endpoint() {
  const std::string given(trimmed(environment("HF_ENDPOINT").value_or("https://huggingface.co")));
  std::string address = given;
  while (address.ends_with('/')) address.pop_back();
  const std::size_t scheme = address.find("://");
  if (scheme != address.npos) {
    const std::string lower = lower_case(address.substr(0, scheme));
    address.replace(0, scheme, lower);
    const bool is_http = lower == "https" || lower == "http";
    if (is_http && is_printable(address) && has_host_and_port(address.substr(scheme + 3))) {
      return address;
    }
  }
  throw Error(ErrorCode::kUsage,
              tr("HF_ENDPOINT is \"{}\", which is not an address of a server",
                 "HF_ENDPOINT — «{}», это не адрес сервера", net::shown_url(given)),
              tr("set HF_ENDPOINT to an address such as https://huggingface.co, or unset it",
                 "укажите в HF_ENDPOINT адрес, например https://huggingface.co, или уберите её"));
}

}  // namespace

HubAccess hub_access() {
  HubAccess access;
  access.endpoint = endpoint();
  access.token = token();
  if (!is_printable(access.token)) {
    throw Error(ErrorCode::kUsage,
                tr("the token has characters that no token has", "в токене недопустимые символы"),
                tr("check HF_TOKEN, or the file that `hf auth login` wrote",
                   "проверьте HF_TOKEN или файл, который записала команда hf auth login"));
  }
  access.offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
  return access;
}

}  // namespace oko::hub
