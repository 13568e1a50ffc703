#include "tensor/shard_index.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_file.h"
#include "base/language.h"

namespace oko::tensor {

std::set<std::string> shard_names(const std::filesystem::path& index) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kBadModel, fmt::format("{}: {}", index.string(), what),
                tr("download the model again", "скачайте модель заново"));
  };
  const nlohmann::json parsed = read_json_object(index, ErrorCode::kBadModel);
  if (!parsed.contains("weight_map") || !parsed["weight_map"].is_object()) {
    fail(tr("has no weight_map", "нет weight_map"));
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : parsed["weight_map"].items()) {
    // A shard lies in the model's own folder: a path could reach any file of the machine.
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of("/\\") != std::string::npos) {
      fail(tr("names a shard that is not a plain file name",
              "имя части модели — не простое имя файла"));
    }
    names.insert(name);
  }
  return names;
}

}  // namespace oko::tensor
