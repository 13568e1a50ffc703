#include "text/unicode_table.h"

namespace oko::text {
namespace {

constexpr CodePointTable::Range kRanges[] = {
#include "text/unicode_ranges.inc"
};

}  // namespace

UnicodeTable::UnicodeTable() : CodePointTable(kRanges) {}

const UnicodeTable& UnicodeTable::get() {
  static const UnicodeTable table;
  return table;
}

}  // namespace oko::text
