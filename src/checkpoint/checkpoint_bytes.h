#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/localized_text.h"

namespace oko::checkpoint {

/// Throws kBadModel "NAME: WHAT". The default hint says that the file is damaged.
[[noreturn]] void fail_checkpoint(std::string_view name, const LocalizedText& what,
                                  const LocalizedText& hint = {});

/// Reads untrusted bytes from front to back. A read past their end throws kBadModel.
class ByteCursor {
 public:
  /// `what` names the bytes in messages ("the pickle"); both texts must outlive the cursor.
  ByteCursor(std::span<const std::byte> bytes, std::string_view name, std::string_view what)
      : bytes_(bytes), name_(name), what_(what) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }

  std::span<const std::byte> take(std::uint64_t size);
  std::string_view text(std::uint64_t size);
  /// Takes a line of at most `max_size` bytes; returns it without its line feed.
  std::string_view line(std::uint64_t max_size);
  /// A little-endian number of 1 to 8 bytes.
  std::uint64_t number(int size);

 private:
  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::string_view what_;
  std::uint64_t position_ = 0;
};

}  // namespace oko::checkpoint
