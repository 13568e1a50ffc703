#include "index/filter_text.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace oko::index {

const char* name_of(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::kPicture:
      return "picture";
    case DocumentKind::kPdf:
      return "pdf";
    case DocumentKind::kText:
      return "text";
  }
  return "";
}

const char* name_of(TextOrigin origin) {
  switch (origin) {
    case TextOrigin::kFile:
      return "file";
    case TextOrigin::kRecognized:
      return "ocr";
    case TextOrigin::kCaption:
      return "caption";
  }
  return "";
}

std::int64_t second_of(const std::string& text, const LocalizedText& name, bool is_end) {
  using namespace std::chrono;
  int parts[3] = {0, 1, 1};
  int count = 0;
  std::size_t at = 0;
  bool is_date = !text.empty();
  while (is_date && at < text.size() && count < 3) {
    const std::size_t end = std::min(text.find('-', at), text.size());
    const std::string digits = text.substr(at, end - at);
    is_date = digits.size() == (count == 0 ? 4u : 2u) &&
              digits.find_first_not_of("0123456789") == std::string::npos;
    if (is_date) parts[count++] = std::stoi(digits);
    at = end + 1;
  }
  year_month_day first = year(parts[0]) / month(static_cast<unsigned>(parts[1])) /
                         day(static_cast<unsigned>(parts[2]));
  if (!is_date || at <= text.size() || !first.ok()) {
    throw Error(ErrorCode::kUsage, tr("{} \"{}\" is not a date", "{} «{}» — не дата", name, text),
                tr("write it as 2024, 2024-03 or 2024-03-31",
                   "укажите её как 2024, 2024-03 или 2024-03-31"));
  }
  const year_month_day next = count == 1   ? (first + years(1))
                              : count == 2 ? (first + months(1))
                                           : year_month_day(sys_days(first) + days(1));
  const sys_seconds begin = is_end ? sys_seconds(sys_days(next)) - seconds(1) : sys_days(first);
  return begin.time_since_epoch().count();
}

}  // namespace oko::index
