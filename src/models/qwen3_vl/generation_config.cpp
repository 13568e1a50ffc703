#include "models/qwen3_vl/generation_config.h"

#include <algorithm>
#include <limits>

#include "base/config_reader.h"
#include "base/file.h"
#include "base/json_file.h"
#include "models/qwen3_vl/hint.h"

namespace oko::models::qwen3_vl {
namespace {

using nlohmann::json;

constexpr float kMaxPenalty = 100;  // of a sampler

json read_if_there(const std::filesystem::path& path) {
  return has_entry(path) ? read_json_object(path, ErrorCode::kBadModel) : json::object();
}

/// Adds the "eos_token_id" of a file: one, a list, or none.
void add_end_tokens(const ConfigReader& reader, std::vector<std::int32_t>& ids) {
  using Limits = std::numeric_limits<std::int32_t>;
  for (const int id : reader.one_or_more("eos_token_id", Limits::min(), Limits::max())) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
}

/// The eos_token of tokenizer_config.json: a text, or an object with one in "content".
std::string read_end_token(const ConfigReader& reader) {
  const json* token = reader.find("eos_token");
  if (token == nullptr || !token->is_object()) return reader.string_or("eos_token", "");
  return reader.child("eos_token").string_or("content", "");
}

void read_advice(const ConfigReader& reader, GenerationConfig& config) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  config.top_k =
      static_cast<int>(std::max<std::int64_t>(0, reader.integer_or("top_k", 0, -kMost, kMost)));
  const double top_p = reader.number("top_p").value_or(0);
  if (top_p > 0 && top_p <= 1) config.top_p = static_cast<float>(top_p);
  const double penalty = reader.number("repetition_penalty").value_or(0);
  if (penalty > 0 && penalty <= kMaxPenalty) {
    config.repetition_penalty = static_cast<float>(penalty);
  }
}

}  // namespace

GenerationConfig GenerationConfig::load(const std::filesystem::path& model_dir) {
  GenerationConfig config;
  const auto read = [&](const char* name, const auto& function) {
    const std::filesystem::path path = model_dir / name;
    const json file = read_if_there(path);
    function(ConfigReader(file, path.string(), hint_for_vision_language()));
  };
  read("generation_config.json", [&](const ConfigReader& reader) {
    add_end_tokens(reader, config.eos_token_ids);
    read_advice(reader, config);
  });
  read("config.json", [&](const ConfigReader& reader) {
    add_end_tokens(reader, config.eos_token_ids);
    add_end_tokens(reader.child_or_empty("text_config"), config.eos_token_ids);
  });
  read("tokenizer_config.json",
       [&](const ConfigReader& reader) { config.eos_token = read_end_token(reader); });
  return config;
}

}  // namespace oko::models::qwen3_vl
