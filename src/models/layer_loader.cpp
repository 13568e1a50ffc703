#include "models/layer_loader.h"

namespace oko::models {

LayerLoader LayerLoader::part(const std::string& name) const {
  return {weights, quantization, prefix + name, norm_epsilon, precision};
}

tensor::Linear LayerLoader::linear(const std::string& name, std::int64_t out_features,
                                   std::int64_t in_features) const {
  tensor::Linear layer =
      tensor::Linear::load(weights, prefix + name, out_features, in_features, quantization);
  layer.set_precision(precision);
  return layer;
}

tensor::RmsNorm LayerLoader::rms_norm(const std::string& name, std::int64_t width) const {
  return tensor::RmsNorm::load(weights, prefix + name, width, norm_epsilon);
}

tensor::LayerNorm LayerLoader::layer_norm(const std::string& name, std::int64_t width) const {
  return tensor::LayerNorm::load(weights, prefix + name, width, norm_epsilon);
}

}  // namespace oko::models
