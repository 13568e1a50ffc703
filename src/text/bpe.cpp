#include "text/bpe.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace oko::text {
namespace {

constexpr std::uint32_t kNone = TokenizerTable::kNone;

/// A pair of neighbours and its merged token.
struct Pair {
  std::uint32_t rank = kNone;  // kNone: the pair does not merge
  std::uint32_t id = 0;
};

Pair look_up(const TokenizerTable& table, std::uint32_t left, std::uint32_t right) {
  const TokenizerTable::Merge* merge = table.find_merge(left, right);
  return merge == nullptr ? Pair{} : Pair{merge->rank, merge->id};
}

// Below this length scanning for the lowest rank beats a heap.
constexpr std::size_t kMaxScanned = 96;

void append_scanned(const TokenizerTable& table, std::string_view piece,
                    std::vector<std::int32_t>& ids) {
  std::uint32_t tokens[kMaxScanned];
  Pair pairs[kMaxScanned];  // pairs[i] is tokens i and i + 1
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = table.byte_token(static_cast<unsigned char>(piece[i]));
  }
  for (std::size_t i = 0; i + 1 < count; ++i) {
    pairs[i] = look_up(table, tokens[i], tokens[i + 1]);
  }
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == kNone) break;
    tokens[best] = pairs[best].id;
    std::copy(tokens + best + 2, tokens + count, tokens + best + 1);
    std::copy(pairs + std::min(best + 2, count - 1), pairs + count - 1, pairs + best + 1);
    --count;
    if (best + 1 < count) pairs[best] = look_up(table, tokens[best], tokens[best + 1]);
    if (best > 0) pairs[best - 1] = look_up(table, tokens[best - 1], tokens[best]);
  }
  ids.insert(ids.end(), tokens, tokens + count);
}

/// A linked list of tokens and a heap of its pairs. A heap entry is stale if the pair at its place
/// now has another rank; ranks identify pairs, so comparing them is enough.
class LongPiece {
 public:
  LongPiece(const TokenizerTable& table, std::string_view piece)
      : table_(table), nodes_(piece.size()) {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i].token = table.byte_token(static_cast<unsigned char>(piece[i]));
      nodes_[i].previous = i - 1;
      nodes_[i].next = i + 1;
    }
    nodes_.back().next = kNone;
    for (std::uint32_t i = 0; i + 1 < nodes_.size(); ++i) renew(i);
  }

  void merge_all() {
    while (!heap_.empty()) {
      const auto rank = static_cast<std::uint32_t>(heap_.top() >> 32);
      const auto place = static_cast<std::uint32_t>(heap_.top());
      heap_.pop();
      Node& node = nodes_[place];
      if (node.pair.rank != rank) continue;
      node.token = node.pair.id;
      Node& absorbed = nodes_[node.next];
      absorbed.pair = {};
      node.next = absorbed.next;
      if (node.next != kNone) nodes_[node.next].previous = place;
      renew(place);
      if (place != 0) renew(node.previous);
    }
  }

  void append_to(std::vector<std::int32_t>& ids) const {
    for (std::uint32_t i = 0; i != kNone; i = nodes_[i].next) {
      ids.push_back(static_cast<std::int32_t>(nodes_[i].token));
    }
  }

 private:
  struct Node {
    std::uint32_t token, previous, next;
    Pair pair;  // with the next token
  };

  void renew(std::uint32_t place) {
    Node& node = nodes_[place];
    node.pair = node.next == kNone ? Pair{} : look_up(table_, node.token, nodes_[node.next].token);
    if (node.pair.rank != kNone) heap_.push(std::uint64_t{node.pair.rank} << 32 | place);
  }

  const TokenizerTable& table_;
  std::vector<Node> nodes_;
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> heap_;
};

}  // namespace

void append_bpe(const TokenizerTable& table, std::string_view piece,
                std::vector<std::int32_t>& ids) {
  if (piece.size() <= kMaxScanned) {
    append_scanned(table, piece, ids);
    return;
  }
  LongPiece pieces(table, piece);
  pieces.merge_all();
  pieces.append_to(ids);
}

}  // namespace oko::text
