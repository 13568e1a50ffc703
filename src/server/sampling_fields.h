#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/chat_task.h"
#include "server/request_json.h"

namespace oko::server {

inline constexpr std::int64_t kMostTokens = 1'000'000;  ///< that a request may ask for

/// Reads the limit `field` of an answer, in tokens; nothing: it is not given, or -1, with which
/// clients of LM Studio and llama.cpp ask for none. Throws kUsage.
std::optional<int> read_limit(const RequestFields& fields, std::string_view field);

/// Reads how tokens are chosen, by the names that OpenAI's and Ollama's clients share:
/// temperature, top_p, top_k, min_p, presence_penalty, frequency_penalty, repeat_penalty, seed,
/// stop. Throws kUsage for values out of range.
void read_sampling(const RequestFields& fields, ChatTask& task);

/// Reads "logit_bias" of OpenAI's: {"TOKEN": -100..100}. Throws kUsage.
void read_logit_bias(const RequestFields& fields, ChatTask& task);

/// Throws kUsage: the answer would not be what `field` asks for.
[[noreturn]] void refuse_field(const std::string& field);

}  // namespace oko::server
