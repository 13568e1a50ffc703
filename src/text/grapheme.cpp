#include "text/grapheme.h"

#include <cstdint>

#include "text/code_point_table.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

constexpr CodePointTable::Range kGraphemeRanges[] = {
#include "text/grapheme_ranges.inc"
};

// Classes of grapheme_ranges.inc.
enum : std::uint8_t {
  kAny,
  kCr,
  kLf,
  kControl,
  kExtend,
  kZwj,
  kSpacingMark,
  kPrepend,
  kL,
  kV,
  kT,
  kLv,
  kLvt,
  kRegionalIndicator,
  kPictographic,
  kIndicConsonant,
};
constexpr std::uint8_t kClassMask = 15;
constexpr std::uint8_t kIndicLinker = 16, kIndicExtend = 32;  // added to the class

std::uint8_t properties_of(char32_t code_point) {
  static const CodePointTable table(kGraphemeRanges);
  const std::uint8_t value = table[code_point];
  const bool is_lvt = value == kLv && (code_point - 0xAC00) % 28 != 0;
  return is_lvt ? std::uint8_t{kLvt} : value;
}

/// The state of a cluster that decides whether it continues.
class Cluster {
 public:
  explicit Cluster(std::uint8_t properties) { add(properties); }

  /// True if a character of `properties` belongs to the cluster (rules GB3 to GB13).
  bool goes_on(std::uint8_t properties) const {
    const std::uint8_t before = last_, after = properties & kClassMask;
    if (before == kCr && after == kLf) return true;
    if (before == kCr || before == kLf || before == kControl) return false;
    if (after == kCr || after == kLf || after == kControl) return false;
    if (before == kL && (after == kL || after == kV || after == kLv || after == kLvt)) return true;
    if ((before == kLv || before == kV) && (after == kV || after == kT)) return true;
    if ((before == kLvt || before == kT) && after == kT) return true;
    if (after == kExtend || after == kZwj || after == kSpacingMark || before == kPrepend) {
      return true;
    }
    if (after == kIndicConsonant) return indic_ == Indic::kLinked;
    if (after == kPictographic) return emoji_ == Emoji::kJoined;
    if (after == kRegionalIndicator) return before == kRegionalIndicator && odd_indicators_;
    return false;
  }

  void add(std::uint8_t properties) {
    last_ = properties & kClassMask;
    if (last_ == kIndicConsonant) {
      indic_ = Indic::kConsonant;
    } else if ((properties & kIndicLinker) && indic_ != Indic::kNone) {
      indic_ = Indic::kLinked;
    } else if (!(properties & (kIndicLinker | kIndicExtend))) {
      indic_ = Indic::kNone;
    }
    if (last_ == kPictographic) {
      emoji_ = Emoji::kBase;
    } else if (last_ == kZwj && emoji_ == Emoji::kBase) {
      emoji_ = Emoji::kJoined;
    } else if (last_ != kExtend || emoji_ == Emoji::kJoined) {
      emoji_ = Emoji::kNone;
    }
    odd_indicators_ = last_ == kRegionalIndicator && !odd_indicators_;
  }

 private:
  enum class Indic { kNone, kConsonant, kLinked };  // a consonant; then a linker, too
  enum class Emoji { kNone, kBase, kJoined };       // a pictograph; then a joiner, too

  std::uint8_t last_ = kAny;
  Indic indic_ = Indic::kNone;
  Emoji emoji_ = Emoji::kNone;
  bool odd_indicators_ = false;
};

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t at) {
  Utf8Step step = next_valid_utf8(text.data() + at);
  Cluster cluster(properties_of(step.code_point));
  at += step.length;
  while (at < text.size()) {
    step = next_valid_utf8(text.data() + at);
    const std::uint8_t properties = properties_of(step.code_point);
    if (!cluster.goes_on(properties)) break;
    cluster.add(properties);
    at += step.length;
  }
  return at;
}

}  // namespace oko::text
