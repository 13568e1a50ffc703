// Any bytes as a Unigram tokenizer, in tokenizer.json and as a sentencepiece model: either
// oko::Error or a tokenizer that encodes.
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "text/unigram.h"
#include "text/unigram_source.h"
#include "text/unigram_table.h"
#include "text/xlmr_tokenizer.h"

namespace {

namespace text = oko::text;

template <typename Parse>
void try_model(Parse parse) {
  try {
    const std::vector<std::byte> block = text::build_unigram_table(parse(), {}, "fuzz");
    if (!text::UnigramTable::is_sound(block)) std::abort();
    const text::UnigramTable table{text::TableBlock(block)};
    text::TokenSink sink{100};
    text::UnigramSplitter splitter(table, sink);
    splitter.add("\u2581Hello\u2581мир\u0301");
    splitter.end_word();
    for (const std::int32_t id : sink.ids) {
      if (id < 0 || static_cast<std::uint32_t>(id) >= table.header().vocabulary_size) std::abort();
    }
  } catch (const oko::Error& error) {
    if (error.code() != oko::ErrorCode::kBadModel) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_model([&] { return text::parse_unigram_json(bytes, "fuzz"); });
  try_model([&] { return text::parse_sentencepiece(bytes, "fuzz"); });
  return 0;
}
