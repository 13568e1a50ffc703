#include "document/merge.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "document/reading_order.h"
#include "document/stretch.h"
#include "document/text_baseline.h"

namespace oko::document {
namespace {

constexpr float kSureEnough = 0.6f;  // words read in pictures without text are less sure
constexpr float kSure = 0.8f;
constexpr float kSameArea = 0.3f;  // of the smaller box
constexpr float kLikeSize = 3;  // a larger box, of a watermark, does not contain the text below it
constexpr double kMost = 0.6;   // of the words
constexpr std::size_t kShortWord = 3;  // bytes: too short to compare

float common_area(const Box& a, const Box& b) {
  const float width = overlap({a.left, a.left + a.width}, {b.left, b.left + b.width});
  const float height = overlap({a.top, a.top + a.height}, {b.top, b.top + b.height});
  return width > 0 && height > 0 ? width * height : 0;
}

bool is_at(const Box& a, const Box& b) {
  const float smaller = std::min(a.width * a.height, b.width * b.height);
  return smaller > 0 && common_area(a, b) > kSameArea * smaller;
}

/// The height of the letters, in any direction of the text.
float height_of(const Box& box) {
  return std::min(box.width, box.height);
}

bool is_told(const Page& told, const Word& word) {
  return std::any_of(told.lines.begin(), told.lines.end(), [&](const Line& line) {
    return std::any_of(line.words.begin(), line.words.end(), [&](const Word& other) {
      return is_at(other.box, word.box) && height_of(other.box) < kLikeSize * height_of(word.box);
    });
  });
}

bool is_told_the_same(const Page& told, const Word& word) {
  return std::any_of(told.lines.begin(), told.lines.end(), [&](const Line& line) {
    return std::any_of(line.words.begin(), line.words.end(), [&](const Word& other) {
      return other.text == word.text && is_at(other.box, word.box);
    });
  });
}

/// The words of `read` that are sure enough and not in the file's text, `told`.
std::vector<Line> new_lines(const Page& told, const Page& read) {
  std::vector<Line> lines;
  for (const Line& line : read.lines) {
    Line kept = line;
    std::erase_if(kept.words, [&](const Word& word) {
      return word.confidence < kSureEnough || is_told(told, word);
    });
    if (kept.words.empty()) continue;
    kept.box = kept.words.front().box;
    for (const Word& word : kept.words) kept.box = around(kept.box, word.box);
    lines.push_back(std::move(kept));
  }
  return lines;
}

/// True if the file has most of the words, but at another place: the boxes of some files are far
/// off.
bool are_told_elsewhere(const Page& told, const std::vector<Line>& lines) {
  std::multiset<std::string> words;
  for (const Line& line : told.lines) {
    for (const Word& word : line.words) words.insert(word.text);
  }
  std::size_t all = 0, found = 0;
  for (const Line& line : lines) {
    for (const Word& word : line.words) {
      ++all;
      const auto same = words.find(word.text);
      if (same == words.end()) continue;
      ++found;
      words.erase(same);
    }
  }
  return static_cast<double>(found) > kMost * static_cast<double>(all);
}

std::size_t letters_of(const Line& line) {
  std::size_t count = 0;
  for (const Word& word : line.words) count += word.text.size();
  return count;
}

/// The mean confidence of the words, weighted by their length.
float confidence_of(const Line& line) {
  float sum = 0;
  for (const Word& word : line.words) {
    sum += word.confidence * static_cast<float>(word.text.size());
  }
  return sum / std::max(1.0f, static_cast<float>(letters_of(line)));
}

/// The surely read words at the place of a word, not beyond it.
std::vector<Word> words_at(const Page& read, const Box& place) {
  std::vector<Word> words;
  for (const Line& line : read.lines) {
    for (const Word& word : line.words) {
      const bool within = 2 * common_area(word.box, place) > word.box.width * word.box.height;
      if (within && word.confidence >= kSureEnough) words.push_back(word);
    }
  }
  return words;
}

/// Replaces unclear words by the words read there. Returns true if it replaced one.
bool clear_up(Page& told, const Page& read) {
  bool any = false;
  for (Line& line : told.lines) {
    std::vector<Word> words;
    for (Word& word : line.words) {
      const bool unclear = is_unclear(word) && word.text.size() > kUnknown.size();
      std::vector<Word> better = unclear ? words_at(read, word.box) : std::vector<Word>{};
      any |= !better.empty();
      if (better.empty()) better.push_back(std::move(word));
      std::move(better.begin(), better.end(), std::back_inserter(words));
    }
    line.words = std::move(words);
    line.confidence = confidence_of(line);
  }
  return any;
}

/// Appends a line of the same row.
void append(Line& line, Line&& more) {
  const auto here = static_cast<float>(letters_of(line));
  const auto there = static_cast<float>(letters_of(more));
  line.confidence =
      (line.confidence * here + more.confidence * there) / std::max(1.0f, here + there);
  line.box = around(line.box, more.box);
  std::move(more.words.begin(), more.words.end(), std::back_inserter(line.words));
}

/// Appends the lines of one direction in reading order; the lines of a row become one.
void append_in_order(std::vector<Line>&& lines, int turns, std::vector<Line>& all) {
  std::vector<PlacedWord> places;
  places.reserve(lines.size());
  for (const Line& line : lines) {
    places.push_back({along(line.box, turns), across(line.box, turns)});
  }
  for (const std::vector<std::size_t>& row : reading_order(places)) {
    all.push_back(std::move(lines[row.front()]));
    for (std::size_t i = 1; i < row.size(); ++i) append(all.back(), std::move(lines[row[i]]));
  }
}

/// Takes the lines: each direction in its own frame, upright text first unless there is far less of
/// it.
std::vector<Line> in_order(Page& page) {
  constexpr std::size_t kUpright = 3;  // one upright letter counts as three turned ones
  struct Direction {
    int turns = 0;
    std::size_t letters = 0;
    std::vector<Line> lines = {};
  };
  std::array<Direction, 4> directions{{{0}, {1}, {2}, {3}}};
  const int usual = usual_quarter_turns(page);
  for (Line& line : page.lines) {
    if (line.words.empty()) continue;
    const int turns = quarter_turns(line, usual);
    Direction& direction = directions[static_cast<std::size_t>(turns)];
    direction.letters += letters_of(line) * (turns == 0 ? kUpright : 1);
    direction.lines.push_back(std::move(line));
  }
  std::stable_sort(directions.begin(), directions.end(),
                   [](const auto& a, const auto& b) { return a.letters > b.letters; });
  std::vector<Line> all;
  for (Direction& direction : directions) {
    append_in_order(std::move(direction.lines), direction.turns, all);
  }
  return all;
}

}  // namespace

bool is_unclear(const Word& word) {
  return word.text.find(kUnknown) != std::string::npos;
}

Page merged(Page told, const Page& read) {
  if (clear_up(told, read)) told.source = TextSource::kBoth;
  std::vector<Line> lines = new_lines(told, read);
  if (lines.empty() || are_told_elsewhere(told, lines)) return told;
  std::move(lines.begin(), lines.end(), std::back_inserter(told.lines));
  told.lines = in_order(told);
  told.source = TextSource::kBoth;
  number_blocks(told);
  return told;
}

Page without_told(const Page& told, Page read) {
  for (Line& line : read.lines) {
    std::erase_if(line.words, [&](const Word& word) { return is_told_the_same(told, word); });
  }
  std::erase_if(read.lines, [](const Line& line) { return line.words.empty(); });
  return read;
}

Page doubted(Page told) {
  for (Line& line : told.lines) {
    line.confidence = 0;
    for (Word& word : line.words) word.confidence = 0;
  }
  return told;
}

Page doubted_where_unclear(Page told) {
  for (Line& line : told.lines) {
    bool any = false;
    for (Word& word : line.words) {
      if (!is_unclear(word)) continue;
      word.confidence = 0;
      any = true;
    }
    if (any) line.confidence = confidence_of(line);
  }
  return told;
}

bool agree(const Page& told, const Page& read) {
  std::size_t sure = 0, same = 0;
  for (const Line& line : read.lines) {
    for (const Word& word : line.words) {
      if (word.confidence < kSure || word.text.size() < kShortWord) continue;
      ++sure;
      same += is_told_the_same(told, word) ? 1 : 0;
    }
  }
  return sure > 0 && static_cast<double>(same) > kMost * static_cast<double>(sure);
}

}  // namespace oko::document
