#include "tasks/library_model.h"

#include "base/error.h"
#include "hub/model_fingerprint.h"
#include "tensor/device_report.h"

namespace oko::tasks {
namespace {

/// The encoding of a word, with all outputs that the model has.
models::bge_m3::Encoding encode_word(engine::Embedder& embedder, const StopToken& stop) {
  engine::EmbeddingRequest request{.texts = {"oko"},
                                   .outputs = {.dense = true, .sparse = true, .colbert = true}};
  try {
    return embedder.embed(request, stop).texts.at(0).encoding;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadModel) throw;
  }
  request.outputs = {};  // a model without BGE-M3's heads
  return embedder.embed(request, stop).texts.at(0).encoding;
}

}  // namespace

index::LibraryModel library_model_of(const std::string& name, const std::filesystem::path& folder,
                                     engine::Embedder& embedder, const StopToken& stop) {
  const models::bge_m3::Encoding encoding = encode_word(embedder, stop);
  return {.name = name,
          .fingerprint = hub::model_fingerprint(folder),
          .dimensions = encoding.dense.size(),
          .colbert_dimensions = encoding.colbert.dimensions,
          .has_sparse = !encoding.sparse.empty(),
          .kernels = tensor::kernel_name()};
}

}  // namespace oko::tasks
