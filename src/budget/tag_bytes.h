#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace oko::budget {

/// The purpose of memory.
enum class Tag {
  kWeights,
  kImage,
  kVision,
  kPrefill,
  kKv,
  kEmbed,
  kOcr,
  kRuntime,      ///< the process itself and OCR engines
  kImageCache,   ///< features of pictures, kept for later questions
  kPrefixCache,  ///< states of sequences, kept for later requests
  kGrammars,     ///< compiled formats of answers, in use or kept for later requests
};
inline constexpr std::size_t kTagCount = 11;

/// "weights", "image", "vision", "prefill", "kv", "embed", "ocr", "runtime", "image_cache",
/// "prefix_cache", "grammars".
std::string_view name_of(Tag tag);

/// Bytes of each tag.
class TagBytes {
 public:
  std::uint64_t& operator[](Tag tag) { return bytes_[static_cast<std::size_t>(tag)]; }
  std::uint64_t operator[](Tag tag) const { return bytes_[static_cast<std::size_t>(tag)]; }
  std::uint64_t total() const;
  bool contains(const TagBytes& part) const;  ///< no tag of `part` is larger
  TagBytes& operator+=(const TagBytes& other);
  TagBytes& operator-=(const TagBytes& other);  ///< `other` must be contained
  /// Raises each tag to the larger of the two values.
  void max_with(const TagBytes& other);
  /// Subtracts from each tag, down to 0.
  void subtract_saturating(const TagBytes& other);
  bool operator==(const TagBytes&) const = default;

 private:
  std::array<std::uint64_t, kTagCount> bytes_{};
};

}  // namespace oko::budget
