#include "text/unigram_table.h"

#include <algorithm>
#include <type_traits>

#include "base/localized_text.h"
#include "base/text_escape.h"
#include "text/charsmap.h"
#include "text/tokenizer_json.h"

namespace oko::text {
namespace {

/// The extra cost of an unknown piece over the worst known one (HF `tokenizers`, sentencepiece).
constexpr double kUnknownPenalty = 10.0;
constexpr std::size_t kMaxPieceBytes = 1024;  // bounds the time for a character

bool header_fits(const UnigramTable::Header& header, std::size_t block_size) {
  const auto is_id = [&](std::int32_t id) {
    return id >= 0 && static_cast<std::uint32_t>(id) < header.vocabulary_size;
  };
  return header.vocabulary_size > 0 &&
         header.vocabulary_size <= static_cast<std::uint32_t>(kMaxTokens) &&
         header.rules <= static_cast<std::uint32_t>(kMaxTokens) && header.longest_piece > 0 &&
         header.longest_piece <= kMaxPieceBytes && header.reserved == 0 && is_id(header.unk_id) &&
         is_id(header.bos_id) && is_id(header.eos_id) &&
         UnigramTable::Layout(header).size == block_size;
}

/// Collects the sections of a block.
class UnigramBuilder {
 public:
  UnigramBuilder(const UnigramSource& source, const std::string& name)
      : source_(source), name_(name) {}

  std::vector<std::byte> build(const TableSources& files) {
    read_pieces();
    read_rules();
    header_.unk_id = source_.unk_id;
    header_.bos_id = source_.bos_id;
    header_.eos_id = source_.eos_id;
    header_.splits_at_white_space = source_.splits_at_white_space;
    const UnigramTable::Layout layout(header_);
    std::vector<std::byte> block(layout.size);
    const auto put = [&](std::uint64_t offset, const auto& section) {
      std::ranges::copy(std::as_bytes(std::span(section)),
                        block.begin() + static_cast<std::ptrdiff_t>(offset));
    };
    put(0, std::span(&header_, 1));
    put(layout.pieces, piece_units_);
    put(layout.rules, rule_units_);
    put(layout.scores, scores_);
    put(layout.offsets, offsets_);
    put(layout.replacement_offsets, replacement_offsets_);
    put(layout.text, text_);
    put(layout.replacement_text, replacement_text_);
    seal_table(block, UnigramTable::kKind, files);
    return block;
  }

 private:
  /// Tokens that user text never contains: special ones, and the unknown token.
  std::vector<bool> unreachable() const {
    std::vector<bool> ids(source_.tables.vocabulary.size());
    ids[static_cast<std::size_t>(source_.unk_id)] = true;
    for (const AddedToken& token : source_.tables.added) {
      const auto id = static_cast<std::size_t>(token.id);
      if (id >= ids.size() ||
          source_.tables.view(source_.tables.vocabulary[id].token) != token.content) {
        fail(name_, tr("added token '{}' is not in the vocabulary as number {}",
                       "добавленного токена '{}' нет в словаре под номером {}",
                       excerpt(token.content), id));
      }
      if (token.special) ids[id] = true;
    }
    return ids;
  }

  void read_pieces() {
    const TokenizerSource& tables = source_.tables;
    const std::vector<bool> hidden = unreachable();
    std::vector<DoubleArray::Key> keys;
    double lowest = 0;
    for (const TokenizerSource::VocabularyEntry& entry : tables.vocabulary) {
      const std::string_view piece = tables.view(entry.token);
      const auto id = static_cast<std::uint32_t>(entry.id);
      lowest = scores_.empty() ? entry.score : std::min(lowest, entry.score);
      scores_.push_back(entry.score);
      offsets_.push_back(static_cast<std::uint32_t>(text_.size()));
      text_ += piece;
      if (hidden[id] || piece.empty()) continue;
      if (piece.size() > kMaxPieceBytes) {
        fail(name_, tr("token {} has {} bytes, at most {} are possible",
                       "в токене {} — {:байт|байта|байт}, возможно не больше {}", id,
                       Count(piece.size()), kMaxPieceBytes));
      }
      keys.push_back({piece, id});
      header_.longest_piece =
          std::max(header_.longest_piece, static_cast<std::uint32_t>(piece.size()));
    }
    offsets_.push_back(static_cast<std::uint32_t>(text_.size()));
    if (keys.empty()) fail(name_, tr("has no vocabulary", "нет словаря"));
    piece_units_ = units_of(std::move(keys));
    header_.unknown_score = lowest - kUnknownPenalty;
    header_.vocabulary_size = static_cast<std::uint32_t>(scores_.size());
    header_.piece_units = static_cast<std::uint32_t>(piece_units_.size());
    header_.text_size = static_cast<std::uint32_t>(text_.size());
  }

  void read_rules() {
    const std::vector<CharsmapRule> rules = read_charsmap(source_.precompiled_charsmap, name_);
    std::vector<DoubleArray::Key> keys;
    for (const CharsmapRule& rule : rules) {
      keys.push_back({rule.from, static_cast<std::uint32_t>(keys.size())});
      replacement_offsets_.push_back(static_cast<std::uint32_t>(replacement_text_.size()));
      replacement_text_ += rule.to;
      if (replacement_text_.size() > kMaxTokenizerBytes) {
        fail(name_, tr("precompiled_charsmap is damaged", "precompiled_charsmap повреждён"));
      }
    }
    replacement_offsets_.push_back(static_cast<std::uint32_t>(replacement_text_.size()));
    rule_units_ = units_of(std::move(keys));
    header_.rules = static_cast<std::uint32_t>(rules.size());
    header_.rule_units = static_cast<std::uint32_t>(rule_units_.size());
    header_.replacement_text_size = static_cast<std::uint32_t>(replacement_text_.size());
  }

  std::vector<DoubleArray::Unit> units_of(std::vector<DoubleArray::Key> keys) const {
    std::ranges::sort(keys, {}, &DoubleArray::Key::text);
    const auto twice = std::ranges::adjacent_find(keys, {}, &DoubleArray::Key::text);
    if (twice != keys.end()) {
      fail(name_, tr("token {} is there twice", "токен {} дан дважды", twice->value));
    }
    std::vector<DoubleArray::Unit> units = DoubleArray::build(keys);
    if (units.empty()) fail(name_, tr("the vocabulary is too large", "словарь слишком велик"));
    return units;
  }

  const UnigramSource& source_;
  const std::string& name_;
  UnigramTable::Header header_{};
  std::vector<DoubleArray::Unit> piece_units_, rule_units_;
  std::vector<double> scores_;
  std::vector<std::uint32_t> offsets_, replacement_offsets_;
  std::string text_, replacement_text_;
};

}  // namespace

UnigramTable::Layout::Layout(const Header& header)
    : pieces(sizeof(Header)),
      rules(pieces + std::uint64_t{header.piece_units} * sizeof(DoubleArray::Unit)),
      scores(rules + std::uint64_t{header.rule_units} * sizeof(DoubleArray::Unit)),
      offsets(scores + std::uint64_t{header.vocabulary_size} * sizeof(double)),
      replacement_offsets(offsets + (std::uint64_t{header.vocabulary_size} + 1) * 4),
      text(replacement_offsets + (std::uint64_t{header.rules} + 1) * 4),
      replacement_text(text + header.text_size),
      size(replacement_text + header.replacement_text_size) {}

UnigramTable::UnigramTable(TableBlock block) : block_(std::move(block)) {
  attach(block_->bytes());
}

void UnigramTable::attach(std::span<const std::byte> block) {
  header_ = reinterpret_cast<const Header*>(block.data());
  const Layout layout(*header_);
  const auto at = [&](auto*& section, std::uint64_t offset) {
    section = reinterpret_cast<std::remove_reference_t<decltype(section)>>(block.data() + offset);
  };
  const DoubleArray::Unit *piece_units = nullptr, *rule_units = nullptr;
  at(piece_units, layout.pieces);
  at(rule_units, layout.rules);
  pieces_ = DoubleArray(piece_units);
  rules_ = DoubleArray(rule_units);
  at(scores_, layout.scores);
  at(offsets_, layout.offsets);
  at(replacement_offsets_, layout.replacement_offsets);
  at(text_, layout.text);
  at(replacement_text_, layout.replacement_text);
}

bool UnigramTable::is_sound(std::span<const std::byte> block) {
  return block.size() >= sizeof(Header) &&
         header_fits(*reinterpret_cast<const Header*>(block.data()), block.size()) &&
         UnigramTable(block).contents_are_in_range(block);
}

bool UnigramTable::contents_are_in_range(std::span<const std::byte> block) const {
  const Layout layout(*header_);
  const auto units_are_sound = [&](std::uint64_t offset, std::uint32_t count,
                                   std::uint32_t values) {
    const std::span units(reinterpret_cast<const DoubleArray::Unit*>(block.data() + offset), count);
    return DoubleArray::is_sound(units, values);
  };
  return units_are_sound(layout.pieces, header_->piece_units, header_->vocabulary_size) &&
         units_are_sound(layout.rules, header_->rule_units, header_->rules) &&
         std::is_sorted(offsets_, offsets_ + header_->vocabulary_size + 1) &&
         offsets_[header_->vocabulary_size] <= header_->text_size &&
         std::is_sorted(replacement_offsets_, replacement_offsets_ + header_->rules + 1) &&
         replacement_offsets_[header_->rules] <= header_->replacement_text_size;
}

std::vector<std::byte> build_unigram_table(const UnigramSource& source, const TableSources& files,
                                           const std::string& name) {
  return UnigramBuilder(source, name).build(files);
}

}  // namespace oko::text
