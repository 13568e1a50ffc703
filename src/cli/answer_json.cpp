#include "cli/answer_json.h"

#include "base/rounded.h"
#include "budget/tag_bytes.h"
#include "cli/json_output.h"
#include "tensor/device.h"

namespace oko::cli {

using nlohmann::ordered_json;

namespace {

/// To the microsecond.
double rounded_seconds(double value) {
  return rounded(value, 6);
}

/// The memory of a picture and of the answer about it, by phase; weights are those of the model.
ordered_json memory_json(const budget::TagBytes& picture, const engine::PhaseMemory& answer) {
  return {{"image", picture[budget::Tag::kImage]},
          {"ocr", picture[budget::Tag::kOcr]},
          {"preprocess", answer.preprocess},
          {"vision", answer.vision},
          {"prefill", answer.prefill},
          {"decode", answer.decode},
          {"kv", answer.kv}};
}

}  // namespace

ordered_json reductions_json(const std::vector<engine::Reduction>& reductions) {
  ordered_json list = ordered_json::array();
  for (const engine::Reduction& reduction : reductions) {
    list.push_back({{"what", reduction.what},
                    {"from", reduction.from},
                    {"to", reduction.to},
                    {"reason", engine::name_of(reduction.reason)}});
  }
  return list;
}

ordered_json stats_json(const engine::GenerationStats& stats, const tasks::PictureStats& picture) {
  return {{"device", tensor::name_of(tensor::device())},
          {"decode_image_seconds", rounded_seconds(picture.decode_seconds)},
          {"read_text_seconds", rounded_seconds(picture.read_seconds)},
          {"preprocess_seconds", rounded_seconds(stats.preprocess_seconds)},
          {"load_seconds", rounded_seconds(stats.load_seconds)},
          {"vision_seconds", rounded_seconds(stats.vision_seconds)},
          {"prefill_seconds", rounded_seconds(stats.prefill_seconds)},
          {"decode_seconds", rounded_seconds(stats.decode_seconds)},
          {"first_token_seconds", rounded_seconds(stats.time_to_first_token_seconds)},
          {"image_tokens", stats.image_tokens},
          {"prompt_tokens", stats.prompt_tokens},
          {"generated_tokens", stats.generated_tokens},
          {"prefill_tokens_per_second", rounded(stats.prefill_tokens_per_second(), 1)},
          {"decode_tokens_per_second", rounded(stats.decode_tokens_per_second(), 1)},
          {"drafted_tokens", stats.drafted_tokens},
          {"accepted_drafts", stats.accepted_draft_tokens},
          {"kv_cache_bytes", stats.memory.kv},
          {"weight_bytes", stats.weight_bytes},
          {"copied_weight_bytes", stats.copied_weight_bytes},
          {"peak_private_bytes", stats.peak_private_bytes},
          {"mlx_peak_bytes", stats.mlx_peak_bytes},
          {"predicted_memory", memory_json(picture.predicted, stats.predicted_memory)},
          {"memory", memory_json(picture.taken, stats.memory)},
          {"mlx_memory",
           {{"vision", stats.mlx_memory.vision},
            {"prefill", stats.mlx_memory.prefill},
            {"decode", stats.mlx_memory.decode}}}};
}

void add_text(const tasks::PictureText& text, ordered_json& object) {
  ordered_json& lines = object["ocr_lines"];
  if (lines.is_null()) lines = ordered_json::array();
  for (const std::string& line : text.lines) lines.push_back(line);
  for (const tasks::LeftOutLine& line : text.left_out) {
    object["ocr_left_out"].push_back({{"text", line.text},
                                      {"confidence", rounded(line.confidence, 3)},
                                      {"reason", line.reason}});
  }
}

}  // namespace oko::cli
