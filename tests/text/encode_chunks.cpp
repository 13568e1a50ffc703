// The bridge between oko's tokenizer and tools/text/compare_with_hf.py, and
// between its XLM-RoBERTa tokenizer and compare_xlmr_with_hf.py.
//
//   encode_chunks MODEL_DIR CACHE_DIR|- plain|special|decode|xlmr < chunks > results
//
// Chunks and results are each a 32-bit count and as many items: bytes of text, or 32-bit ids.
#include <chrono>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"
#include "text/xlmr_tokenizer.h"

namespace {

using oko::text::Detokenizer;
using oko::text::Tokenizer;
using oko::text::XlmrTokenizer;

template <typename Item>
bool read_chunk(std::vector<Item>& items) {
  std::uint32_t count = 0;
  if (std::fread(&count, sizeof(count), 1, stdin) != 1) return false;
  items.resize(count);
  return std::fread(items.data(), sizeof(Item), count, stdin) == count;
}

template <typename Container>
void write_chunk(const Container& items) {
  const auto count = static_cast<std::uint32_t>(items.size());
  std::fwrite(&count, sizeof(count), 1, stdout);
  std::fwrite(items.data(), sizeof(*items.data()), count, stdout);
}

/// Decodes every chunk at once and token by token; a difference ends the program.
void decode_all(const Tokenizer& tokenizer) {
  for (std::vector<std::int32_t> ids; read_chunk(ids);) {
    Detokenizer detokenizer(tokenizer);
    std::string streamed;
    for (const std::int32_t id : ids) streamed += detokenizer.push(id);
    streamed += detokenizer.flush();
    const std::string text = tokenizer.decode(ids, true);
    if (streamed != text) throw oko::Error(oko::ErrorCode::kFailed, "streamed text differs");
    write_chunk(text);
    write_chunk(tokenizer.decode(ids, false));
  }
}

template <typename Encode>
void encode_all(Encode encode) {
  std::size_t bytes = 0;
  std::chrono::duration<double> spent{};
  for (std::vector<char> text; read_chunk(text);) {
    const auto start = std::chrono::steady_clock::now();
    const auto ids = encode(std::string_view(text.data(), text.size()));
    spent += std::chrono::steady_clock::now() - start;
    bytes += text.size();
    write_chunk(ids);
  }
  std::fprintf(stderr, "encoded %.2f MB in %.3f s: %.1f MB/s\n", bytes / 1e6, spent.count(),
               bytes / 1e6 / spent.count());
}

template <typename Loaded>
Loaded load(const std::string& model, const std::string& cache) {
  const auto start = std::chrono::steady_clock::now();
  Loaded tokenizer = Loaded::load(model, {cache == "-" ? "" : cache});
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  std::fprintf(stderr, "loaded in %.1f ms\n", spent.count());
  return tokenizer;
}

void run(const std::string& model, const std::string& cache, const std::string& mode) {
  if (mode == "xlmr") {
    const auto tokenizer = load<XlmrTokenizer>(model, cache);
    constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
    encode_all([&](std::string_view text) { return tokenizer.encode(text, kAll).ids; });
    return;
  }
  const auto tokenizer = load<Tokenizer>(model, cache);
  if (mode == "decode") {
    decode_all(tokenizer);
  } else if (mode == "special") {
    encode_all([&](std::string_view text) { return tokenizer.encode_with_special(text); });
  } else {
    encode_all([&](std::string_view text) { return tokenizer.encode(text); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    run(argv[1], argv[2], argv[3]);
  } catch (const oko::Error& error) {
    std::fprintf(stderr, "%s\n%s\n", error.what(),
                 error.hint().in(oko::Language::kEnglish).c_str());
    return 1;
  }
  return 0;
}
