#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hub/file_lock.h"

namespace oko::hub {

/// A model on this machine: all of it, or what an interrupted download or conversion has left.
struct InstalledModel {
  enum class Place {
    kModelsFolder,      ///< `$OKO_HOME/models`
    kHuggingFaceCache,  ///< which oko never changes
  };
  std::string name;              ///< the shortest that `find_model` takes
  std::filesystem::path folder;  ///< of the model; empty: only `unfinished` is there
  Place place = Place::kModelsFolder;
  bool is_whole = false;    ///< has all files that oko runs or converts
  std::uint64_t bytes = 0;  ///< of the files in `folder`
  /// Where the files lie if `folder`, or one above it, is a link; otherwise empty.
  std::filesystem::path link_target = {};
  std::vector<std::filesystem::path> unfinished = {};  ///< folders
  std::uint64_t unfinished_bytes = 0;                  ///< of disk
  std::vector<std::filesystem::path> aligned_copies = {};
  std::uint64_t aligned_bytes = 0;
};

struct InstalledModels {
  std::vector<InstalledModel> models;     ///< those of oko by their names, then those of the cache
  std::uint64_t other_aligned_bytes = 0;  ///< of copies of models in other folders
};

/// Looks at the folders of oko and at Hugging Face's cache.
InstalledModels installed_models();

/// What oko has stored of one model: its folder, unfinished parts, aligned copies and locks.
/// Nothing of it is changed before `run`.
class ModelRemoval {
 public:
  /// Throws kModelNotFound: oko has stored nothing of that name; kUsage: the folder lies outside of
  /// `$OKO_HOME/models`; kFailed: another process downloads or converts the model.
  explicit ModelRemoval(const std::string& name);

  const std::string& name() const { return name_; }
  /// Where the model lies if only a link to it is removed; otherwise empty.
  const std::filesystem::path& link_target() const { return link_target_; }
  std::uint64_t bytes() const { return bytes_; }  ///< of disk
  /// Of the same model in Hugging Face's cache, which stays; 0: it is not there.
  std::uint64_t cache_bytes() const { return cache_bytes_; }
  const std::string& repository() const { return repository_; }  ///< "ORG/NAME", as in the cache

  /// Removes all of it. A link is removed, not what it leads to. Throws kFailed.
  void run();

 private:
  void add_stored(const std::string& name);
  void find_cached();

  std::string name_;
  std::string repository_;
  std::vector<std::filesystem::path> folders_;  ///< and links to folders
  std::vector<std::filesystem::path> files_;
  std::vector<std::unique_ptr<FileLock>> locks_;
  std::filesystem::path link_target_;
  std::uint64_t bytes_ = 0;
  std::uint64_t cache_bytes_ = 0;
};

/// The file that a process locks while it makes or removes the model `name` in `$OKO_HOME/models`.
std::filesystem::path lock_path_of(const std::string& name);

/// The folder in which a download of the model `name` works.
std::filesystem::path working_folder_of(const std::string& name);

/// The repository that `bge-m3` is made of.
inline constexpr const char* kEmbeddingSource = "BAAI/bge-m3";

/// The file in the folder of a source that was downloaded for the conversion alone.
inline constexpr const char* kConversionMark = ".oko-conversion";

}  // namespace oko::hub
