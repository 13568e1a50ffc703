#include "testing/random_qwen3_vl.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "testing/random_qwen_tokenizer.h"

namespace oko::testing {
namespace {

using checkpoint::Dtype;
using nlohmann::ordered_json;

constexpr std::int64_t kGroupSize = 64;
constexpr std::int64_t kPatchSize = 16;
constexpr std::int64_t kTemporalPatchSize = 2;
constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kMerge = 2;
constexpr const char* kTextPrefix = "language_model.model.";

/// A layer that is stored differently from the rest of its model.
struct LayerException {
  std::string path;
  int bits = 0;  ///< 0: not quantized
};

/// Dimensions of a random Qwen3-VL checkpoint, under the names of its config.json.
struct RandomShape {
  std::string name;

  std::int64_t hidden_size = 2560;
  std::int64_t num_hidden_layers = 36;
  std::int64_t num_attention_heads = 32;
  std::int64_t num_key_value_heads = 8;
  std::int64_t head_dim = 128;
  std::int64_t intermediate_size = 9728;
  std::int64_t vocab_size = 151936;
  std::int64_t max_position_embeddings = 262144;
  std::vector<int> mrope_section = {24, 20, 20};
  std::int64_t rope_theta = 5000000;

  std::int64_t vision_depth = 24;
  std::int64_t vision_hidden_size = 1024;
  std::int64_t vision_num_heads = 16;
  std::int64_t vision_intermediate_size = 4096;
  std::int64_t num_position_embeddings = 2304;
  std::vector<int> deepstack_visual_indexes = {5, 11, 17};

  bool quantized = true;  ///< text linears and the embedding in 4 bits, group 64; the rest in bf16
  std::vector<LayerException> exceptions = {};
  std::int64_t first_special = 151643;  ///< id of <|endoftext|>, the first of the special tokens
  std::int64_t min_pixels = 65536;      ///< smaller pictures are enlarged
};

RandomShape shape_4b_2layer() {
  RandomShape shape{.name = "qwen3-vl-4b-2layer"};
  shape.num_hidden_layers = 2;
  shape.vocab_size = 8192;
  shape.vision_depth = 2;
  shape.deepstack_visual_indexes = {0};
  shape.first_special = shape.vocab_size - std::ssize(special_tokens());
  shape.min_pixels = 1024;
  return shape;
}

/// All layers of the text model and all head sizes, so that a GPU runs the same kernels, and as
/// many, as for the 4B; the rest is narrow.
RandomShape shape_4b_narrow() {
  RandomShape shape{.name = "qwen3-vl-4b-narrow"};
  shape.hidden_size = 64;
  shape.num_attention_heads = 2;
  shape.num_key_value_heads = 1;
  shape.intermediate_size = 64;
  shape.vocab_size = 1024;
  shape.max_position_embeddings = 4096;
  shape.vision_depth = 3;
  shape.vision_hidden_size = 128;
  shape.vision_num_heads = 2;
  shape.vision_intermediate_size = 256;
  shape.num_position_embeddings = 64;
  shape.deepstack_visual_indexes = {0, 1, 2};
  shape.first_special = shape.vocab_size - std::ssize(special_tokens());
  shape.min_pixels = 1024;
  return shape;
}

RandomShape shape_small(std::string name) {
  RandomShape shape{.name = std::move(name)};
  shape.hidden_size = 128;
  shape.num_hidden_layers = 4;
  shape.num_attention_heads = 4;
  shape.num_key_value_heads = 2;
  shape.head_dim = 32;
  shape.intermediate_size = 256;
  shape.vocab_size = 1024;
  shape.max_position_embeddings = 4096;
  // A low rope_theta: a few positions then tell the sections of the slow frequencies apart.
  shape.mrope_section = {8, 4, 4};
  shape.rope_theta = 1000;
  shape.vision_depth = 4;
  shape.vision_hidden_size = 64;
  shape.vision_num_heads = 4;
  shape.vision_intermediate_size = 128;
  shape.num_position_embeddings = 64;
  shape.deepstack_visual_indexes = {1, 2};
  shape.first_special = shape.vocab_size - std::ssize(special_tokens());
  shape.min_pixels = 1024;
  return shape;
}

/// The real model's head sizes, for which MLX has fused kernels, and its proportions.
RandomShape shape_mid(std::string name) {
  RandomShape shape = shape_small(std::move(name));
  shape.hidden_size = 512;
  shape.head_dim = 128;
  shape.intermediate_size = 1536;
  shape.vocab_size = 4096;
  shape.mrope_section = {24, 20, 20};
  shape.vision_hidden_size = 256;
  shape.vision_intermediate_size = 1024;
  shape.first_special = shape.vocab_size - std::ssize(special_tokens());
  return shape;
}

std::vector<RandomShape> make_shapes() {
  RandomShape mid_f32 = shape_mid("qwen3-vl-mid-f32");
  mid_f32.quantized = false;
  RandomShape small_f32 = shape_small("qwen3-vl-small-f32");
  small_f32.quantized = false;
  RandomShape small_4bit = shape_small("qwen3-vl-small-4bit");
  small_4bit.exceptions = {{"language_model.model.layers.1.mlp.down_proj", 0},
                           {"language_model.model.layers.2.mlp.down_proj", 8}};
  return {RandomShape{.name = "qwen3-vl-4b"},
          shape_4b_2layer(),
          shape_4b_narrow(),
          small_f32,
          small_4bit,
          mid_f32,
          shape_mid("qwen3-vl-mid-4bit")};
}

/// Bits of a layer of the language model; 0: dense.
int bits_of(const RandomShape& shape, const std::string& path) {
  if (!shape.quantized) return 0;
  const auto found =
      std::find_if(shape.exceptions.begin(), shape.exceptions.end(),
                   [&](const LayerException& exception) { return exception.path == path; });
  return found == shape.exceptions.end() ? 4 : found->bits;
}

void add_text(const RandomShape& shape, RandomTensorList& list) {
  const std::string prefix = kTextPrefix;
  const std::int64_t query = shape.num_attention_heads * shape.head_dim;
  const std::int64_t key_value = shape.num_key_value_heads * shape.head_dim;
  const auto add_linear = [&](const std::string& path, std::int64_t rows, std::int64_t columns) {
    list.add_matrix(path, rows, columns, bits_of(shape, path));
  };
  add_linear(prefix + "embed_tokens", shape.vocab_size, shape.hidden_size);
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i) {
    const std::string layer = prefix + "layers." + std::to_string(i) + ".";
    list.add_rms_norm(layer + "input_layernorm", shape.hidden_size);
    add_linear(layer + "self_attn.q_proj", query, shape.hidden_size);
    add_linear(layer + "self_attn.k_proj", key_value, shape.hidden_size);
    add_linear(layer + "self_attn.v_proj", key_value, shape.hidden_size);
    add_linear(layer + "self_attn.o_proj", shape.hidden_size, query);
    list.add_rms_norm(layer + "self_attn.q_norm", shape.head_dim);
    list.add_rms_norm(layer + "self_attn.k_norm", shape.head_dim);
    list.add_rms_norm(layer + "post_attention_layernorm", shape.hidden_size);
    add_linear(layer + "mlp.gate_proj", shape.intermediate_size, shape.hidden_size);
    add_linear(layer + "mlp.up_proj", shape.intermediate_size, shape.hidden_size);
    add_linear(layer + "mlp.down_proj", shape.hidden_size, shape.intermediate_size);
  }
  list.add_rms_norm(prefix + "norm", shape.hidden_size);
}

void add_merger(const RandomShape& shape, const std::string& path, std::int64_t norm_size,
                RandomTensorList& list) {
  const std::int64_t merged = shape.vision_hidden_size * kMerge * kMerge;
  list.add_layer_norm(path + ".norm", norm_size);
  list.add_linear(path + ".linear_fc1", merged, merged, 0);
  list.add_linear(path + ".linear_fc2", shape.hidden_size, merged, 0);
}

void add_vision(const RandomShape& shape, RandomTensorList& list) {
  const std::int64_t width = shape.vision_hidden_size;
  list.add("vision_tower.patch_embed.proj.weight",
           {width, kTemporalPatchSize, kPatchSize, kPatchSize, kChannels}, Recipe::kWeight,
           kTemporalPatchSize * kPatchSize * kPatchSize * kChannels);
  list.add("vision_tower.patch_embed.proj.bias", {width}, Recipe::kBias);
  list.add("vision_tower.pos_embed.weight", {shape.num_position_embeddings, width},
           Recipe::kPositions);
  for (std::int64_t i = 0; i < shape.vision_depth; ++i) {
    const std::string block = "vision_tower.blocks." + std::to_string(i) + ".";
    list.add_layer_norm(block + "norm1", width);
    list.add_linear(block + "attn.qkv", 3 * width, width, 0);
    list.add_linear(block + "attn.proj", width, width, 0);
    list.add_layer_norm(block + "norm2", width);
    list.add_linear(block + "mlp.linear_fc1", shape.vision_intermediate_size, width, 0);
    list.add_linear(block + "mlp.linear_fc2", width, shape.vision_intermediate_size, 0);
  }
  // The last merger normalises patches, those of DeepStack normalise merged groups of them.
  add_merger(shape, "vision_tower.merger", width, list);
  for (std::size_t i = 0; i < shape.deepstack_visual_indexes.size(); ++i) {
    add_merger(shape, "vision_tower.deepstack_merger_list." + std::to_string(i),
               width * kMerge * kMerge, list);
  }
}

ordered_json text_config(const RandomShape& shape) {
  return {{"model_type", "qwen3_vl_text"},
          {"attention_bias", false},
          {"attention_dropout", 0.0},
          {"bos_token_id", special_token_id(shape.first_special, "<|endoftext|>")},
          {"dtype", shape.quantized ? "bfloat16" : "float32"},
          {"eos_token_id", special_token_id(shape.first_special, "<|im_end|>")},
          {"head_dim", shape.head_dim},
          {"hidden_act", "silu"},
          {"hidden_size", shape.hidden_size},
          {"initializer_range", 0.02},
          {"intermediate_size", shape.intermediate_size},
          {"max_position_embeddings", shape.max_position_embeddings},
          {"num_attention_heads", shape.num_attention_heads},
          {"num_hidden_layers", shape.num_hidden_layers},
          {"num_key_value_heads", shape.num_key_value_heads},
          {"rms_norm_eps", 1e-6},
          {"rope_scaling",
           {{"mrope_interleaved", true},
            {"mrope_section", shape.mrope_section},
            {"rope_type", "default"}}},
          {"rope_theta", shape.rope_theta},
          {"tie_word_embeddings", true},
          {"use_cache", true},
          {"vocab_size", shape.vocab_size}};
}

ordered_json vision_config(const RandomShape& shape) {
  return {{"model_type", "qwen3_vl"},
          {"deepstack_visual_indexes", shape.deepstack_visual_indexes},
          {"depth", shape.vision_depth},
          {"hidden_act", "gelu_pytorch_tanh"},
          {"hidden_size", shape.vision_hidden_size},
          {"in_channels", kChannels},
          {"initializer_range", 0.02},
          {"intermediate_size", shape.vision_intermediate_size},
          {"num_heads", shape.vision_num_heads},
          {"num_position_embeddings", shape.num_position_embeddings},
          {"out_hidden_size", shape.hidden_size},
          {"patch_size", kPatchSize},
          {"spatial_merge_size", kMerge},
          {"temporal_patch_size", kTemporalPatchSize}};
}

ordered_json quantization(const RandomShape& shape) {
  ordered_json config = {{"group_size", kGroupSize}, {"bits", 4}, {"mode", "affine"}};
  for (const LayerException& layer : shape.exceptions) {
    if (layer.bits == 0) {
      config[layer.path] = false;
    } else {
      config[layer.path] = {{"group_size", kGroupSize}, {"bits", layer.bits}};
    }
  }
  return config;
}

ordered_json random_config(const RandomShape& shape) {
  ordered_json config = {
      {"architectures", ordered_json::array({"Qwen3VLForConditionalGeneration"})},
      {"model_type", "qwen3_vl"},
      {"image_token_id", special_token_id(shape.first_special, "<|image_pad|>")},
      {"video_token_id", special_token_id(shape.first_special, "<|video_pad|>")},
      {"vision_start_token_id", special_token_id(shape.first_special, "<|vision_start|>")},
      {"vision_end_token_id", special_token_id(shape.first_special, "<|vision_end|>")},
      {"tie_word_embeddings", true},
      {"text_config", text_config(shape)},
      {"vision_config", vision_config(shape)}};
  if (shape.quantized) {
    config["quantization"] = quantization(shape);
    config["quantization_config"] = config["quantization"];
  }
  return config;
}

ordered_json random_preprocessor_config(const RandomShape& shape) {
  const ordered_json half = ordered_json::array({0.5, 0.5, 0.5});
  return {{"image_processor_type", "Qwen2VLImageProcessorFast"},
          {"processor_class", "Qwen3VLProcessor"},
          {"size", {{"longest_edge", 16777216}, {"shortest_edge", shape.min_pixels}}},
          {"patch_size", kPatchSize},
          {"temporal_patch_size", kTemporalPatchSize},
          {"merge_size", kMerge},
          {"image_mean", half},
          {"image_std", half}};
}

ordered_json random_generation_config(const RandomShape& shape) {
  return {{"bos_token_id", special_token_id(shape.first_special, "<|endoftext|>")},
          {"pad_token_id", special_token_id(shape.first_special, "<|endoftext|>")},
          {"do_sample", true},
          {"eos_token_id",
           {special_token_id(shape.first_special, "<|im_end|>"),
            special_token_id(shape.first_special, "<|endoftext|>")}},
          {"top_k", 20},
          {"top_p", 0.8},
          {"repetition_penalty", 1.0},
          {"temperature", 0.7}};
}

std::vector<RandomTensor> random_tensors(const RandomShape& shape) {
  RandomTensorList list(shape.quantized ? Dtype::kBfloat16 : Dtype::kFloat32);
  add_text(shape, list);
  add_vision(shape, list);
  return list.take();
}

const std::vector<RandomShape>& random_shapes() {
  static const std::vector<RandomShape> shapes = make_shapes();
  return shapes;
}

}  // namespace

std::vector<std::string> random_qwen3_vl_shapes() {
  std::vector<std::string> names;
  for (const RandomShape& shape : random_shapes()) names.push_back(shape.name);
  return names;
}

RandomCheckpoint random_qwen3_vl(const std::string& name) {
  const auto& shapes = random_shapes();
  const RandomShape& shape = *std::find_if(shapes.begin(), shapes.end(),
                                           [&](const RandomShape& s) { return s.name == name; });
  return {random_tensors(shape),
          {{"tokenizer.json", random_qwen_tokenizer(shape.first_special), /*indent=*/-1},
           {"tokenizer_config.json",
            random_qwen_tokenizer_config(shape.first_special, shape.max_position_embeddings)},
           {"preprocessor_config.json", random_preprocessor_config(shape)},
           {"generation_config.json", random_generation_config(shape)},
           {"config.json", random_config(shape)}}};
}

}  // namespace oko::testing
