#include "hub/hub_access.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "hub/hugging_face_cache.h"

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

}  // namespace

HubAccess hub_access() {
  HubAccess access;
  access.endpoint = trimmed(environment("HF_ENDPOINT").value_or("https://huggingface.co"));
  while (access.endpoint.ends_with('/')) access.endpoint.pop_back();
  if (!access.endpoint.starts_with("https://") && !access.endpoint.starts_with("http://")) {
    throw Error(ErrorCode::kUsage,
                tr("HF_ENDPOINT is \"{}\", which is no address of a server",
                   "HF_ENDPOINT — «{}», это не адрес сервера", excerpt(access.endpoint)),
                tr("set it to an address such as https://huggingface.co, or unset it",
                   "укажите в ней адрес, например https://huggingface.co, или уберите её"));
  }
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
