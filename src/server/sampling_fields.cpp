#include "server/sampling_fields.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::server {
namespace {

constexpr std::size_t kMostStops = 16;
constexpr std::size_t kMostBiases = 1024;
constexpr float kLeastTopP = 1e-6f;                // 0 means the most likely token, as this does
constexpr auto kMostSeed = std::int64_t{1} << 53;  // the whole numbers of JSON's clients

std::vector<std::string> stops_of(const RequestFields& fields) {
  const RequestJson* stop = fields.find("stop");
  if (stop == nullptr) return {};
  if (stop->is_string()) return {stop->get<std::string>()};
  const std::string name = fields.name_of("stop");
  if (!stop->is_array() || stop->size() > kMostStops) {
    refuse_value(
        name, tr("a string, or a list of at most {}", "строка или список до {} строк", kMostStops));
  }
  std::vector<std::string> texts;
  for (const RequestJson& text : *stop) {
    if (!text.is_string()) refuse_value(name, tr("a list of strings", "список строк"));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

}  // namespace

void refuse_field(const std::string& field) {
  throw FieldError(field, tr("{} is not supported", "{} не поддерживается", field));
}

std::optional<int> read_limit(const RequestFields& fields, std::string_view field) {
  const RequestJson* value = fields.find(field);
  if (value == nullptr || *value == -1) return std::nullopt;
  return static_cast<int>(*fields.integer(field, 1, kMostTokens));
}

void read_logit_bias(const RequestFields& fields, ChatTask& task) {
  const RequestJson* json = fields.find("logit_bias");
  if (json == nullptr) return;
  const RequestFields biases(*json, fields.name_of("logit_bias"));
  if (json->size() > kMostBiases) {
    refuse_value(fields.name_of("logit_bias"),
                 tr("an object of at most {} tokens", "объект, до {} токенов", kMostBiases));
  }
  for (const auto& [key, value] : json->items()) {
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      refuse_value(fields.name_of("logit_bias"), tr("an object with numbers of tokens as keys",
                                                    "объект, ключи которого — номера токенов"));
    }
    task.sampling.logit_bias.push_back(
        {id, static_cast<float>(biases.number(key, -100, 100).value_or(0))});
  }
}

void read_sampling(const RequestFields& fields, ChatTask& task) {
  const auto number = [&](const char* name, double least, double most, double usual) {
    return static_cast<float>(fields.number(name, least, most).value_or(usual));
  };
  engine::SamplingOptions& sampling = task.sampling;
  sampling.temperature = number("temperature", 0, 10, 0);
  sampling.min_p = number("min_p", 0, 1, 0);
  sampling.presence_penalty = number("presence_penalty", -2, 2, 0);
  sampling.frequency_penalty = number("frequency_penalty", -2, 2, 0);
  if (fields.find("repeat_penalty") != nullptr) {
    task.repetition_penalty = number("repeat_penalty", 0.1, 10, 1);
  }
  if (fields.find("top_p") != nullptr) task.top_p = std::max(number("top_p", 0, 1, 1), kLeastTopP);
  if (const auto top_k = fields.integer("top_k", -1, kMostTokens)) {  // -1: all, as 0
    task.top_k = static_cast<int>(std::max<std::int64_t>(*top_k, 0));
  }
  sampling.seed =
      static_cast<std::uint64_t>(fields.integer("seed", -kMostSeed, kMostSeed).value_or(0));
  task.stop = stops_of(fields);
}

}  // namespace oko::server
