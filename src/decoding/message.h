#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/localized_text.h"

namespace oko::decoding {

/// A message that is not as it must be. Whoever sent it is not trusted any more.
struct BadMessage : std::runtime_error {
  BadMessage() : std::runtime_error("bad message") {}
};

/// Writes values one after another, for a reader in a process of the same program.
class MessageWriter {
 public:
  template <typename Number>
  void number(Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  template <typename Enum>
  void kind(Enum value) {
    number(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view text);
  void localized(const LocalizedText& text);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads them. Functions throw BadMessage; texts are valid UTF-8.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number number() {
    static_assert(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>);
    Number value{};
    take(sizeof(value)).copy(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
  }
  bool flag() { return number<std::uint8_t>() != 0; }
  /// A number from `least` to `most`.
  template <typename Number>
  Number within(Number least, Number most) {
    const auto value = number<Number>();
    if (!(value >= least && value <= most)) throw BadMessage();
    return value;
  }
  /// A value up to `last` of an enum that begins with 0.
  template <typename Enum>
  Enum kind(Enum last) {
    return static_cast<Enum>(within<std::uint8_t>(0, static_cast<std::uint8_t>(last)));
  }
  std::string text();
  LocalizedText localized();
  /// A number of elements, of which each has at least one byte in the rest.
  std::size_t count();
  void require_end() const;

 private:
  std::string_view take(std::size_t size);

  std::string_view rest_;
};

}  // namespace oko::decoding
