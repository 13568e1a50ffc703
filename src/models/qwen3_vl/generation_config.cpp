#include "models/qwen3_vl/generation_config.h"

#include <algorithm>

#include "base/json_file.h"

namespace oko::models::qwen3_vl {
namespace {

using nlohmann::json;

json read_if_there(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return json::object();
  return read_json_object(path, ErrorCode::kBadModel);
}

std::vector<std::int32_t> end_tokens(const json& object) {
  std::vector<std::int32_t> ids;
  const auto found = object.find("eos_token_id");
  if (found == object.end()) return ids;
  for (const json& id : found->is_array() ? *found : json::array({*found})) {
    if (id.is_number_integer()) ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

}  // namespace

GenerationConfig GenerationConfig::load(const std::filesystem::path& model_dir) {
  const json advice = read_if_there(model_dir / "generation_config.json");
  GenerationConfig config;
  config.eos_token_ids = end_tokens(advice);
  if (config.eos_token_ids.empty()) {
    const json model = read_if_there(model_dir / "config.json");
    config.eos_token_ids = end_tokens(model);
    if (config.eos_token_ids.empty() && model.contains("text_config")) {
      config.eos_token_ids = end_tokens(model["text_config"]);
    }
  }
  if (const auto k = advice.find("top_k"); k != advice.end() && k->is_number_integer()) {
    config.top_k = std::max(0, k->get<int>());
  }
  if (const auto p = advice.find("top_p"); p != advice.end() && p->is_number()) {
    const float value = p->get<float>();
    if (value > 0 && value <= 1) config.top_p = value;
  }
  return config;
}

}  // namespace oko::models::qwen3_vl
