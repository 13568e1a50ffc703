#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/double_array.h"
#include "text/table_file.h"
#include "text/unigram_source.h"

namespace oko::text {

/// A Unigram tokenizer ready for use: one block of bytes, which is also the cache file. Loading is
/// mapping.
class UnigramTable {
 public:
  /// Sections follow in this order, each without a gap: units of pieces, units of rules, scores,
  /// offsets of tokens (one more than tokens), offsets of replacements (one more, too), texts of
  /// tokens, texts of replacements.
  struct Header {
    TableHeader common;
    double unknown_score;
    std::uint32_t vocabulary_size, piece_units;
    std::uint32_t rules, rule_units;
    std::uint32_t text_size, replacement_text_size;
    std::int32_t unk_id, bos_id, eos_id;
    std::uint32_t longest_piece;  ///< bytes
    std::uint32_t splits_at_white_space, reserved;
  };
  struct Layout {
    explicit Layout(const Header& header);
    std::uint64_t pieces, rules, scores, offsets, replacement_offsets, text, replacement_text, size;
  };

  static bool is_sound(std::span<const std::byte> block);
  static constexpr TableKind kKind{0x314D'474E'554F'4B4F, 1, &is_sound, "pieces"};  // "OKOUNGM1"

  explicit UnigramTable(TableBlock block);

  /// Pieces that may be found in text, with their ids: all tokens but the special ones.
  const DoubleArray& pieces() const { return pieces_; }
  /// The rules that normalize text, with the numbers of the replacements.
  const DoubleArray& rules() const { return rules_; }
  std::string_view replacement(std::uint32_t rule) const {
    return {replacement_text_ + replacement_offsets_[rule],
            replacement_offsets_[rule + 1] - replacement_offsets_[rule]};
  }
  double score(std::uint32_t id) const { return scores_[id]; }
  std::string_view token(std::uint32_t id) const {
    return {text_ + offsets_[id], offsets_[id + 1] - offsets_[id]};
  }
  const Header& header() const { return *header_; }

 private:
  explicit UnigramTable(std::span<const std::byte> block) { attach(block); }
  void attach(std::span<const std::byte> block);
  bool contents_are_in_range(std::span<const std::byte> block) const;

  std::optional<TableBlock> block_;
  const Header* header_ = nullptr;
  DoubleArray pieces_, rules_;
  const double* scores_ = nullptr;
  const std::uint32_t *offsets_ = nullptr, *replacement_offsets_ = nullptr;
  const char *text_ = nullptr, *replacement_text_ = nullptr;
};

/// The block of a UnigramTable. Throws kBadModel, naming `name`.
std::vector<std::byte> build_unigram_table(const UnigramSource& source, const TableSources& files,
                                           const std::string& name);

}  // namespace oko::text
