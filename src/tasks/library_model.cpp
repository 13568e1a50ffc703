#include "tasks/library_model.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "hub/model_fingerprint.h"
#include "index/language_direction.h"
#include "tasks/library_encoder.h"
#include "tasks/parallel_sentences.h"
#include "tensor/device_report.h"

namespace oko::tasks {
namespace {

/// The encoding of a word, with all outputs that the model has.
models::bge_m3::Encoding encode_word(engine::Embedder& embedder, const StopToken& stop) {
  const models::bge_m3::Outputs all{.dense = true, .sparse = true, .colbert = true};
  engine::EmbeddingRequest request{
      .texts = {"oko"},
      .outputs = all,
      .least_budget = budget_for_passages(embedder, embedder.passage_prompt(), all).least};
  try {
    return embedder.embed(request, stop).texts.at(0).encoding;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadModel) throw;
  }
  request.outputs = {};  // a model without BGE-M3's heads
  return embedder.embed(request, stop).texts.at(0).encoding;
}

/// True for the names of Wang et al. 2022 and 2024 (arXiv:2212.03533, 2402.05672), such as
/// "intfloat/multilingual-e5-small" or "e5-base-v2-8bit". Those that follow instructions have no
/// prefixes.
bool is_named_e5(const std::string& name) {
  const std::size_t end = name.find_last_not_of('/') + 1;
  std::string last = name.substr(0, end);
  last.erase(0, last.rfind('/') + 1);
  for (char& c : last) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (last.find("instruct") != std::string::npos) return false;
  for (const char* family : {"e5-", "multilingual-e5-"}) {
    for (const char* size : {"small", "base", "large"}) {
      if (last.starts_with(std::string(family) + size)) return true;
    }
  }
  return false;
}

/// Passages in one language, of three sentences each: the direction of single sentences differs
/// from that of the passages of a library.
std::vector<std::string> parallel_passages(const char* ParallelSentence::*language) {
  constexpr std::size_t kSentences = 3, kPassages = kParallelSentences.size() / kSentences;
  std::vector<std::string> passages(kPassages);
  for (std::size_t i = 0; i < kPassages * kSentences; ++i) {
    std::string& passage = passages[i % kPassages];
    if (!passage.empty()) passage += ' ';
    passage += kParallelSentences[i].*language;
  }
  return passages;
}

std::vector<std::vector<float>> dense_vectors(std::vector<models::bge_m3::Encoding> encodings) {
  std::vector<std::vector<float>> vectors;
  vectors.reserve(encodings.size());
  for (models::bge_m3::Encoding& each : encodings) vectors.push_back(std::move(each.dense));
  return vectors;
}

}  // namespace

index::LibraryModel library_model_of(const std::string& name, const std::filesystem::path& folder,
                                     engine::Embedder& embedder, const Prefixes& prefixes,
                                     const StopToken& stop) {
  const models::bge_m3::Encoding encoding = encode_word(embedder, stop);
  std::string query = embedder.query_prompt(), passage = embedder.passage_prompt();
  if (query.empty() && passage.empty() && (is_named_e5(name) || is_named_e5(folder.string()))) {
    query = "query: ";
    passage = "passage: ";
  }
  return {.name = name,
          .fingerprint = hub::model_fingerprint(folder),
          .dimensions = encoding.dense.size(),
          .colbert_dimensions = encoding.colbert.dimensions,
          .has_sparse = !encoding.sparse.empty(),
          .kernels = tensor::kernel_name(),
          .query_prefix = prefixes.query.value_or(query),
          .passage_prefix = prefixes.passage.value_or(passage)};
}

void learn_language_direction(engine::Embedder& embedder, index::LibraryModel& model,
                              const StopToken& stop) {
  LibraryEncoder encoder(embedder, model);
  const auto vectors_of = [&](const char* ParallelSentence::*language) {
    return dense_vectors(encoder.dense_passages(parallel_passages(language), stop));
  };
  model.language_direction = index::language_direction(vectors_of(&ParallelSentence::english),
                                                       vectors_of(&ParallelSentence::russian));
}

}  // namespace oko::tasks
