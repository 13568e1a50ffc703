#include "budget/memory_size.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::budget {
namespace {

constexpr std::uint64_t kMegabyte = 1 << 20;
constexpr double kMost = 1024.0 * 1024 * 1024 * 1024 * 1024;

/// Bytes of the unit; 0 if it is none.
double unit_bytes(std::string unit) {
  for (char& c : unit) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  double bytes = 1024.0 * 1024;
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), unit) != names.end();
  };
  if (is_one_of({"M", "MB", "MIB", "МБ", "Мб", "мб"})) return bytes;
  bytes *= 1024;
  if (is_one_of({"G", "GB", "GIB", "ГБ", "Гб", "гб"})) return bytes;
  bytes *= 1024;
  return is_one_of({"T", "TB", "TIB", "ТБ", "Тб", "тб"}) ? bytes : 0;
}

/// Removes "12", "1.5" or "1,5" from the front of `text`; 0 if there is no number, or if its comma
/// may divide thousands. Parses by hand, since std::from_chars of a double needs macOS 26, and
/// strtod reads the decimal point of the locale.
double take_number(std::string_view& text) {
  double digits = 0;
  double divisor = 1;
  bool in_fraction = false, has_comma = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '.' || c == ',') && !in_fraction) {
      in_fraction = true;
      has_comma = c == ',';
    } else if (c >= '0' && c <= '9') {
      digits = digits * 10 + (c - '0');
      if (in_fraction) divisor *= 10;
    } else {
      break;
    }
  }
  text.remove_prefix(at);
  constexpr double kThreeDigits = 1000;
  return has_comma && divisor == kThreeDigits ? 0 : digits / divisor;
}

std::string text_of(std::uint64_t megabytes) {
  constexpr std::uint64_t kGigabyte = 1024;
  if (megabytes == 0 || megabytes % kGigabyte != 0) return std::to_string(megabytes) + "MB";
  return std::to_string(megabytes / kGigabyte) + "GB";
}

}  // namespace

std::uint64_t parse_memory_size(std::string_view text) {
  std::string_view unit = text;
  const double number = take_number(unit);
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  const double bytes = number * unit_bytes(std::string(unit));
  if (!(bytes >= 1 && bytes <= kMost)) {
    throw Error(ErrorCode::kUsage,
                tr("{} is not an amount of memory", "{} — не объём памяти", std::string(text)),
                tr("write it as 8GB or 1500MB", "напишите, например, 8GB или 1500MB"));
  }
  return static_cast<std::uint64_t>(bytes);
}

std::string memory_size_text(std::uint64_t bytes) {
  return text_of((bytes + kMegabyte - 1) / kMegabyte);
}

std::string memory_limit_text(std::uint64_t bytes) {
  return text_of(bytes / kMegabyte);
}

LocalizedText memory_text(std::uint64_t bytes) {
  constexpr std::uint64_t kGigabyte = kMegabyte << 10;
  if (bytes < kGigabyte) {
    return tr("{} MB", "{} МБ", (bytes + kMegabyte / 2) / kMegabyte);
  }
  const double gigabytes = static_cast<double>(bytes) / static_cast<double>(kGigabyte);
  const double rounded = std::round(gigabytes * 10) / 10;
  if (rounded == std::floor(rounded)) return tr("{:.0f} GB", "{:.0f} ГБ", rounded);
  return tr("{:.1f} GB", "{:.1f} ГБ", rounded);
}

LocalizedText budget_hint(std::uint64_t bytes) {
  return tr("use {} {}", "укажите {} {}", Knob{"budget"}, memory_size_text(bytes));
}

OverBudget::OverBudget(std::uint64_t least_bytes, std::uint64_t budget_bytes)
    : OverBudget(least_bytes, budget_bytes, budget_hint(least_bytes)) {}

OverBudget::OverBudget(std::uint64_t least_bytes, std::uint64_t budget_bytes,
                       const LocalizedText& hint)
    : Error(ErrorCode::kOverBudget,
            tr("needs {} of memory; budget {}", "нужно {} памяти; бюджет — {}",
               memory_size_text(least_bytes), memory_limit_text(budget_bytes)),
            hint),
      least_bytes_(least_bytes) {}

}  // namespace oko::budget
