#pragma once

#include "base/stop_token.h"
#include "hub/pull.h"

namespace oko::cli {

/// `oko pull`: shows its progress and notes, unless `quiet`. Sets the functions and the stop of
/// `options`. `keep_source`: see EmbeddingPullOptions. Throws as hub::pull_model and
/// hub::pull_embedding_model.
hub::PullReport pull_model(hub::PullOptions options, bool keep_source, bool quiet,
                           const StopToken& stop);

}  // namespace oko::cli
