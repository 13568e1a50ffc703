#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace oko::text {

/// A trie of byte strings as a double array (Aoe 1989, "An efficient digital search algorithm by
/// using a double-array structure"): one step down reads one unit. The units are plain numbers and
/// can be stored in a cache file unchanged.
class DoubleArray {
 public:
  using Unit = std::uint64_t;

  struct Key {
    std::string_view text;  ///< not empty
    std::uint32_t value = 0;
  };

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::size_t kBlock = 256;         ///< units; their number is a multiple of it
  static constexpr std::size_t kMaxUnits = 1 << 23;  ///< a unit can point at these

  /// Units for `keys`, which are sorted by text, different, and have values below kNone. Empty if
  /// they would need more than kMaxUnits.
  static std::vector<Unit> build(std::span<const Key> keys);

  /// True if no path through `units` leaves them and all values are below `values`.
  static bool is_sound(std::span<const Unit> units, std::uint32_t values);

  DoubleArray() = default;
  /// The units must be sound and outlive it.
  explicit DoubleArray(const Unit* units) : units_(units) {}

  /// A place in the trie.
  class Cursor {
   public:
    /// Moves one byte down. Returns false, and is invalid, if no key continues with it.
    bool step(unsigned char byte) {
      unit_ = units_[((unit_ >> kLabelBits) & (kMaxUnits - 1)) ^ byte];
      return (unit_ & kLabelMask) == byte + 1u;
    }
    /// The value of the key that ends here, or kNone.
    std::uint32_t value() const { return static_cast<std::uint32_t>(unit_ >> 32) - 1; }

   private:
    friend class DoubleArray;
    explicit Cursor(const Unit* units) : units_(units), unit_(units[0]) {}
    const Unit* units_;
    Unit unit_;
  };
  Cursor root() const { return Cursor(units_); }

  /// The value of the shortest key at the start of `text`, or kNone.
  std::uint32_t shortest_prefix(std::string_view text) const {
    Cursor cursor = root();
    for (const char c : text) {
      if (!cursor.step(static_cast<unsigned char>(c))) return kNone;
      if (cursor.value() != kNone) return cursor.value();
    }
    return kNone;
  }

 private:
  // A unit: the byte that leads to it plus one (9 bits, 0: unused), the base of its children
  // (23 bits), its value plus one (32 bits). A child lies at base ^ byte.
  static constexpr int kLabelBits = 9;
  static constexpr Unit kLabelMask = (1 << kLabelBits) - 1;
  friend class DoubleArrayBuilder;

  const Unit* units_ = nullptr;
};

}  // namespace oko::text
