#include "base/json_file.h"

#include <algorithm>
#include <string_view>

#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"

namespace oko {

using nlohmann::json;

namespace {

/// `text` with null for NaN, Infinity and -Infinity, which Python writes though JSON has none.
std::string without_python_numbers(std::string_view text) {
  std::string result;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    bool is_number = false;
    if (text[at] == '"') {
      in_string = !in_string;
    } else if (in_string && text[at] == '\\') {
      length = std::min<std::size_t>(2, text.size() - at);
    } else if (!in_string) {
      for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
        if (!text.substr(at).starts_with(word)) continue;
        length = word.size();
        is_number = true;
      }
    }
    result += is_number ? "null" : text.substr(at, length);
    at += length;
  }
  return result;
}

}  // namespace

json read_json(const std::filesystem::path& path, ErrorCode bad) {
  constexpr std::uint64_t kMaxBytes = 32'000'000;
  const std::string text = read_file(path, kMaxBytes, bad);
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw Error(bad,
                tr("{}: is UTF-16, JSON is UTF-8", "{}: это UTF-16, а JSON — UTF-8", path.string()),
                tr("save the file as UTF-8", "сохраните файл в UTF-8"));
  }
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_discarded()) return parsed;
  const std::string plain = without_python_numbers(text);
  std::size_t position = 0;  // of the error
  try {
    return json::parse(plain);
  } catch (const json::parse_error& error) {
    position = error.byte;
  } catch (const json::exception&) {
    position = plain.size();  // a number beyond a double
  }
  throw Error(bad,
              tr("{}: is not JSON (byte {} of {})", "{}: это не JSON (байт {} из {})",
                 path.string(), position, plain.size()),
              tr("the file is damaged, incomplete or wrongly edited: download it again",
                 "файл повреждён, неполон или неверно исправлен: скачайте его заново"));
}

json read_json_object(const std::filesystem::path& path, ErrorCode bad) {
  json parsed = read_json(path, bad);
  if (!parsed.is_object()) {
    throw Error(bad,
                tr("{}: holds {}, oko expects an object", "{}: содержит {}, а должен быть объект",
                   path.string(), brief(parsed)),
                tr("it is another file of that name: take the model's own",
                   "это другой файл с таким именем: возьмите файл самой модели"));
  }
  return parsed;
}

LocalizedText brief(const json& value) {
  if (value.is_array()) return tr("a list", "список");
  if (value.is_object()) return tr("an object", "объект");
  return excerpt(value.dump(-1, ' ', false, json::error_handler_t::replace), 60);
}

}  // namespace oko
