#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "document/page_decoder.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "index/store.h"
#include "tasks/index_files.h"

namespace oko::tasks {

struct CaptionOptions {
  Language language = Language::kEnglish;
  int max_tokens = 256;
  /// Of the model's files (hub::model_fingerprint). What it could not describe is not asked about
  /// again, unless `retries_failed`. Empty: it is.
  std::string model = {};
  bool retries_failed = false;
  /// Decodes the files; null: this process does.
  std::shared_ptr<document::PageDecoder> decoder = nullptr;
};

/// How many of the pictures without a caption were asked about.
struct CaptionProgress {
  std::size_t done = 0;
  std::size_t pictures = 0;
  std::optional<double> seconds_left = {};  ///< nothing before there is a basis to tell
};

/// Throws kOverBudget if the model does not fit the host's budget with a picture of 1 megapixel.
void require_room_for_captions(const engine::ModelHost& host, const engine::Generator& generator,
                               const CaptionOptions& options);

/// Asks a model about the pictures of a library below `paths` that have no caption yet, several at
/// once, and about the pages of PDF that have no text of their own, the first 32 of each file. Adds
/// its answers as passages. The text of a picture is not read again, but embedded again with the
/// caption. Of a file with several pictures the first is described. Every few are safe at once, so
/// that a stop loses little. `generator` and `embedder` should share the budget of `host`: where
/// there is no room for both models, one makes room for the other. Calls the callbacks as
/// `index_files`; a picture that cannot be described is reported, left without, and remembered with
/// its content and the model. Throws kOverBudget, kCancelled, and as Generator, Embedder and Store.
void caption_pictures(index::Store& store, engine::Embedder& embedder, engine::ModelHost& host,
                      engine::Generator& generator, const std::vector<std::string>& paths,
                      const CaptionOptions& options, const IndexCallbacks& callbacks,
                      const std::function<void(const CaptionProgress&)>& on_progress,
                      IndexSummary& summary, const StopToken& stop);

}  // namespace oko::tasks
