#include "testing/random_bge_m3.h"

#include <algorithm>

#include "tensor/quantization.h"
#include "testing/random_unigram_tokenizer.h"

namespace oko::testing {
namespace {

using nlohmann::ordered_json;

/// Dimensions under the names of config.json.
struct BgeShape {
  std::string name;
  std::int64_t hidden_size = 1024;
  std::int64_t num_hidden_layers = 24;
  std::int64_t num_attention_heads = 16;
  std::int64_t intermediate_size = 4096;
  std::int64_t vocab_size = 250002;
  std::int64_t max_position_embeddings = 8194;
  int bits = 8;  ///< of the linears and the word embeddings; 0: everything in f32
  std::int64_t group_size = 64;
};

const std::vector<BgeShape>& bge_shapes() {
  static const std::vector<BgeShape> shapes = [] {
    BgeShape small{.name = "bge-m3-small-f32"};
    small.hidden_size = 128;
    small.num_hidden_layers = 3;
    small.num_attention_heads = 4;
    small.intermediate_size = 256;
    small.vocab_size = 1024;
    small.max_position_embeddings = 514;
    small.bits = 0;
    BgeShape small_8bit = small;
    small_8bit.name = "bge-m3-small-8bit";
    small_8bit.bits = 8;
    BgeShape two_layers{.name = "bge-m3-2layer"};
    two_layers.num_hidden_layers = 2;
    two_layers.vocab_size = 8192;
    BgeShape full{.name = "bge-m3"};
    full.group_size = tensor::kEncoderGroupSize;
    return std::vector<BgeShape>{full, two_layers, small, small_8bit};
  }();
  return shapes;
}

std::vector<RandomTensor> bge_tensors(const BgeShape& shape) {
  const std::int64_t width = shape.hidden_size;
  RandomTensorList list(
      shape.bits != 0 ? checkpoint::Dtype::kBfloat16 : checkpoint::Dtype::kFloat32,
      shape.group_size);
  list.add_matrix("embeddings.word_embeddings", shape.vocab_size, width, shape.bits);
  list.add("embeddings.position_embeddings.weight", {shape.max_position_embeddings, width},
           Recipe::kPositions);
  list.add("embeddings.token_type_embeddings.weight", {1, width}, Recipe::kPositions);
  list.add_layer_norm("embeddings.LayerNorm", width);
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    for (const char* name : {"query", "key", "value"}) {
      list.add_linear(layer + "attention.self." + name, width, width, shape.bits);
    }
    list.add_linear(layer + "attention.output.dense", width, width, shape.bits);
    list.add_layer_norm(layer + "attention.output.LayerNorm", width);
    list.add_linear(layer + "intermediate.dense", shape.intermediate_size, width, shape.bits);
    list.add_linear(layer + "output.dense", width, shape.intermediate_size, shape.bits);
    list.add_layer_norm(layer + "output.LayerNorm", width);
  }
  list.add_linear("sparse_linear", 1, width, /*bits=*/0);
  list.add_linear("colbert_linear", width, width, /*bits=*/0);
  return list.take();
}

ordered_json bge_config(const BgeShape& shape) {
  ordered_json config = {{"architectures", ordered_json::array({"XLMRobertaModel"})},
                         {"model_type", "xlm-roberta"},
                         {"attention_probs_dropout_prob", 0.0},
                         {"bos_token_id", 0},
                         {"eos_token_id", 2},
                         {"hidden_act", "gelu"},
                         {"hidden_dropout_prob", 0.0},
                         {"hidden_size", shape.hidden_size},
                         {"intermediate_size", shape.intermediate_size},
                         {"layer_norm_eps", 1e-5},
                         {"max_position_embeddings", shape.max_position_embeddings},
                         {"num_attention_heads", shape.num_attention_heads},
                         {"num_hidden_layers", shape.num_hidden_layers},
                         {"pad_token_id", 1},
                         {"position_embedding_type", "absolute"},
                         {"type_vocab_size", 1},
                         {"vocab_size", shape.vocab_size}};
  if (shape.bits != 0) {
    config["quantization"] = {
        {"group_size", shape.group_size}, {"bits", shape.bits}, {"mode", "affine"}};
  }
  return config;
}

}  // namespace

std::vector<std::string> random_bge_m3_shapes() {
  std::vector<std::string> names;
  for (const BgeShape& shape : bge_shapes()) names.push_back(shape.name);
  return names;
}

RandomCheckpoint random_bge_m3(const std::string& name) {
  const auto& shapes = bge_shapes();
  const BgeShape& shape = *std::find_if(shapes.begin(), shapes.end(),
                                        [&](const BgeShape& s) { return s.name == name; });
  return {bge_tensors(shape),
          {{"tokenizer.json", random_unigram_tokenizer(shape.vocab_size), /*indent=*/-1},
           {"config.json", bge_config(shape)}}};
}

}  // namespace oko::testing
