#include "document/reading_order.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace oko::document {
namespace {

// Fraction of a word's height, which is 1.2 of the font's size. Such a gap may separate columns.
constexpr float kColumnGap = 0.9f;
// The boxes of tightly set lines overlap; their middle halves do not.
constexpr float kTrimmed = 0.25f;
// Fewer lines, or words of a line, do not tell prose from a table.
constexpr std::size_t kLeastRows = 5, kWordsOfLine = 3;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Words = std::vector<std::size_t>;

Stretch middle_of(const Stretch& across) {
  const float trimmed = kTrimmed * across.length();
  return {across.begin + trimmed, across.end - trimmed};
}

class Sorter {
 public:
  explicit Sorter(std::span<const PlacedWord> words) : words_(words) {}

  /// `region`: in the order of the content.
  void sort(const Words& region) {
    const std::vector<Words> bands = bands_of(region);
    if (bands.size() < 2) {
      add_band(region);
      return;
    }
    const float least_gap = least_gap_of(region);
    std::size_t done = 0;
    for (std::size_t seed = 0; seed < bands.size(); ++seed) {
      std::vector<Stretch> gaps = inner_gaps_of(bands[seed], least_gap);
      if (gaps.empty()) continue;
      std::size_t begin = seed, end = seed + 1;
      while (end < bands.size() && narrow(gaps, gaps_of(bands[end], least_gap), least_gap)) ++end;
      while (begin > done && narrow(gaps, gaps_of(bands[begin - 1], least_gap), least_gap)) --begin;
      for (; done < begin; ++done) add_band(bands[done]);
      add_run({bands.begin() + static_cast<std::ptrdiff_t>(begin),
               bands.begin() + static_cast<std::ptrdiff_t>(end)},
              gaps);
      done = end;
      seed = end - 1;
    }
    for (; done < bands.size(); ++done) add_band(bands[done]);
  }

  std::vector<Words> take() { return std::move(lines_); }

 private:
  float least_gap_of(const Words& region) const {
    constexpr float kFlat = 0.5f;  // pixels: words without a height
    return std::max(kColumnGap * median_height(region), kFlat);
  }

  float median_height(const Words& region) const {
    std::vector<float> heights;
    heights.reserve(region.size());
    for (const std::size_t i : region) heights.push_back(words_[i].across.length());
    const auto middle = heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2);
    std::nth_element(heights.begin(), middle, heights.end());
    return *middle;
  }

  /// Bands of words whose lines overlap, from the top down; each in the order of the content.
  std::vector<Words> bands_of(const Words& region) const {
    Words sorted = region;
    std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
      return middle_of(words_[a].across).begin < middle_of(words_[b].across).begin;
    });
    std::vector<Words> bands;
    float end = -kInfinity;
    for (const std::size_t i : sorted) {
      const Stretch middle = middle_of(words_[i].across);
      if (middle.begin >= end) bands.emplace_back();
      bands.back().push_back(i);
      end = std::max(end, middle.end);
    }
    std::vector<Words> merged;
    Words deep;  // words of the last one that reach down to the next
    for (Words& band : bands) {
      drop_above(band, deep);
      const bool is_beside = !merged.empty() && stand_side_by_side(deep, band);
      if (!is_beside) deep.clear();
      std::copy(band.begin(), band.end(), std::back_inserter(deep));
      if (is_beside) {
        std::copy(band.begin(), band.end(), std::back_inserter(merged.back()));
      } else {
        merged.push_back(std::move(band));
      }
    }
    for (Words& band : merged) std::sort(band.begin(), band.end());
    return merged;
  }

  /// Keeps the words of `deep` that reach below the top of `band`.
  void drop_above(const Words& band, Words& deep) const {
    float top = kInfinity;
    for (const std::size_t i : band) top = std::min(top, words_[i].across.begin);
    std::erase_if(deep, [&](std::size_t i) { return words_[i].across.end <= top; });
  }

  /// True if the lower band begins next to the end of the upper one, as lines of columns with
  /// different heights do.
  bool stand_side_by_side(const Words& upper, const Words& lower) const {
    bool any = false;
    for (const std::size_t a : upper) {
      for (const std::size_t b : lower) {
        const Stretch &above = words_[a].across, &below = words_[b].across;
        if (overlap(above, below) <= kTrimmed * std::min(above.length(), below.length())) continue;
        if (overlap(words_[a].along, words_[b].along) > 0) return false;
        any = true;
      }
    }
    return any;
  }

  /// Gaps that no word of the band covers, at least `least` wide; the margins first and last.
  std::vector<Stretch> gaps_of(const Words& band, float least) const {
    std::vector<Stretch> covered;
    covered.reserve(band.size());
    for (const std::size_t i : band) covered.push_back(words_[i].along);
    std::sort(covered.begin(), covered.end(),
              [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
    std::vector<Stretch> gaps{{-kInfinity, covered.front().begin}};
    float end = covered.front().end;
    for (const Stretch& word : covered) {
      if (word.begin - end >= least) gaps.push_back({end, word.begin});
      end = std::max(end, word.end);
    }
    gaps.push_back({end, kInfinity});
    return gaps;
  }

  std::vector<Stretch> inner_gaps_of(const Words& band, float least) const {
    std::vector<Stretch> gaps = gaps_of(band, least);
    return {gaps.begin() + 1, gaps.end() - 1};
  }

  /// Reduces `gaps` to their overlap with `others`. Returns false, and changes nothing, if there is
  /// none.
  static bool narrow(std::vector<Stretch>& gaps, const std::vector<Stretch>& others, float least) {
    std::vector<Stretch> shared;
    for (const Stretch& gap : gaps) {
      for (const Stretch& other : others) {
        if (overlap(gap, other) < least) continue;
        shared.push_back({std::max(gap.begin, other.begin), std::min(gap.end, other.end)});
      }
    }
    if (shared.empty()) return false;
    gaps = std::move(shared);
    return true;
  }

  /// Adds bands with gaps in common: columns, or rows of a table.
  void add_run(const std::vector<Words>& bands, const std::vector<Stretch>& gaps) {
    struct Place {
      std::size_t word, band, column;
    };
    std::vector<Place> places;
    std::size_t rows = 0;  // that reach into more than one column
    for (std::size_t band = 0; band < bands.size(); ++band) {
      const std::size_t first = column_of(bands[band].front(), gaps);
      bool several = false;
      for (const std::size_t word : bands[band]) {
        places.push_back({word, band, column_of(word, gaps)});
        several |= places.back().column != first;
      }
      rows += several ? 1 : 0;
    }
    std::sort(places.begin(), places.end(),
              [](const Place& a, const Place& b) { return a.word < b.word; });
    // Content in columns goes back up at the begin of a column.
    std::size_t up = 0, onwards = 0;
    std::vector<Words> columns(gaps.size() + 1);
    for (std::size_t i = 0; i < places.size(); ++i) {
      columns[places[i].column].push_back(places[i].word);
      if (i == 0 || places[i].column == places[i - 1].column) continue;
      ++(places[i].band < places[i - 1].band ? up : onwards);
    }
    if ((up > 0 && onwards <= rows / 3) || (rows >= kLeastRows && are_prose(bands, gaps))) {
      for (const Words& column : columns) {
        if (!column.empty()) sort(column);
      }
    } else {
      for (const Words& band : bands) add_band(band);
    }
  }

  /// True if each column is filled with lines of several words, as in prose; some programs write
  /// the lines of columns in turn. Cells of tables have few words, or end anywhere.
  bool are_prose(const std::vector<Words>& bands, const std::vector<Stretch>& gaps) const {
    std::vector<std::vector<Words>> lines(gaps.size() + 1);  // of each column
    for (const Words& band : bands) {
      std::vector<Words> parts(lines.size());
      for (const std::size_t i : band) parts[column_of(i, gaps)].push_back(i);
      for (std::size_t column = 0; column < lines.size(); ++column) {
        if (!parts[column].empty()) lines[column].push_back(std::move(parts[column]));
      }
    }
    return std::all_of(lines.begin(), lines.end(),
                       [&](const std::vector<Words>& column) { return is_prose(column); });
  }

  bool is_prose(const std::vector<Words>& lines) const {
    std::size_t count = 0;
    std::vector<Stretch> places;
    for (const Words& line : lines) {
      count += line.size();
      Stretch place{kInfinity, -kInfinity};
      for (const std::size_t i : line) {
        const Stretch& word = words_[i].along;
        place = {std::min(place.begin, word.begin), std::max(place.end, word.end)};
      }
      places.push_back(place);
    }
    return count >= kWordsOfLine * lines.size() && is_filled(places) && !are_alike(lines);
  }

  /// True if most lines have their words below those of the line before, as the times of a log do.
  bool are_alike(const std::vector<Words>& lines) const {
    constexpr float kNear = 0.2f;  // of the height
    const auto is_below = [&](std::size_t word, std::size_t other) {
      return std::abs(words_[word].along.begin - words_[other].along.begin) <
             kNear * words_[word].across.length();
    };
    std::size_t alike = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const Words &line = lines[i], &above = lines[i - 1];
      if (std::equal(line.begin(), line.end(), above.begin(), above.end(), is_below)) ++alike;
    }
    return 2 * alike > lines.size();
  }

  /// True if most lines begin at the left edge of their column and end near its right one.
  static bool is_filled(const std::vector<Stretch>& lines) {
    constexpr float kNear = 0.2f;  // of the width
    constexpr double kMost = 0.6;
    if (lines.size() < kLeastRows) return false;
    float left = kInfinity, right = -kInfinity;
    for (const Stretch& line : lines) {
      left = std::min(left, line.begin);
      right = std::max(right, line.end);
    }
    const float near = kNear * (right - left);
    const auto filled = std::count_if(lines.begin(), lines.end(), [&](const Stretch& line) {
      return line.begin - left < near && right - line.end < near;
    });
    return static_cast<double>(filled) > kMost * static_cast<double>(lines.size());
  }

  std::size_t column_of(std::size_t word, const std::vector<Stretch>& gaps) const {
    const float middle = (words_[word].along.begin + words_[word].along.end) / 2;
    return static_cast<std::size_t>(std::count_if(
        gaps.begin(), gaps.end(), [&](const Stretch& gap) { return gap.end <= middle; }));
  }

  /// Adds words whose lines overlap. Columns with lines of different heights are sorted one by one.
  void add_band(const Words& band) {
    std::vector<Words> lines = lines_of(band);
    if (lines.size() > 1) {
      const std::vector<Stretch> gaps = inner_gaps_of(band, least_gap_of(band));
      if (!gaps.empty()) {
        std::vector<Words> columns(gaps.size() + 1);
        for (const std::size_t i : band) columns[column_of(i, gaps)].push_back(i);
        for (const Words& column : columns) sort(column);
        return;
      }
    }
    for (Words& line : lines) lines_.push_back(std::move(line));
  }

  /// The lines of the words, from the top down, each along its direction.
  std::vector<Words> lines_of(const Words& band) const {
    Words sorted = band;
    std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
      return words_[a].across.begin + words_[a].across.end <
             words_[b].across.begin + words_[b].across.end;
    });
    std::vector<Words> lines;
    std::vector<Stretch> places;
    float tallest = 0;
    for (const std::size_t i : band) tallest = std::max(tallest, words_[i].across.length());
    std::ptrdiff_t first = 0;  // of the lines that a word may reach
    for (const std::size_t i : sorted) {
      const Stretch& word = words_[i].across;
      const float highest = (word.begin + word.end - tallest) / 2;
      while (first < std::ssize(places) && places[static_cast<std::size_t>(first)].end < highest) {
        ++first;
      }
      const auto fits = [&](const Stretch& line) {
        return overlap(line, word) > 0.5f * std::min(line.length(), word.length());
      };
      const auto place = std::find_if(places.begin() + first, places.end(), fits);
      if (place == places.end()) {
        places.push_back(word);
        lines.push_back({i});
      } else {
        lines[static_cast<std::size_t>(place - places.begin())].push_back(i);
      }
    }
    for (Words& line : lines) {
      std::stable_sort(line.begin(), line.end(), [&](std::size_t a, std::size_t b) {
        return words_[a].along.begin < words_[b].along.begin;
      });
    }
    return lines;
  }

  std::span<const PlacedWord> words_;
  std::vector<Words> lines_;
};

}  // namespace

std::vector<std::vector<std::size_t>> reading_order(std::span<const PlacedWord> words) {
  if (words.empty()) return {};
  Words all(words.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  Sorter sorter(words);
  sorter.sort(all);
  return sorter.take();
}

}  // namespace oko::document
