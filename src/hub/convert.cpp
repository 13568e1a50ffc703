#include "hub/convert.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <span>
#include <system_error>

#include "base/config_reader.h"
#include "base/error.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "checkpoint/safetensors_writer.h"
#include "hub/conversion_plan.h"
#include "hub/free_space.h"
#include "hub/output_folder.h"
#include "hub/parallel_blocks.h"
#include "hub/settings_files.h"
#include "hub/source_checkpoint.h"
#include "hub/tensor_copier.h"
#include "tensor/affine_quantizer.h"
#include "tensor/quantization.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;
using checkpoint::Dtype;

constexpr int kDefaultBits = 8;
constexpr std::uint64_t kBlockElements = 1 << 20;  // in one thread's hands

constexpr std::uint64_t kSmallFilesBytes = 64U << 20;  // generously

/// Writes the tensors of a plan, block by block and in several threads.
class Converter {
 public:
  Converter(const ConvertOptions& options, const ConversionPlan& plan)
      : options_(options), quantization_(plan.quantization) {
    for (const PlannedTensor& planned : plan.tensors) add(planned);
  }

  const std::vector<checkpoint::TensorDeclaration>& declarations() const { return declarations_; }

  std::uint64_t bytes() const {
    std::uint64_t total = 0;
    for (const checkpoint::TensorDeclaration& declaration : declarations_) {
      total += byte_size(declaration);
    }
    return total;
  }

  ConvertReport run(const fs::path& file) {
    checkpoint::SafetensorsWriter writer(file, declarations_);
    for_each_block(blocks_.size(), options_.threads, options_.stop,
                   [&](std::size_t i) { convert(blocks_[i], writer); });
    writer.finish();
    ConvertReport report;
    report.bits = quantization_.bits;
    report.group_size = quantization_.group_size;
    report.bytes = writer.file_size();
    for (Layer& layer : layers_) {
      if (layer.squared_values > 0) {
        layer.report.relative_error = std::sqrt(layer.squared_error / layer.squared_values);
      }
      report.source_bytes += layer.report.source_bytes;
      report.layers.push_back(std::move(layer.report));
    }
    return report;
  }

 private:
  struct Layer {
    const PlannedTensor* planned;
    std::size_t declaration;  ///< the first of its tensors
    ConvertedLayer report;
    double squared_error = 0, squared_values = 0;
  };
  struct Block {
    std::size_t layer;
    std::uint64_t first, count;  ///< elements
  };

  void add(const PlannedTensor& planned) {
    const checkpoint::TensorInfo& info = planned.source->info();
    Layer layer{&planned, declarations_.size(), {}};
    layer.report = {planned.name, info.shape, planned.quantized, info.size, 0, 0};
    std::uint64_t block = kBlockElements;
    if (planned.quantized) {
      const std::string name = planned.name.substr(0, planned.name.size() - 7);  // ".weight"
      const std::int64_t rows = info.shape[0], columns = info.shape[1];
      const std::vector<std::int64_t> groups{rows, columns / quantization_.group_size};
      declarations_.push_back(
          {planned.name, Dtype::kUint32, {rows, columns * quantization_.bits / 32}});
      declarations_.push_back({name + ".scales", planned.dtype, groups});
      declarations_.push_back({name + ".biases", planned.dtype, groups});
      // Whole rows, so that groups and words of codes stay whole.
      const auto width = static_cast<std::uint64_t>(columns);
      block = std::max<std::uint64_t>(1, kBlockElements / width) * width;
    } else {
      declarations_.push_back({planned.name, planned.dtype, info.shape});
    }
    for (std::size_t i = layer.declaration; i < declarations_.size(); ++i) {
      layer.report.bytes += byte_size(declarations_[i]);
    }
    for (std::uint64_t first = 0; first < planned.source->count(); first += block) {
      blocks_.push_back({layers_.size(), first, std::min(block, planned.source->count() - first)});
    }
    source_bytes_ += info.size;
    layers_.push_back(std::move(layer));
  }

  void convert(const Block& block, checkpoint::SafetensorsWriter& writer) {
    Layer& layer = layers_[block.layer];
    const PlannedTensor& planned = *layer.planned;
    const std::vector<float> values = planned.source->read(planned.name, block.first, block.count);
    double squared_error = 0, squared_values = 0;
    if (planned.quantized) {
      const tensor::QuantizedRows rows =
          tensor::quantize_rows(values, quantization_, planned.dtype);
      const auto bits = static_cast<std::uint64_t>(quantization_.bits);
      const std::uint64_t group =
          block.first / static_cast<std::uint64_t>(quantization_.group_size);
      writer.write(layer.declaration, block.first * bits / 8, std::as_bytes(std::span(rows.codes)));
      writer.write(layer.declaration + 1, group * 2, std::as_bytes(std::span(rows.scales)));
      writer.write(layer.declaration + 2, group * 2, std::as_bytes(std::span(rows.biases)));
      squared_error = rows.squared_error;
      squared_values = rows.squared_values;
    } else {
      write_dense(layer, block, values, writer);
    }
    planned.source->forget(block.first, block.count);
    const std::lock_guard lock(mutex_);
    layer.squared_error += squared_error;
    layer.squared_values += squared_values;
    done_ += block.count * checkpoint::size_of(planned.source->info().dtype);
    if (options_.progress) options_.progress(done_, source_bytes_);
  }

  static void write_dense(const Layer& layer, const Block& block, std::span<const float> values,
                          checkpoint::SafetensorsWriter& writer) {
    const Dtype dtype = layer.planned->dtype;
    if (dtype == Dtype::kFloat32) {
      writer.write(layer.declaration, block.first * sizeof(float), std::as_bytes(values));
      return;
    }
    std::vector<std::uint16_t> bits;
    bits.reserve(values.size());
    for (const float value : values) bits.push_back(tensor::to_half_bits(value, dtype));
    writer.write(layer.declaration, block.first * 2, std::as_bytes(std::span(bits)));
  }

  const ConvertOptions& options_;
  tensor::Quantization quantization_;
  std::vector<checkpoint::TensorDeclaration> declarations_;
  std::vector<Layer> layers_;
  std::vector<Block> blocks_;
  std::uint64_t source_bytes_ = 0, done_ = 0;
  std::mutex mutex_;
};

void check(const ConvertOptions& options) {
  const auto require = [](bool right, const char* name, int value, const char* allowed) {
    if (right) return;
    throw Error(ErrorCode::kUsage,
                tr("{} is {}, possible are {}", "{} — {}, возможны {}", name, value, allowed));
  };
  const int bits = options.bits.value_or(kDefaultBits);
  require(bits == 4 || bits == 8, "bits", bits, "4, 8");
  const int group_size = options.group_size.value_or(64);
  require(group_size == 32 || group_size == 64 || group_size == 128, "group size", group_size,
          "32, 64, 128");
}

/// Calls `check` for the new model, whose folder goes by `shown` in messages.
void check_model(const std::function<void(const fs::path&)>& check, const OutputFolder& folder,
                 const fs::path& shown) {
  if (!check) return;
  try {
    check(folder.path());
  } catch (const Error& error) {
    throw Error(error.code(), error.message().with(folder.path().string(), shown.string()),
                error.hint());
  }
}

/// Lets the caller load the new model, with zeros for weights, before its weights are made.
void check_plan(const ConvertOptions& options, const OutputFolder& folder,
                const std::vector<checkpoint::TensorDeclaration>& tensors) {
  if (!options.check_plan) return;
  const fs::path file = folder.path() / "model.safetensors";
  checkpoint::SafetensorsWriter(file, tensors).finish_hollow();
  check_model(options.check_plan, folder, options.source);
  fs::remove(file);
}

bool is_quantized(const std::map<std::string, SourceTensor>& source) {
  return std::any_of(source.begin(), source.end(),
                     [](const auto& tensor) { return tensor.first.ends_with(".scales"); });
}

/// The config's quantization of most layers. Throws kBadModel if `options` ask for something else.
tensor::Quantization own_quantization(const ConvertOptions& options, const nlohmann::json& config) {
  const auto own =
      tensor::QuantizationConfig::parse(config, (options.source / "config.json").string())
          .of_layer("");
  if (!own) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: has scales, and its config.json does not say how it is quantized",
                   "{}: масштабы есть, но в config.json не сказано, как модель квантована",
                   options.source.string()),
                tr("config.json belongs to another model", "config.json — от другой модели"));
  }
  if (options.bits.value_or(own->bits) == own->bits &&
      options.group_size.value_or(own->group_size) == own->group_size) {
    return *own;
  }
  throw Error(ErrorCode::kUsage,
              tr("{}: is quantized already, with {} bits in groups of {}",
                 "{}: модель уже квантована, бит на вес: {}, размер группы: {}",
                 options.source.string(), own->bits, own->group_size),
              tr("name the folder of the original weights, or leave {} and {} out",
                 "укажите папку с исходными весами или не задавайте {} и {}", Knob{"bits"},
                 Knob{"group_size"}));
}

/// Writes the dtype of the tensors that are not quantized into the config: f32 became f16.
void set_dtype(const ConversionPlan& plan, nlohmann::ordered_json& config) {
  std::map<Dtype, std::uint64_t> bytes;
  for (const PlannedTensor& tensor : plan.tensors)
    bytes[tensor.dtype] += tensor.source->info().size;
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const char* name = most->first == Dtype::kFloat32    ? "float32"
                     : most->first == Dtype::kBfloat16 ? "bfloat16"
                                                       : "float16";
  const auto set = [&](nlohmann::ordered_json& object) {
    for (const char* key : {"dtype", "torch_dtype"}) {
      if (object.contains(key)) object[key] = name;
    }
  };
  if (!config.contains("torch_dtype")) config["dtype"] = name;
  set(config);
  for (const char* section : {"text_config", "vision_config"}) {
    if (config.contains(section)) set(config[section]);
  }
}

/// Writes the pooling into the new model if the source does not say it. Returns true if it did.
bool add_pooling(const fs::path& source, const nlohmann::json& config,
                 const std::map<std::string, SourceTensor>& tensors, OutputFolder& folder) {
  const ConfigReader reader(
      config, (source / "config.json").string(),
      tr("config.json belongs to another model", "config.json — от другой модели"));
  const std::string type = reader.string_or("model_type", "");
  if ((type != "xlm-roberta" && type != "bert") || says_pooling(source) ||
      tensors.contains("sparse_linear.weight") || tensors.contains("colbert_linear.weight")) {
    return false;
  }
  fs::create_directory(folder.path() / "1_Pooling");
  folder.add_json("1_Pooling/config.json",
                  {{"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", false}});
  return true;
}

ConvertReport copy_quantized(const ConvertOptions& options, const nlohmann::ordered_json& config,
                             const std::map<std::string, SourceTensor>& source) {
  const tensor::Quantization quantization = own_quantization(options, config);
  const TensorCopier copier(source);
  OutputFolder folder(options.destination);
  require_free_space(folder.path(), copier.bytes() + kSmallFilesBytes);
  copy_settings(options.source, folder.path());
  copy_model_file(options.source / "config.json", folder.path() / "config.json");
  const bool assumed_pooling = add_pooling(options.source, config, source, folder);
  check_plan(options, folder, copier.declarations());
  const fs::path file = folder.path() / "model.safetensors";
  copier.run(file, {}, options.progress, options.threads, options.stop);
  check_model(options.check_result, folder, options.destination);
  if (options.seal) options.seal(folder.path());
  ConvertReport report{quantization.bits, quantization.group_size, {},
                       copier.bytes(),    fs::file_size(file),     assumed_pooling};
  folder.keep();
  for (const auto& [name, tensor] : source) {
    const checkpoint::TensorInfo& info = tensor.info();
    if (info.dtype == Dtype::kOther) continue;  // was left out
    report.layers.push_back({name, info.shape, false, info.size, info.size, 0});
  }
  return report;
}

}  // namespace

ConvertReport convert(const ConvertOptions& options) {
  check(options);
  nlohmann::ordered_json config =
      read_json_object(options.source / "config.json", ErrorCode::kBadModel);
  // Refuses the quantization of another program.
  tensor::QuantizationConfig::parse(config, (options.source / "config.json").string());
  const std::map<std::string, SourceTensor> source = open_source(options.source);
  if (is_quantized(source)) return copy_quantized(options, config, source);
  const int bits = options.bits.value_or(kDefaultBits);
  const ConversionPlan plan =
      plan_conversion(config, source, bits, options.group_size, options.source.string());
  Converter converter(options, plan);

  OutputFolder folder(options.destination);
  require_free_space(folder.path(), converter.bytes() + kSmallFilesBytes);
  copy_settings(options.source, folder.path());
  config["quantization"] = {
      {"group_size", plan.quantization.group_size}, {"bits", bits}, {"mode", "affine"}};
  set_dtype(plan, config);
  folder.add_json("config.json", config);
  const bool assumed_pooling = add_pooling(options.source, config, source, folder);
  check_plan(options, folder, converter.declarations());
  ConvertReport report = converter.run(folder.path() / "model.safetensors");
  report.assumed_pooling = assumed_pooling;
  check_model(options.check_result, folder, options.destination);
  if (options.seal) options.seal(folder.path());
  folder.keep();
  return report;
}

}  // namespace oko::hub
