#include "budget/tag_bytes.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>

namespace oko::budget {

std::string_view name_of(Tag tag) {
  constexpr std::array<std::string_view, kTagCount> kNames = {
      "weights", "image",   "vision",      "prefill",      "kv",      "embed",
      "ocr",     "runtime", "image_cache", "prefix_cache", "grammars"};
  return kNames[static_cast<std::size_t>(tag)];
}

std::uint64_t TagBytes::total() const {
  return std::accumulate(bytes_.begin(), bytes_.end(), std::uint64_t{0});
}

TagBytes& TagBytes::operator+=(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] += other.bytes_[i];
  return *this;
}

bool TagBytes::contains(const TagBytes& part) const {
  return std::equal(bytes_.begin(), bytes_.end(), part.bytes_.begin(), std::greater_equal<>());
}

TagBytes& TagBytes::operator-=(const TagBytes& other) {
  assert(contains(other));
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] -= other.bytes_[i];
  return *this;
}

void TagBytes::max_with(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] = std::max(bytes_[i], other.bytes_[i]);
}

void TagBytes::subtract_saturating(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] -= std::min(bytes_[i], other.bytes_[i]);
}

}  // namespace oko::budget
