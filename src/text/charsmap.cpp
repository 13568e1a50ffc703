#include "text/charsmap.h"

#include <algorithm>
#include <cstdint>

#include "base/localized_text.h"
#include "text/tokenizer_json.h"

namespace oko::text {
namespace {

constexpr std::size_t kMaxVisits = 1'000'000;

/// Walks through every key of the array. Format: github.com/s-yata/darts-clone.
class CharsmapReader {
 public:
  CharsmapReader(std::string_view bytes, const std::string& name) : name_(name) {
    if (bytes.size() < 4) damaged();
    const std::uint32_t size = word(bytes, 0);
    if (size % 4 != 0 || size == 0 || size > bytes.size() - 4) damaged();
    trie_ = bytes.substr(4, size);
    texts_ = bytes.substr(4 + size);
    units_ = size / 4;
  }

  std::vector<CharsmapRule> read() {
    std::vector<Place> waiting{{offset(unit(0)), ""}};
    while (!waiting.empty()) {
      const Place place = std::move(waiting.back());
      waiting.pop_back();
      for (std::uint32_t byte = 1; byte < 256; ++byte) visit(place, byte, waiting);
    }
    std::sort(rules_.begin(), rules_.end(),
              [](const CharsmapRule& a, const CharsmapRule& b) { return a.from < b.from; });
    return std::move(rules_);
  }

 private:
  struct Place {
    std::uint32_t children;
    std::string key;
  };

  void visit(const Place& place, std::uint32_t byte, std::vector<Place>& waiting) {
    const std::uint32_t index = place.children ^ byte;
    if (index >= units_ || (unit(index) & 0x800000FF) != byte) return;
    // Keys share their ends, so a unit may come again; a damaged array may have loops.
    if (++visits_ > kMaxVisits) damaged();
    const std::uint32_t children = index ^ offset(unit(index));
    const std::string key = place.key + static_cast<char>(byte);
    if (unit(index) >> 8 & 1) {
      if (children >= units_) damaged();
      add_rule(key, unit(children) & 0x7FFFFFFF);
    } else if (key.size() < kMaxClusterBytes) {
      waiting.push_back({children, key});
    }
  }

  void add_rule(const std::string& key, std::uint32_t at) {
    const std::size_t end = texts_.find('\0', at);
    if (end == std::string_view::npos) damaged();
    rules_.push_back({key, std::string(texts_.substr(at, end - at))});
  }

  static std::uint32_t word(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
  }
  std::uint32_t unit(std::uint32_t index) const { return word(trie_, std::size_t{index} * 4); }
  static std::uint32_t offset(std::uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }

  [[noreturn]] void damaged() const {
    fail(name_, tr("precompiled_charsmap is damaged", "precompiled_charsmap повреждён"));
  }

  const std::string& name_;
  std::string_view trie_, texts_;
  std::size_t units_ = 0, visits_ = 0;
  std::vector<CharsmapRule> rules_;
};

}  // namespace

std::vector<CharsmapRule> read_charsmap(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) return {};
  return CharsmapReader(bytes, name).read();
}

}  // namespace oko::text
