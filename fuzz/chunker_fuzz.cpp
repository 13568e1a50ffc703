// Any text, divided into chunks: in order, no character but white space is lost, no chunk is larger
// than the limit, and the counted text is bounded. The first two bytes are the options.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/characters.h"
#include "text/chunker.h"
#include "text/utf8.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// A token for every 4 bytes of a word.
std::size_t count_tokens(std::string_view text) {
  std::size_t tokens = 0, length = 0;
  for (const char c : text) {
    length = c == ' ' || c == '\n' ? 0 : length + 1;
    if (length % 4 == 1) ++tokens;
  }
  return tokens;
}

void require_spaces(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto step = oko::text::next_utf8(text, at);
    require(oko::text::is_space(step.code_point));
    at += step.length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const oko::text::ChunkOptions options{.max_tokens = 2U + data[0],
                                        .overlap_tokens = std::size_t{data[1]} / 2};
  const std::string text =
      oko::text::replace_invalid_utf8({reinterpret_cast<const char*>(data) + 2, size - 2});
  std::size_t counted = 0, covered = 0, before = 0;
  const auto count = [&](std::string_view part) {
    counted += part.size();
    return count_tokens(part);
  };
  for (const auto& range : oko::text::chunks(text, options, count)) {
    require(range.begin < range.end && range.end <= text.size() && range.end > covered);
    require(before == 0 || range.begin > before - 1);
    require(count_tokens(range.of(text)) <= options.max_tokens);
    if (range.begin > covered) {
      require_spaces(std::string_view(text).substr(covered, range.begin - covered));
    }
    before = range.begin + 1;
    covered = range.end;
  }
  require_spaces(std::string_view(text).substr(covered));
  require(counted <= 200 * (text.size() + 100));
  return 0;
}
