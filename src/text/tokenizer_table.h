#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "text/table_file.h"

namespace oko::text {

/// A tokenizer ready for use: one block of bytes, which is also the cache file. It holds hash
/// tables of merges and of whole pieces, so that loading is mapping. `build_table` makes the block.
class TokenizerTable {
 public:
  struct Merge {
    std::uint32_t left, right;  ///< tokens; `kNone` in `left`: an unused slot
    std::uint32_t rank;         ///< the lowest is merged first
    std::uint32_t id;           ///< the merged token
  };
  struct Added {
    std::uint32_t id;
    std::uint32_t offset, length;  ///< of the content, in the block's text
    std::uint32_t flags;
  };
  /// Sections follow in this order, each without a gap: merges, offsets (one more than tokens),
  /// byte tokens (256), pieces, added, token flags, text.
  struct Header {
    TableHeader common;
    std::uint32_t vocabulary_size, text_size;
    std::uint32_t merge_slots, piece_slots;  ///< powers of two
    std::uint32_t added_size, early_added_size;
  };
  struct Layout {
    explicit Layout(const Header& header);
    std::uint64_t merges, offsets, byte_tokens, pieces, added, token_flags, text, size;
  };

  static bool is_sound(std::span<const std::byte> block);
  static constexpr TableKind kKind{0x3142'4154'4B4F'4B4F, 2, &is_sound, "tokens"};  // "OKOKTAB1"
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::uint32_t kMaxSlots = 1u << 22;
  /// The most slots that a lookup checks; a table that would need more is not built.
  static constexpr std::uint32_t kMaxProbes = 256;
  static constexpr std::size_t kMaxPieceBytes = 64;  ///< longer tokens are not among the pieces
  static constexpr std::uint32_t kSpecial = 1, kSingleWord = 2, kStripLeft = 4, kStripRight = 8;

  /// A table over `block`, which `build_table` made and which must outlive it.
  explicit TokenizerTable(std::span<const std::byte> block) { attach(block); }
  explicit TokenizerTable(TableBlock block) : block_(std::move(block)) { attach(block_->bytes()); }

  std::uint32_t vocabulary_size() const { return header_->vocabulary_size; }
  std::string_view token(std::uint32_t id) const {
    return {text_ + offsets_[id], offsets_[id + 1] - offsets_[id]};
  }
  bool is_special(std::uint32_t id) const { return (token_flags_[id] & kSpecial) != 0; }
  std::uint32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }

  /// The merge of two neighbours, or null.
  const Merge* find_merge(std::uint32_t left, std::uint32_t right) const {
    std::uint64_t slot = merge_hash(left, right);
    for (std::uint32_t probe = 0; probe < kMaxProbes; ++probe, ++slot) {
      const Merge& merge = merges_[slot & merge_mask_];
      if (merge.left == left && merge.right == right) return &merge;
      if (merge.left == kNone) return nullptr;
    }
    return nullptr;
  }

  /// The one token that BPE makes of `piece`, or `kNone` if it makes several or an
  /// unknown one.
  std::uint32_t find_piece(std::string_view piece) const;

  /// Added tokens looked for before NFC or after it, sorted by content.
  std::span<const Added> added(bool after_nfc) const;
  std::string_view content(const Added& added) const {
    return {text_ + added.offset, added.length};
  }

  static std::uint64_t merge_hash(std::uint32_t left, std::uint32_t right) {
    std::uint64_t key = static_cast<std::uint64_t>(left) << 32 | right;
    key *= 0x9E3779B97F4A7C15u;
    key ^= key >> 32;
    key *= 0xD6E8FEB86659FD93u;
    return key >> 32;
  }
  static std::uint64_t piece_hash(std::string_view piece);

 private:
  void attach(std::span<const std::byte> block);
  bool contents_are_in_range() const;

  std::optional<TableBlock> block_;  ///< if the table owns it
  const Header* header_ = nullptr;
  std::uint64_t merge_mask_ = 0;
  const Merge* merges_ = nullptr;
  const std::uint32_t* offsets_ = nullptr;
  const std::uint32_t* byte_tokens_ = nullptr;
  const std::uint32_t* pieces_ = nullptr;
  const Added* added_ = nullptr;
  const std::uint8_t* token_flags_ = nullptr;
  const char* text_ = nullptr;
};

}  // namespace oko::text
