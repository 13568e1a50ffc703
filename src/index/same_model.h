#pragma once

#include <string>

#include "index/library.h"

namespace oko::index {

/// Refuses vectors that cannot be compared with those of a library, whose model is `own`. `shown`:
/// the library in the message. Throws kUsage.
void require_same_model(const LibraryModel& own, const LibraryModel& model,
                        const std::string& shown);

/// Refuses a model for queries that is not that of the library. `fingerprint`: of its files;
/// `shown`: the model in the message. Throws kUsage.
void require_model_of_library(const LibraryModel& own, const std::string& fingerprint,
                              const std::string& shown);

/// Refuses a chunk whose vectors have other sizes than those of `model`. Throws kFailed.
void require_fitting(const LibraryModel& model, const EncodedChunk& chunk);

}  // namespace oko::index
