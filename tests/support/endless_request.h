#pragma once

#include <filesystem>
#include <string_view>

#include "engine/generation.h"
#include "text/tokenizer.h"

namespace oko::engine {

/// Makes the answer of a random model run to the end of its context: no token ends it, and it is
/// too random to loop.
inline void make_endless(GenerationRequest& request, const std::filesystem::path& model) {
  request.max_tokens = 1'000'000;
  request.sampling.temperature = 5.0f;
  const text::Tokenizer tokenizer = text::Tokenizer::load(model);
  for (const std::string_view token : {"<|im_end|>", "<|endoftext|>"}) {
    request.sampling.logit_bias.push_back({*tokenizer.special_token(token), -100.0f});
  }
}

}  // namespace oko::engine
