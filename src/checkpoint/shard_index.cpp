#include "checkpoint/shard_index.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"

namespace oko::checkpoint {

std::set<std::string> shard_names(const std::filesystem::path& index) {
  const auto fail = [&](const LocalizedText& what) {
    throw Error(ErrorCode::kBadModel, format_text("{}: {}", index.string(), what),
                tr("download the model again", "скачайте модель заново"));
  };
  const nlohmann::json parsed = read_json_object(index, ErrorCode::kBadModel);
  const auto map = parsed.find("weight_map");
  if (map == parsed.end()) fail(tr("has no weight_map", "нет weight_map"));
  if (!map->is_object()) {
    fail(tr("weight_map is {}, oko expects an object", "weight_map = {}, а должен быть объект",
            brief(*map)));
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    // A shard lies in the model's own folder: a path could reach any file of the machine.
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of("/\\") != std::string::npos) {
      fail(tr("weight_map: {} is {}, oko expects the name of a file next to it",
              "weight_map: {} = {}, а должно быть имя файла рядом", excerpt(tensor), brief(file)));
    }
    names.insert(name);
  }
  return names;
}

}  // namespace oko::checkpoint
