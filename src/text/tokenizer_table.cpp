#include "text/tokenizer_table.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <type_traits>

#include "text/tokenizer_source.h"

namespace oko::text {
namespace {

/// True if the sizes of `header` are possible and `block` is as long as they say.
bool header_fits(const TokenizerTable::Header& header, std::size_t block_size) {
  const auto is_slot_count = [](std::uint32_t slots) {
    return std::has_single_bit(slots) && slots <= TokenizerTable::kMaxSlots;
  };
  return header.vocabulary_size > 0 &&
         header.vocabulary_size <= static_cast<std::uint32_t>(kMaxTokens) &&
         is_slot_count(header.merge_slots) && is_slot_count(header.piece_slots) &&
         header.added_size <= static_cast<std::uint32_t>(kMaxTokens) &&
         header.early_added_size <= header.added_size &&
         TokenizerTable::Layout(header).size == block_size;
}

}  // namespace

TokenizerTable::Layout::Layout(const Header& header)
    : merges(sizeof(Header)),
      offsets(merges + std::uint64_t{header.merge_slots} * sizeof(Merge)),
      byte_tokens(offsets + (std::uint64_t{header.vocabulary_size} + 1) * 4),
      pieces(byte_tokens + 256 * 4),
      added(pieces + std::uint64_t{header.piece_slots} * 4),
      token_flags(added + std::uint64_t{header.added_size} * sizeof(Added)),
      text(token_flags + header.vocabulary_size),
      size(text + header.text_size) {}

void TokenizerTable::attach(std::span<const std::byte> block) {
  header_ = reinterpret_cast<const Header*>(block.data());
  const Layout layout(*header_);
  const auto at = [&](auto*& section, std::uint64_t offset) {
    section = reinterpret_cast<std::remove_reference_t<decltype(section)>>(block.data() + offset);
  };
  at(merges_, layout.merges);
  at(offsets_, layout.offsets);
  at(byte_tokens_, layout.byte_tokens);
  at(pieces_, layout.pieces);
  at(added_, layout.added);
  at(token_flags_, layout.token_flags);
  at(text_, layout.text);
  merge_mask_ = header_->merge_slots - 1;
}

bool TokenizerTable::is_sound(std::span<const std::byte> block) {
  return block.size() >= sizeof(Header) &&
         header_fits(*reinterpret_cast<const Header*>(block.data()), block.size()) &&
         TokenizerTable(block).contents_are_in_range();
}

bool TokenizerTable::contents_are_in_range() const {
  const std::uint32_t size = vocabulary_size();
  const auto is_token = [&](std::uint32_t id) { return id < size; };
  const auto is_content = [&](const Added& added) {
    return is_token(added.id) && added.length > 0 && added.offset <= header_->text_size &&
           added.length <= header_->text_size - added.offset;
  };
  return std::is_sorted(offsets_, offsets_ + size + 1) && offsets_[size] <= header_->text_size &&
         std::all_of(
             merges_, merges_ + header_->merge_slots,
             [&](const Merge& merge) { return merge.left == kNone || is_token(merge.id); }) &&
         std::all_of(byte_tokens_, byte_tokens_ + 256, is_token) &&
         std::all_of(pieces_, pieces_ + header_->piece_slots,
                     [&](std::uint32_t id) { return id == kNone || is_token(id); }) &&
         std::all_of(added_, added_ + header_->added_size, is_content);
}

std::uint64_t TokenizerTable::piece_hash(std::string_view piece) {
  return XXH3_64bits(piece.data(), piece.size());
}

std::uint32_t TokenizerTable::find_piece(std::string_view piece) const {
  if (piece.size() > kMaxPieceBytes) return kNone;
  const std::uint64_t mask = header_->piece_slots - 1;
  std::uint64_t slot = piece_hash(piece);
  for (std::uint32_t probe = 0; probe < kMaxProbes; ++probe, ++slot) {
    const std::uint32_t id = pieces_[slot & mask];
    if (id == kNone || token(id) == piece) return id;
  }
  return kNone;
}

std::span<const TokenizerTable::Added> TokenizerTable::added(bool after_nfc) const {
  const std::span<const Added> all(added_, header_->added_size);
  return after_nfc ? all.subspan(header_->early_added_size) : all.first(header_->early_added_size);
}

}  // namespace oko::text
