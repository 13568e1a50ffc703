// Any bytes as a JSON schema: either answers that follow it, or oko::Error.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "grammar/grammar.h"
#include "testing/random_qwen_tokenizer.h"

namespace {

const oko::text::Tokenizer& tokenizer() {
  static const auto instance = oko::text::Tokenizer::parse(
      oko::testing::random_qwen_tokenizer(400).dump(), "random tokenizer");
  return instance;
}

const oko::grammar::Vocabulary& vocabulary() {
  static const std::int32_t end = *tokenizer().special_token("<|im_end|>");
  static const oko::grammar::Vocabulary instance(tokenizer(), std::span(&end, 1));
  return instance;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace oko::grammar;
  try {
    const std::string_view schema(reinterpret_cast<const char*>(data), size);
    Matcher matcher(vocabulary().json(schema, "fuzz"));
    for (std::size_t step = 0; step < 20 && !matcher.has_ended(); ++step) {
      std::vector<float> logits(static_cast<std::size_t>(tokenizer().vocab_size()), 1.0f);
      matcher.mask(logits);
      std::size_t id = step * 37 % logits.size();
      while (std::isinf(logits[id])) id = (id + 1) % logits.size();
      matcher.accept(static_cast<std::int32_t>(id));
    }
  } catch (const oko::Error&) {
  }
  return 0;
}
