#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/tokenizer_source.h"

namespace oko::text {

/// The kind of a tokenizer's JSON file, by its root.
enum class JsonKind {
  kTokenizer,   ///< tokenizer.json: model.vocab and model.merges go to the source, not to the tree
  kVocabulary,  ///< vocab.json: all of it goes to the source
  kTree,        ///< another, small file
};

/// Parses `bytes` in one pass, with memory bounded by their size: the tree has a limit of values
/// and of depth. Throws kBadModel, naming `name` and the place.
nlohmann::json read_json(std::string_view bytes, JsonKind kind, const std::string& name,
                         TokenizerSource& source);

}  // namespace oko::text
