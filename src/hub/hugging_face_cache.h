#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace oko::hub {

/// A path of an environment variable, "~" and "$NAME" in it replaced.
std::filesystem::path expand_path(const std::string& text);

/// $HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface.
std::filesystem::path hugging_face_home();

/// The folder of Hugging Face's cache, as huggingface_hub finds it: $HF_HUB_CACHE, else
/// $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub. "~" and "$NAME" in these are replaced.
std::filesystem::path hugging_face_cache();

/// The folder of model `name` ("ORG/NAME") in the cache, which need not exist.
std::filesystem::path cache_folder_of(const std::string& name);

/// The snapshot of model `name` ("ORG/NAME") in the cache: that of `refs/main`, else the newest,
/// and a complete one before one whose download was interrupted. Nothing if the cache does not have
/// the model. Throws kBadModel if no snapshot has a config.json.
std::optional<std::filesystem::path> find_snapshot(const std::string& name);

/// The same for a folder "models--ORG--NAME". Nothing if it has no snapshots.
std::optional<std::filesystem::path> snapshot_of(const std::filesystem::path& repository);

/// True if `refs/main` names the revision of `snapshot`, a folder ".../snapshots/REVISION".
bool is_main_snapshot(const std::filesystem::path& snapshot);

}  // namespace oko::hub
