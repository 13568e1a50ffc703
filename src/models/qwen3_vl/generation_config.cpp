#include "models/qwen3_vl/generation_config.h"

#include <algorithm>

#include "base/json_file.h"

namespace oko::models::qwen3_vl {
namespace {

using nlohmann::json;

constexpr float kMaxPenalty = 100;  // of a sampler

json read_if_there(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return json::object();
  return read_json_object(path, ErrorCode::kBadModel);
}

/// Adds the "eos_token_id" of `object`: one, a list, or none.
void add_end_tokens(const json& object, std::vector<std::int32_t>& ids) {
  const auto found = object.find("eos_token_id");
  if (found == object.end()) return;
  for (const json& id : found->is_array() ? *found : json::array({*found})) {
    if (!id.is_number_integer()) continue;
    const auto token = id.get<std::int32_t>();
    if (std::find(ids.begin(), ids.end(), token) == ids.end()) ids.push_back(token);
  }
}

}  // namespace

GenerationConfig GenerationConfig::load(const std::filesystem::path& model_dir) {
  const json advice = read_if_there(model_dir / "generation_config.json");
  const json model = read_if_there(model_dir / "config.json");
  const json tokenizer = read_if_there(model_dir / "tokenizer_config.json");
  GenerationConfig config;
  add_end_tokens(advice, config.eos_token_ids);
  add_end_tokens(model, config.eos_token_ids);
  if (const auto text = model.find("text_config"); text != model.end() && text->is_object()) {
    add_end_tokens(*text, config.eos_token_ids);
  }
  if (const auto token = tokenizer.find("eos_token"); token != tokenizer.end()) {
    // A text, or an object with one in "content".
    const json content = token->is_object() ? token->value("content", json()) : *token;
    if (content.is_string()) config.eos_token = content.get<std::string>();
  }
  if (const auto k = advice.find("top_k"); k != advice.end() && k->is_number_integer()) {
    config.top_k = std::max(0, k->get<int>());
  }
  if (const auto p = advice.find("top_p"); p != advice.end() && p->is_number()) {
    const float value = p->get<float>();
    if (value > 0 && value <= 1) config.top_p = value;
  }
  if (const auto p = advice.find("repetition_penalty"); p != advice.end() && p->is_number()) {
    const float value = p->get<float>();
    if (value > 0 && value <= kMaxPenalty) config.repetition_penalty = value;
  }
  return config;
}

}  // namespace oko::models::qwen3_vl
