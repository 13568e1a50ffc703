// Any bytes as tokenizer.json: either a tokenizer or oko::Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = oko::text::Tokenizer::parse(bytes, "tokenizer.json");
    const auto ids = tokenizer.encode_with_special("Hi, <|im_end|> e\u0301\xFF 'S \r\n\n  мир");
    tokenizer.decode(ids, false);
  } catch (const oko::Error&) {
  }
  return 0;
}
