#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oko::text {

/// splitmix64, as in tools/text/corpus.py.
class CorpusRandom {
 public:
  explicit CorpusRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t limit);

 private:
  std::uint64_t state_;
};

/// Makes the same test text as tools/text/corpus.py, byte for byte: change both together.
class Corpus {
 public:
  /// Reads tests/text/data/fragments.json.
  Corpus();

  /// A chunk of at least 1024 bytes, which may be broken UTF-8.
  std::string chunk(std::uint64_t seed) const;

  /// Russian and English sentences and code, without traps: for speed.
  const std::vector<std::string>& prose() const { return prose_; }

 private:
  std::vector<std::string> prose_, pieces_;
};

/// FNV-1a, 64 bits, one step an item.
template <typename Items>
std::uint64_t fnv1a(const Items& items) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const auto item : items) value = (value ^ static_cast<std::uint32_t>(item)) * 0x100000001B3u;
  return value;
}

}  // namespace oko::text
