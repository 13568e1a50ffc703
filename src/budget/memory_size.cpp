#include "budget/memory_size.h"

#include <cctype>
#include <charconv>
#include <string>

#include "base/error.h"
#include "base/language.h"

namespace oko::budget {
namespace {

constexpr double kMost = 1024.0 * 1024 * 1024 * 1024 * 1024;

/// Bytes of the unit; 0 where it is none.
double unit_bytes(std::string unit) {
  for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  double bytes = 1024.0 * 1024;
  for (const char* name : {"M", "G", "T"}) {
    const std::string letter = name;
    if (unit == letter || unit == letter + "B" || unit == letter + "IB") return bytes;
    bytes *= 1024;
  }
  return 0;
}

}  // namespace

std::uint64_t parse_memory_size(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size()
                                                                 : unit.find_first_not_of(' '));
  const double bytes = error == std::errc() ? number * unit_bytes(unit) : 0;
  if (!(bytes >= 1 && bytes <= kMost)) {
    throw Error(ErrorCode::kUsage,
                tr("{} is not an amount of memory", "{} — не объём памяти", std::string(text)),
                tr("write it as 8GB or 1500MB", "напишите, например, 8GB или 1500MB"));
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace oko::budget
