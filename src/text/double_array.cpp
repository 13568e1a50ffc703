#include "text/double_array.h"

#include <algorithm>

namespace oko::text {

/// Places the children of one node after another, each node where all its children fit between
/// earlier ones.
class DoubleArrayBuilder {
 public:
  explicit DoubleArrayBuilder(std::span<const DoubleArray::Key> keys) : keys_(keys) {}

  std::vector<DoubleArray::Unit> build() {
    add_block();
    std::vector<Node> waiting{{0, keys_.size(), 0, 0}};
    while (!waiting.empty()) {
      const Node node = waiting.back();
      waiting.pop_back();
      if (!place_children(node, waiting)) return {};
    }
    // Without children, no byte may lead to another unit.
    add_block();
    if (units_.size() > DoubleArray::kMaxUnits) return {};
    const std::uint32_t nowhere = static_cast<std::uint32_t>(units_.size() - DoubleArray::kBlock);
    for (const std::uint32_t leaf : leaves_) set_base(leaf, nowhere);
    return std::move(units_);
  }

 private:
  // Blocks that are searched for room; others count as full.
  static constexpr std::size_t kOpenBlocks = 16;

  /// Places the children of `unit`; the keys [first, last) share the bytes that lead to it.
  struct Node {
    std::size_t first, last, depth;
    std::uint32_t unit;
  };

  bool place_children(Node node, std::vector<Node>& waiting) {
    if (keys_[node.first].text.size() == node.depth) {
      units_[node.unit] |= (DoubleArray::Unit{keys_[node.first].value} + 1) << 32;
      ++node.first;
    }
    if (node.first == node.last) {
      leaves_.push_back(node.unit);
      return true;
    }
    children_.clear();
    for (std::size_t i = node.first; i < node.last; ++i) {
      const auto byte = static_cast<unsigned char>(keys_[i].text[node.depth]);
      if (children_.empty() || children_.back().byte != byte) children_.push_back({byte, i});
    }
    const std::uint32_t base = find_base();
    if (units_.size() > DoubleArray::kMaxUnits) return false;
    base_taken_[base] = true;
    set_base(node.unit, base);
    for (std::size_t c = 0; c < children_.size(); ++c) {
      const std::uint32_t unit = base ^ children_[c].byte;
      take(unit);
      units_[unit] = children_[c].byte + 1u;
      const std::size_t last = c + 1 < children_.size() ? children_[c + 1].first : node.last;
      waiting.push_back({children_[c].first, last, node.depth + 1, unit});
    }
    return true;
  }

  /// A base at which the children fit. Every base serves one node, so that a label identifies the
  /// parent of a unit.
  std::uint32_t find_base() {
    for (std::uint32_t unit = next_[0]; unit != 0; unit = next_[unit]) {
      const std::uint32_t base = unit ^ children_[0].byte;
      const bool fits = !base_taken_[base] &&
                        std::all_of(children_.begin(), children_.end(),
                                    [&](const Child& child) { return is_free(base ^ child.byte); });
      if (fits) return base;
    }
    add_block();
    return static_cast<std::uint32_t>(units_.size() - DoubleArray::kBlock);
  }

  bool is_free(std::uint32_t unit) const { return unit != 0 && next_[unit] != kTaken; }

  void add_block() {
    const auto first = static_cast<std::uint32_t>(units_.size());
    const std::size_t size = units_.size() + DoubleArray::kBlock;
    units_.resize(size);
    base_taken_.resize(size);
    next_.resize(size, 0);
    previous_.resize(size, 0);
    for (std::uint32_t unit = std::max(first, 1u); unit < size; ++unit) link_last(unit);
    if (size <= kOpenBlocks * DoubleArray::kBlock) return;
    const std::size_t closed = size - (kOpenBlocks + 1) * DoubleArray::kBlock;
    for (std::size_t i = 0; i < DoubleArray::kBlock; ++i) {
      const auto unit = static_cast<std::uint32_t>(closed + i);
      if (is_free(unit)) take(unit);
    }
  }

  // Free units form a ring through unit 0, which is the root and never free.
  void link_last(std::uint32_t unit) {
    next_[unit] = 0;
    previous_[unit] = previous_[0];
    next_[previous_[0]] = unit;
    previous_[0] = unit;
  }
  void take(std::uint32_t unit) {
    next_[previous_[unit]] = next_[unit];
    previous_[next_[unit]] = previous_[unit];
    next_[unit] = kTaken;
  }

  void set_base(std::uint32_t unit, std::uint32_t base) {
    units_[unit] |= DoubleArray::Unit{base} << DoubleArray::kLabelBits;
  }

  struct Child {
    unsigned char byte;
    std::size_t first;  // key
  };
  static constexpr std::uint32_t kTaken = DoubleArray::kNone;

  std::span<const DoubleArray::Key> keys_;
  std::vector<DoubleArray::Unit> units_;
  std::vector<bool> base_taken_;
  std::vector<std::uint32_t> next_, previous_;
  std::vector<std::uint32_t> leaves_;
  std::vector<Child> children_;  // of the current node
};

std::vector<DoubleArray::Unit> DoubleArray::build(std::span<const Key> keys) {
  if (keys.empty()) {
    std::vector<Unit> nothing(2 * kBlock);
    nothing[0] = Unit{kBlock} << kLabelBits;
    return nothing;
  }
  return DoubleArrayBuilder(keys).build();
}

bool DoubleArray::is_sound(std::span<const Unit> units, std::uint32_t values) {
  return !units.empty() && units.size() % kBlock == 0 && units.size() <= kMaxUnits &&
         std::all_of(units.begin(), units.end(), [&](Unit unit) {
           return ((unit >> kLabelBits) & (kMaxUnits - 1)) < units.size() && unit >> 32 <= values;
         });
}

}  // namespace oko::text
