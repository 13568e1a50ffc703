#include "hub/manifest.h"

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"

namespace oko::hub {

void write_manifest(const std::filesystem::path& folder, const Repository& model) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const RepositoryFile& file : model.files) {
    files.push_back({{"path", file.path}, {"size", file.size}});
    files.back()[file.sha256.empty() ? "git_sha1" : "sha256"] =
        file.sha256.empty() ? file.git_sha1 : file.sha256;
  }
  const nlohmann::ordered_json manifest = {{"format", 1},
                                           {"repository", model.name},
                                           {"revision", model.commit},
                                           {"files", std::move(files)}};
  write_file_atomically(folder / kManifestName, manifest.dump(1) + "\n");
}

std::optional<Repository> read_manifest(const std::filesystem::path& folder) {
  try {
    const nlohmann::json manifest = read_json_object(folder / kManifestName, ErrorCode::kBadModel);
    Repository model{manifest.at("repository"), manifest.at("revision"), {}};
    for (const nlohmann::json& file : manifest.at("files")) {
      model.files.push_back(
          {file.at("path"), file.at("size"), file.value("sha256", ""), file.value("git_sha1", "")});
    }
    return model;
  } catch (const Error&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace oko::hub
