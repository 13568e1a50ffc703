// Arbitrary text through both of XLM-RoBERTa's pipelines: only the two ids around it are special,
// and the ids of a cut text begin like those of the whole one.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/file.h"
#include "text/xlmr_tokenizer.h"

namespace {

using oko::text::TokenizedText;
using oko::text::XlmrTokenizer;

XlmrTokenizer load(const std::string& file) {
  return XlmrTokenizer::parse(oko::read_file(OKO_XLMR + file, 10'000'000, oko::ErrorCode::kFailed),
                              file);
}

void check(const XlmrTokenizer& tokenizer, std::string_view text) {
  constexpr std::int32_t kBegin = 0, kPad = 1, kEnd = 2;
  const TokenizedText whole = tokenizer.encode(text, 1 << 20);
  if (whole.ids.size() != std::min<std::size_t>(whole.total, 1 << 20)) std::abort();
  if (whole.ids.front() != kBegin || whole.ids.back() != kEnd) std::abort();
  for (std::size_t i = 1; i + 1 < whole.ids.size(); ++i) {
    const std::int32_t id = whole.ids[i];
    if (id <= kEnd || id == kPad || id >= tokenizer.vocab_size() - 1) std::abort();
  }
  const TokenizedText cut = tokenizer.encode(text, 5);
  if (cut.total != whole.total || cut.ids.size() != std::min<std::size_t>(5, whole.total)) {
    std::abort();
  }
  if (!std::equal(cut.ids.begin(), cut.ids.end() - 1, whole.ids.begin())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const XlmrTokenizer bge_m3 = load("tokenizer.json"), e5 = load("tokenizer-e5.json");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(bge_m3, text);
  check(e5, text);
  return 0;
}
