#include "server/page_texts.h"

#include <xxhash.h>

#include <algorithm>
#include <random>

namespace oko::server {
namespace {

/// About.
std::size_t bytes_of_page(const document::Page& page) {
  std::size_t bytes = sizeof(page);
  for (const document::Line& line : page.lines) {
    bytes += sizeof(line);
    for (const document::Word& word : line.words) bytes += sizeof(word) + word.text.capacity();
  }
  return bytes;
}

}  // namespace

PageTexts::PageTexts() {
  std::random_device random;
  seed_ = std::uint64_t{random()} << 32 | random();
}

PageTexts::FileKey PageTexts::key_of(std::string_view bytes) const {
  const XXH128_hash_t hash = ::XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed_);
  return {hash.high64, hash.low64};
}

std::optional<document::Page> PageTexts::find(const Key& key) {
  const MutexLock lock(mutex_);
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found);
  return found->page;
}

void PageTexts::put(const Key& key, document::Page page) {
  const std::size_t bytes = bytes_of_page(page);
  const MutexLock lock(mutex_);
  const auto known = std::ranges::find(entries_, key, &Entry::key);
  if (known != entries_.end()) return;  // another request has read it meanwhile
  entries_.push_front({key, std::move(page), bytes});
  bytes_ += bytes;
  while (bytes_ > kMostBytes) {
    bytes_ -= entries_.back().bytes;
    entries_.pop_back();
  }
}

}  // namespace oko::server
