#include "hub/manifest.h"

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/input_file.h"
#include "base/json_file.h"
#include "hub/digest.h"

namespace oko::hub {

void write_manifest(const std::filesystem::path& folder, const Repository& model) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const RepositoryFile& file : model.files) {
    files.push_back({{"path", file.path}, {"size", file.size}});
    files.back()[file.sha256.empty() ? "git_sha1" : "sha256"] =
        file.sha256.empty() ? file.git_sha1 : file.sha256;
    if (file.stored_sha256.empty()) continue;
    files.back()["stored_size"] = file.stored_size;
    files.back()["stored_sha256"] = file.stored_sha256;
  }
  const nlohmann::ordered_json manifest = {{"format", 1},
                                           {"repository", model.name},
                                           {"revision", model.commit},
                                           {"requested", model.requested},
                                           {"files", std::move(files)}};
  write_file_atomically(folder / kManifestName, manifest.dump(1) + "\n");
}

std::vector<RepositoryFile> hash_files(const std::filesystem::path& folder, const StopToken& stop) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  std::vector<RepositoryFile> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const bool is_own = entry.path().filename().string().starts_with(".oko-");
    if (!entry.is_regular_file() || is_own) continue;
    const InputFile file(entry.path(), ErrorCode::kFailed);
    Digest digest(DigestKind::kSha256);
    for (std::uint64_t at = 0; at < file.size();) {
      throw_if_stopped(stop);
      const std::string bytes = file.part(at, kStep);
      if (bytes.empty()) break;  // it was cut
      digest.update(std::as_bytes(std::span(bytes)));
      at += bytes.size();
    }
    files.push_back({entry.path().lexically_relative(folder).generic_string(), file.size(),
                     digest.finish(), ""});
  }
  return files;
}

std::optional<Repository> read_manifest(const std::filesystem::path& folder) {
  try {
    const nlohmann::json manifest = read_json_object(folder / kManifestName, ErrorCode::kBadModel);
    Repository model{
        manifest.at("repository"), manifest.at("revision"), {}, manifest.value("requested", "")};
    for (const nlohmann::json& file : manifest.at("files")) {
      model.files.push_back(
          {file.at("path"), file.at("size"), file.value("sha256", ""), file.value("git_sha1", ""),
           file.value("stored_size", std::uint64_t{0}), file.value("stored_sha256", "")});
    }
    return model;
  } catch (const Error&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace oko::hub
