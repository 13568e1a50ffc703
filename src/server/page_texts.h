#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "document/page.h"

namespace oko::server {

/// The texts of pictures that requests sent last, as clients send the pictures of a conversation
/// with each question. Any thread may call.
class PageTexts {
 public:
  static constexpr std::size_t kMostBytes = 8 * 1024 * 1024;

  PageTexts();

  /// XXH3 of a file, with a seed that clients do not know.
  using FileKey = std::pair<std::uint64_t, std::uint64_t>;
  using Key = std::pair<FileKey, std::size_t>;  ///< of a page
  FileKey key_of(std::string_view bytes) const;

  /// Nothing: it is not known.
  std::optional<document::Page> find(const Key& key);
  /// Keeps it, and forgets those that were used longest ago.
  void put(const Key& key, document::Page page);

 private:
  struct Entry {
    Key key;
    document::Page page;
    std::size_t bytes = 0;
  };

  std::uint64_t seed_;
  Mutex mutex_;
  std::list<Entry> entries_ OKO_GUARDED_BY(mutex_);  ///< used last, first
  std::size_t bytes_ OKO_GUARDED_BY(mutex_) = 0;
};

}  // namespace oko::server
