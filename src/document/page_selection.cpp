#include "document/page_selection.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text_escape.h"
#include "base/trimmed.h"

namespace oko::document {
namespace {

constexpr int kLast = 1'000'000'000;       // of an open range
constexpr std::size_t kMostRanges = 1000;  // each goes over the pages of a file

std::optional<int> page_in(std::string_view text) {
  int page = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), page);
  const bool is_page = error == std::errc() && end == text.data() + text.size() && page >= 1;
  return is_page && page <= kLast ? std::optional(page) : std::nullopt;
}

std::optional<std::pair<int, int>> range_in(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::optional<int> first = page_in(trimmed(text.substr(0, dash)));
  if (!first || dash == std::string_view::npos) {
    return first ? std::optional(std::pair(*first, *first)) : std::nullopt;
  }
  const std::string_view end = trimmed(text.substr(dash + 1));
  const std::optional<int> last = end.empty() ? std::optional(kLast) : page_in(end);
  return last && *last >= *first ? std::optional(std::pair(*first, *last)) : std::nullopt;
}

}  // namespace

PageSelection PageSelection::parse(std::string_view text, const LocalizedText& name) {
  PageSelection selection;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto range = range_in(text.substr(begin, end - begin));
    if (!range) {
      throw Error(ErrorCode::kUsage,
                  tr("{}: \"{}\" is not a list of pages", "{}: «{}» — не список страниц", name,
                     excerpt(text)),
                  tr("give pages from 1 on, such as 1-3,5 or 7-",
                     "укажите страницы, начиная с 1, например 1-3,5 или 7-"));
    }
    if (selection.ranges_.size() == kMostRanges) {
      throw Error(ErrorCode::kUsage, tr("{}: more than {} ranges of pages",
                                        "{}: больше {} диапазонов страниц", name, kMostRanges));
    }
    selection.ranges_.push_back(*range);
    begin = end + 1;
  }
  return selection;
}

PageSelection PageSelection::only(int page) {
  PageSelection selection;
  selection.ranges_.emplace_back(page, page);
  return selection;
}

std::vector<int> PageSelection::of(int pages) const {
  std::set<int> chosen;
  for (const auto& [first, last] : ranges_) {
    for (int page = first; page <= std::min(last, pages); ++page) chosen.insert(page - 1);
  }
  for (int page = 0; ranges_.empty() && page < pages; ++page) chosen.insert(page);
  return {chosen.begin(), chosen.end()};
}

int PageSelection::missing(int pages) const {
  for (const auto& [first, last] : ranges_) {
    if (first > pages) return first;
    if (last > pages && last != kLast) return pages + 1;
  }
  return 0;
}

}  // namespace oko::document
