#include "text/table_builder.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <random>
#include <span>
#include <unordered_map>

#include "base/localized_text.h"
#include "base/text_escape.h"
#include "text/bpe.h"
#include "text/normalize.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

/// The letters for bytes in byte-level BPE (Radford et al. 2019, GPT-2's encoder): printable
/// Latin-1 as it is, the other 68 bytes from U+0100 on.
class ByteLetters {
 public:
  ByteLetters() {
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
      letters_[byte] = prints ? static_cast<char32_t>(byte) : next++;
      bytes_[letters_[byte]] = static_cast<unsigned char>(byte);
      known_[letters_[byte]] = true;
    }
  }

  std::string letter(unsigned char byte) const {
    std::string text;
    append_utf8(text, letters_[byte]);
    return text;
  }

  /// The bytes of a token, or, as HF decodes, its own text if one of its characters is no such
  /// letter.
  std::string decode(std::string_view token) const {
    std::string bytes;
    for (std::size_t at = 0; at < token.size();) {
      const Utf8Step step = next_utf8(token, at);
      if (step.code_point >= kLetters || !known_[step.code_point]) return std::string(token);
      bytes.push_back(static_cast<char>(bytes_[step.code_point]));
      at += step.length;
    }
    return bytes;
  }

 private:
  static constexpr char32_t kLetters = 0x144;
  char32_t letters_[256];
  unsigned char bytes_[kLetters] = {};
  bool known_[kLetters] = {};
};

/// Keyed with a random seed, so that a made-up vocabulary cannot make its tokens collide.
struct SeededHash {
  std::uint64_t seed;
  std::size_t operator()(std::string_view text) const {
    return XXH3_64bits_withSeed(text.data(), text.size(), seed);
  }
};

class Builder {
 public:
  Builder(const TokenizerSource& source, const std::string& name)
      : source_(source),
        name_(name),
        ids_(source.vocabulary.size() * 2, SeededHash{std::random_device()()}) {}

  std::vector<std::byte> build(const TableSources& files) {
    read_vocabulary();
    read_added();
    read_byte_tokens();
    read_merges();
    return assemble(files);
  }

 private:
  void read_vocabulary() {
    for (const TokenizerSource::VocabularyEntry& entry : source_.vocabulary) {
      const std::string_view token = source_.view(entry.token);
      const auto id = static_cast<std::uint32_t>(entry.id);
      if (!ids_.emplace(token, id).second) {
        fail(name_, tr("token '{}' is listed twice", "токен '{}' записан дважды", excerpt(token)));
      }
      set_token(id, letters_.decode(token));
    }
  }

  void set_token(std::uint32_t id, std::string bytes) {
    if (id >= tokens_.size()) {
      tokens_.resize(id + 1);
      token_flags_.resize(id + 1);
      taken_.resize(id + 1);
    }
    if (taken_[id]) fail(name_, tr("token id {} is given twice", "номер токена {} дан дважды", id));
    taken_[id] = true;
    tokens_[id] = std::move(bytes);
  }

  void read_added() {
    for (const AddedToken& token : source_.added) {
      const auto id = static_cast<std::uint32_t>(token.id);
      std::string storage;
      const std::string_view content =
          token.normalized ? normalize_text(token.content, storage) : token.content;
      const auto [found, is_new] = ids_.emplace(token.content, id);
      if (is_new) {
        set_token(id, letters_.decode(content));
      } else if (found->second != id) {
        fail(name_, tr("added token '{}' has two ids, {} and {}",
                       "у добавленного токена '{}' два номера, {} и {}", excerpt(token.content),
                       found->second, id));
      }
      if (token.special) token_flags_[id] |= TokenizerTable::kSpecial;
      added_.push_back({std::string(content), &token});
    }
    std::stable_sort(added_.begin(), added_.end(), [](const AddedRecord& a, const AddedRecord& b) {
      return std::pair(a.token->normalized, std::string_view(a.content)) <
             std::pair(b.token->normalized, std::string_view(b.content));
    });
  }

  void read_byte_tokens() {
    for (int byte = 0; byte < 256; ++byte) {
      const auto found = ids_.find(letters_.letter(static_cast<unsigned char>(byte)));
      if (found == ids_.end()) {
        fail(name_, tr("byte {:#04x} has no token", "у байта {:#04x} нет токена", byte));
      }
      byte_tokens_[byte] = found->second;
    }
  }

  std::uint32_t merge_token(std::size_t index, std::string_view token) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) {
      fail(name_, tr("merge {} needs the token '{}', which is not in the vocabulary",
                     "слиянию {} нужен токен '{}', которого нет в словаре", index, excerpt(token)));
    }
    return found->second;
  }

  void read_merges() {
    merges_.assign(std::bit_ceil(source_.merges.size() * 3 / 2 + 2),
                   {TokenizerTable::kNone, TokenizerTable::kNone, TokenizerTable::kNone, 0});
    std::string both;
    for (std::size_t i = 0; i < source_.merges.size(); ++i) {
      const std::string_view left = source_.view(source_.merges[i].left);
      const std::string_view right = source_.view(source_.merges[i].right);
      both.assign(left).append(right);
      insert_merge({merge_token(i, left), merge_token(i, right), static_cast<std::uint32_t>(i),
                    merge_token(i, both)});
    }
  }

  /// A pair listed twice keeps its last rank, as in HF.
  void insert_merge(const TokenizerTable::Merge& merge) {
    std::uint64_t slot = TokenizerTable::merge_hash(merge.left, merge.right);
    for (std::uint32_t probe = 0; probe < TokenizerTable::kMaxProbes; ++probe, ++slot) {
      TokenizerTable::Merge& place = merges_[slot & (merges_.size() - 1)];
      if (place.left == TokenizerTable::kNone ||
          (place.left == merge.left && place.right == merge.right)) {
        place = merge;
        return;
      }
    }
    fail(name_, tr("its merges collide on purpose", "её слияния нарочно сталкиваются"));
  }

  std::vector<std::byte> assemble(const TableSources& files) {
    TokenizerTable::Header header{};
    header.vocabulary_size = static_cast<std::uint32_t>(tokens_.size());
    header.merge_slots = static_cast<std::uint32_t>(merges_.size());
    header.piece_slots = std::bit_ceil(header.vocabulary_size * 3 / 2 + 2);
    header.added_size = static_cast<std::uint32_t>(added_.size());
    header.early_added_size = static_cast<std::uint32_t>(std::count_if(
        added_.begin(), added_.end(), [](const auto& added) { return !added.token->normalized; }));

    std::string text;
    std::vector<std::uint32_t> offsets;
    for (const std::string& token : tokens_) {
      offsets.push_back(static_cast<std::uint32_t>(text.size()));
      text += token;
    }
    offsets.push_back(static_cast<std::uint32_t>(text.size()));
    std::vector<TokenizerTable::Added> added;
    for (const AddedRecord& record : added_) {
      added.push_back({static_cast<std::uint32_t>(record.token->id),
                       static_cast<std::uint32_t>(text.size()),
                       static_cast<std::uint32_t>(record.content.size()), flags_of(*record.token)});
      text += record.content;
    }
    header.text_size = static_cast<std::uint32_t>(text.size());

    const TokenizerTable::Layout layout(header);
    std::vector<std::byte> block(layout.size);
    const auto put = [&](std::uint64_t offset, const auto& section) {
      std::ranges::copy(std::as_bytes(std::span(section)),
                        block.begin() + static_cast<std::ptrdiff_t>(offset));
    };
    put(0, std::span(&header, 1));
    put(layout.merges, merges_);
    put(layout.offsets, offsets);
    put(layout.byte_tokens, byte_tokens_);
    put(layout.pieces, std::vector(header.piece_slots, TokenizerTable::kNone));
    put(layout.added, added);
    put(layout.token_flags, token_flags_);
    put(layout.text, text);
    put(layout.pieces, find_pieces(block, header.piece_slots));
    seal_table(block, TokenizerTable::kKind, files);
    return block;
  }

  static std::uint32_t flags_of(const AddedToken& token) {
    return (token.special ? TokenizerTable::kSpecial : 0) |
           (token.single_word ? TokenizerTable::kSingleWord : 0) |
           (token.strip_left ? TokenizerTable::kStripLeft : 0) |
           (token.strip_right ? TokenizerTable::kStripRight : 0);
  }

  /// The hash table of pieces that BPE turns into one token: most words need no merging at all.
  std::vector<std::uint32_t> find_pieces(const std::vector<std::byte>& block,
                                         std::uint32_t slots) const {
    const TokenizerTable table{std::span<const std::byte>(block)};
    std::vector<std::uint32_t> pieces(slots, TokenizerTable::kNone);
    std::vector<std::int32_t> ids;
    for (std::uint32_t id = 0; id < tokens_.size(); ++id) {
      const std::string& token = tokens_[id];
      if (token.empty() || token.size() > TokenizerTable::kMaxPieceBytes) continue;
      ids.clear();
      append_bpe(table, token, ids);
      if (ids.size() != 1 || static_cast<std::uint32_t>(ids[0]) != id) continue;
      std::uint64_t slot = TokenizerTable::piece_hash(token);
      for (std::uint32_t probe = 0; probe < TokenizerTable::kMaxProbes; ++probe, ++slot) {
        if (pieces[slot & (slots - 1)] == TokenizerTable::kNone) {
          pieces[slot & (slots - 1)] = id;
          break;
        }
      }
    }
    return pieces;
  }

  struct AddedRecord {
    std::string content;
    const AddedToken* token;
  };

  const TokenizerSource& source_;
  const std::string& name_;
  const ByteLetters letters_;
  std::unordered_map<std::string_view, std::uint32_t, SeededHash> ids_;
  std::vector<std::string> tokens_;
  std::vector<bool> taken_;
  std::vector<std::uint8_t> token_flags_;
  std::vector<AddedRecord> added_;
  std::array<std::uint32_t, 256> byte_tokens_{};
  std::vector<TokenizerTable::Merge> merges_;
};

}  // namespace

std::vector<std::byte> build_table(const TokenizerSource& source, const TableSources& files,
                                   const std::string& name) {
  return Builder(source, name).build(files);
}

}  // namespace oko::text
