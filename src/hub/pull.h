#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/stop_token.h"
#include "hub/download.h"
#include "net/http_client.h"

namespace oko::hub {

struct PullOptions {
  std::string name;               ///< "ORG/NAME", or a short name
  std::string revision = "main";  ///< a branch, a tag or a commit
  /// Called with the bytes that are there and their total. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  /// Called before a wait for another process that pulls the same model. May be empty.
  std::function<void()> on_wait = {};
  bool update = false;           ///< replace a model that is there by the hub's commit of now
  bool looks_for_newer = false;  ///< ask the hub for another commit of a model that is there
  /// Called with a folder that has the settings of the model, before its weights come. Throws if
  /// oko cannot run it. May be empty.
  std::function<void(const std::filesystem::path&)> check = {};
  DownloadOptions download = {};  ///< its token, progress and stop are not used
  StopToken stop = {};
};

struct PullReport {
  enum class Source {
    kHub,               ///< downloaded
    kModelFolder,       ///< was there already
    kHuggingFaceCache,  ///< is used from there
  };
  Source source = Source::kHub;
  std::string repository = {};        ///< "ORG/NAME"
  std::string revision = {};          ///< commit; empty: unknown
  std::string newer_revision = {};    ///< commit of the hub, whose files differ; empty: none seen
  std::filesystem::path folder = {};  ///< of the model
  std::uint64_t bytes = 0;            ///< of its files
  std::size_t files = 0;
  std::uint64_t fetched_bytes = 0;
};

/// Downloads the files of a model that oko needs to `$OKO_HOME/models/ORG/NAME`, unless that folder
/// has it or, for revision "main", Hugging Face's cache has all of it. Works in
/// "models/ORG/.NAME.pull", where a later call goes on after a failure, a stop or a kill; the
/// folder gets its name when all files are verified. Weights whose tensors are not aligned get a
/// longer header while they come. One process at a time pulls a model; others
/// wait.
///
/// A model that is there is what the same revision meant when it was pulled; for another revision
/// the hub is asked for its commit. An update keeps the files that are the same, and the old model
/// until all of the new one is there.
///
/// Throws kUsage: no such name, another commit is there; kModelNotFound; kBadModel: nothing that
/// oko reads; kFailed: network, disk, HF_HUB_OFFLINE; kCancelled.
PullReport pull_model(const PullOptions& options);

struct EmbeddingPullOptions {
  PullOptions pull = {};     ///< its name is not used
  bool keep_source = false;  ///< false: the original weights are removed if they were downloaded
  /// Makes the model that oko runs, in a folder that does not exist, of the original weights. Calls
  /// `seal` with the folder before that gets its name.
  std::function<void(const std::filesystem::path& source, const std::filesystem::path& destination,
                     const std::function<void(const std::filesystem::path&)>& seal)>
      convert = {};
};

/// Pulls BGE-M3, which is published with 32-bit weights of PyTorch, and has it converted to
/// `$OKO_HOME/models/bge-m3`, unless that is there. Weights that were there before, or in Hugging
/// Face's cache, are used and stay. Throws as `pull_model`, and what `convert` throws.
PullReport pull_embedding_model(const EmbeddingPullOptions& options);

}  // namespace oko::hub
