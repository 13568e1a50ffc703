#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "models/bge_m3/pooling.h"

namespace oko::models::bge_m3 {

enum class DenseActivation { kIdentity, kTanh, kRelu, kGelu, kSigmoid, kSilu };

/// A step behind pooling: a layer (sentence-transformers' Dense), or a division by the length.
struct VectorStep {
  enum class Kind { kNormalize, kDense };
  Kind kind = Kind::kNormalize;
  // Of kDense:
  std::filesystem::path folder = {};  ///< of its weights
  int in_features = 0;
  int out_features = 0;
  bool bias = true;
  bool use_residual = false;
  DenseActivation activation = DenseActivation::kTanh;
};

/// The settings of sentence-transformers for an encoder. The defaults are those of BGE-M3.
struct Modules {
  std::vector<Pooling> pooling{Pooling::kCls};  ///< at least one; their vectors are concatenated
  bool include_prompt = true;                   ///< pooling counts the tokens of a prompt
  std::vector<VectorStep> steps{VectorStep{}};  ///< behind pooling, in order
  int max_seq_length = 0;      ///< tokens, special ones included; 0: as many as there are positions
  std::string prompt;          ///< the default, put before each text
  std::string query_prompt;    ///< put before a query; if the model has none, the default
  std::string passage_prompt;  ///< put before a text that queries should find; as above
  bool do_lower_case = false;  ///< texts are read in lower case
};

/// Reads modules.json and the files that it names, sentence_bert_config.json (by any of its names),
/// config_sentence_transformers.json and tokenizer_config.json's model_max_length. Without
/// modules.json, 1_Pooling/config.json says the pooling, and vectors are normalized. Source:
/// sentence-transformers 6. Throws kBadModel, with its name, for a module, a pooling mode, an
/// activation or a setting that oko does not run.
Modules read_modules(const std::filesystem::path& model_dir, int hidden_size);

/// True if a file of the model says how pooling works. If none does, `read_modules` takes the first
/// token's vector; sentence-transformers takes the mean.
bool has_pooling(const std::filesystem::path& model_dir);

/// The kinds of embedding models that oko runs, as the hint of an error.
LocalizedText hint_for_encoders();

}  // namespace oko::models::bge_m3
