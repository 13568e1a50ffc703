#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "decoding/helpers.h"
#include "document/page_decoder.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "index/library.h"
#include "server/model_lifetimes.h"

namespace oko::server {

enum class ModelKind { kVisionLanguage, kEmbedding };

/// A model on this machine that oko runs.
struct ServedModel {
  std::string name;
  std::vector<std::string> other_names = {};  ///< of the same folder
  std::filesystem::path folder = {};          ///< without links
  ModelKind kind = ModelKind::kVisionLanguage;
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  ///< seconds since 1970
};

struct ServedModelsOptions {
  std::shared_ptr<engine::ModelHost> host;
  /// Models by name or folder that are served besides those of oko and Hugging Face's cache.
  std::vector<std::string> models;
  /// Makes the weights of a folder usable where they are mapped.
  std::function<void(const std::filesystem::path&)> align;
  /// Of the host: after it an idle model goes; 0: it stays.
  std::chrono::milliseconds idle_timeout{0};
  /// Decode what requests bring; null: this process does.
  std::shared_ptr<decoding::Helpers> helpers = nullptr;
};

/// Tokens of all requests.
struct TokenCounts {
  std::atomic<std::uint64_t> prompt = 0;
  std::atomic<std::uint64_t> generated = 0;
};

/// The models that requests may name. Their small files are read at the first request; weights come
/// and go with the host's budget. Any thread may call.
class ServedModels {
 public:
  explicit ServedModels(ServedModelsOptions options);

  /// What is on the disk now.
  std::vector<ServedModel> list() const;

  /// Those of them whose weights are in memory.
  std::vector<ServedModel> loaded() const;

  /// The model of a name as in `list`, as `oko` takes it ("qwen3-vl-4b"), or with Ollama's
  /// ":latest" behind. Throws kModelNotFound, with the command that gets it: paths are no names, so
  /// that a request cannot ask for files.
  ServedModel find(std::string_view name) const;

  /// The same; for an empty name the first of that kind. Throws kUsage for one of another kind.
  ServedModel find(std::string_view name, ModelKind kind) const;

  /// When a model goes if nobody asks it again; nothing: it stays.
  std::optional<ModelLifetimes::Clock::time_point> end_of(const ServedModel& model) const {
    return lifetimes_.end_of(model.folder);
  }
  /// See ModelLifetimes::keep.
  void keep(const ServedModel& model, std::optional<std::chrono::milliseconds> time) {
    lifetimes_.keep(model.folder, time);
  }
  /// Unloads a model, at the end of its present uses.
  void unload(const ServedModel& model) { unload(model.folder); }

  /// For one use each. Throws as `find` and as their constructors. Without a name the first model
  /// that makes `outputs` is taken.
  std::shared_ptr<engine::Embedder> embedder(std::string_view name, ServedModel& model,
                                             const models::bge_m3::Outputs& outputs = {});
  /// Of the model that a library was made with, under any name; a folder that the library names is
  /// served from then on. Throws kModelNotFound, too.
  std::shared_ptr<engine::Embedder> embedder_of_library(const index::LibraryModel& own,
                                                        ServedModel& model);
  std::shared_ptr<engine::Generator> generator(std::string_view name, ServedModel& model);

  engine::ModelHost& host() const { return *options_.host; }

  /// What decodes the pictures of a request; null: this process. `stop` ends it.
  std::shared_ptr<document::PageDecoder> decoder(
      const StopToken& stop, decoding::HelperScope scope = decoding::HelperScope::kRequest) const {
    return options_.helpers ? options_.helpers->decoder(stop, scope) : nullptr;
  }
  /// While it lives, the processors are an answer's.
  [[nodiscard]] decoding::Helpers::Pause pause_of_helpers() const {
    return decoding::Helpers::Pause(options_.helpers.get());
  }
  TokenCounts& tokens() { return tokens_; }

 private:
  ServedModel find_for(const models::bge_m3::Outputs& outputs) const;
  ServedModel find_of_library(const index::LibraryModel& own);
  std::shared_ptr<engine::Embedder> embedder(const ServedModel& model);
  void unload(const std::filesystem::path& folder);
  /// `model`, whose use ends with the result.
  template <typename Model>
  std::shared_ptr<Model> lend(const std::filesystem::path& folder, std::shared_ptr<Model> model);

  ServedModelsOptions options_;
  TokenCounts tokens_;
  mutable Mutex folders_mutex_;
  std::vector<std::string> folders_ OKO_GUARDED_BY(folders_mutex_);  ///< of libraries
  /// Models by the names that requests gave them, so that not each request looks at the whole disk.
  mutable Mutex found_mutex_;
  mutable std::map<std::string, ServedModel, std::less<>> found_ OKO_GUARDED_BY(found_mutex_);
  std::map<std::string, ServedModel> libraries_ OKO_GUARDED_BY(found_mutex_);  ///< by fingerprint
  mutable Mutex mutex_;  ///< held while small files are read, so that none are read twice
  std::map<std::filesystem::path, std::shared_ptr<engine::Embedder>> embedders_
      OKO_GUARDED_BY(mutex_);
  std::map<std::filesystem::path, std::shared_ptr<engine::Generator>> generators_
      OKO_GUARDED_BY(mutex_);
  ModelLifetimes lifetimes_;  // last: it unloads what is above
};

}  // namespace oko::server
