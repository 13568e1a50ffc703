#include "base/json_file.h"

#include "base/file.h"
#include "base/language.h"

namespace oko {

using nlohmann::json;

json read_json_object(const std::filesystem::path& path, ErrorCode bad) {
  constexpr std::uint64_t kMaxBytes = 32'000'000;
  json parsed = json::parse(read_file(path, kMaxBytes, bad), nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    throw Error(bad, tr("{}: is not a JSON object", "{}: не объект JSON", path.string()),
                tr("the file is damaged or incomplete: download it again",
                   "файл повреждён или неполон: скачайте его заново"));
  }
  return parsed;
}

std::string brief(const json& value) {
  if (!value.is_primitive()) return value.type_name();
  return value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 60);
}

}  // namespace oko
