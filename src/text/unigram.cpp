#include "text/unigram.h"

#include <algorithm>
#include <ranges>
#include <set>

#include "text/utf8.h"

namespace oko::text {

void UnigramSplitter::end_word() {
  commit(/*finished=*/true);
  word_.clear();
  continued_ = last_unknown_ = false;
  next_commit_ = kWindow;
}

void UnigramSplitter::commit(bool finished) {
  // Pieces that begin further on may continue beyond the known part of the word.
  const std::size_t starts = finished ? word_.size() : word_.size() - table_.header().longest_piece;
  search(starts);
  if (finished) return emit(word_.size());
  std::size_t end = settled(starts);
  if (end == 0 && word_.size() < kMaxWindow) {
    next_commit_ = 2 * word_.size();
    return;
  }
  if (end == 0) {
    end = starts;
    while (nodes_[end].length == 0) --end;
  }
  emit(end);
  word_.erase(0, end);
  continued_ = true;
  next_commit_ = word_.size() + kWindow;
}

void UnigramSplitter::search(std::size_t starts) {
  nodes_.assign(word_.size() + 1, Node{0, 0, 0});
  for (std::size_t at = 0; at < starts;) {
    visit(at);
    at += next_valid_utf8(word_.data() + at).length;
  }
}

/// Extends the ways to `at` by every piece that begins there.
void UnigramSplitter::visit(std::size_t at) {
  const double before = nodes_[at].score;
  const auto offer = [&](std::size_t length, std::uint32_t id, double score) {
    Node& node = nodes_[at + length];
    if (node.length != 0 && score <= node.score) return;
    node = {score, id, static_cast<std::uint32_t>(length)};
  };
  const std::size_t character = next_valid_utf8(word_.data() + at).length;
  bool has_character = false;
  DoubleArray::Cursor cursor = table_.pieces().root();
  for (std::size_t end = at; end < word_.size();) {
    if (!cursor.step(static_cast<unsigned char>(word_[end]))) break;
    ++end;
    const std::uint32_t id = cursor.value();
    if (id == DoubleArray::kNone) continue;
    has_character |= end - at == character;
    offer(end - at, id, before + table_.score(id));
  }
  if (has_character) return;
  offer(character, static_cast<std::uint32_t>(table_.header().unk_id),
        before + table_.header().unknown_score);
}

/// The last place that every best way through the word passes, for any following text: the common
/// place of the ways to all places from `starts` on.
std::size_t UnigramSplitter::settled(std::size_t starts) const {
  std::set<std::size_t> ends;
  for (std::size_t end = starts; end < nodes_.size(); ++end) {
    if (nodes_[end].length != 0) ends.insert(end);
  }
  while (ends.size() > 1 || *ends.begin() >= starts) {
    const std::size_t last = *ends.rbegin();
    ends.erase(last);
    ends.insert(last - nodes_[last].length);
  }
  return *ends.begin();
}

void UnigramSplitter::emit(std::size_t end) {
  path_.clear();
  for (std::size_t at = end; at > 0; at -= nodes_[at].length) path_.push_back(nodes_[at].id);
  const auto unknown = static_cast<std::uint32_t>(table_.header().unk_id);
  for (const std::uint32_t id : path_ | std::views::reverse) {
    // Unknown text of any length is one token.
    if (id != unknown || !last_unknown_) sink_.add(id);
    last_unknown_ = id == unknown;
  }
}

}  // namespace oko::text
