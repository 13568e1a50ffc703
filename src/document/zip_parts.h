#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "document/block_writer.h"

struct zip;

namespace oko::document {

/// The parts of a ZIP file in memory, by libzip.
class ZipParts {
 public:
  /// `bytes` must live as long. Throws kBadInput, kTooLarge.
  ZipParts(std::string_view bytes, BlockWriter& writer);
  ~ZipParts();
  ZipParts(const ZipParts&) = delete;
  ZipParts& operator=(const ZipParts&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const;

  /// Gives the content of a part to `sink`, piece by piece, until it returns false; false if there
  /// is no such part. Counts what is unpacked. Throws kBadInput, kUnsupported (encrypted),
  /// kTooLarge.
  bool read(std::string_view name, const std::function<bool(std::string_view)>& sink);

 private:
  [[noreturn]] void throw_damaged(std::string_view part) const;

  struct Close {
    void operator()(zip* archive) const;
  };
  BlockWriter& writer_;
  std::unique_ptr<zip, Close> archive_;
  std::vector<std::string> names_;
};

}  // namespace oko::document
