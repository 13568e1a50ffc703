#include "index/beir_folder.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/input_file.h"
#include "base/json_file.h"
#include "base/text_escape.h"
#include "base/trimmed.h"

namespace oko::index {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxLineBytes = 64'000'000;

/// Lines of a text file in UTF-8, one at a time.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path) : file_(path, ErrorCode::kBadInput) {}

  /// The next line that is not blank, without spaces at its ends; nothing at the end of the file.
  /// Valid until the next call.
  std::optional<std::string_view> next() {
    for (;;) {
      const std::optional<std::string_view> line = next_raw();
      if (!line) return std::nullopt;
      if (!is_plain_utf8(*line)) fail(tr("is not UTF-8", "это не UTF-8"));
      const std::string_view content = without_spaces(*line);
      if (!content.empty()) return content;
    }
  }

  /// Throws `code` with the file, the number of the line that was read last and `what`.
  [[noreturn]] void fail(const LocalizedText& what, ErrorCode code = ErrorCode::kBadInput) const {
    throw Error(code,
                tr("{}, line {}: {}", "{}, строка {}: {}", file_.path().string(), number_, what));
  }

 private:
  /// A tab separates fields, and the last one may be empty.
  static std::string_view without_spaces(std::string_view line) {
    return trimmed(line).empty() ? std::string_view{}
                                 : line.substr(0, line.find_last_not_of("\r\n") + 1);
  }

  std::optional<std::string_view> next_raw() {
    std::size_t end = buffer_.find('\n', at_);
    while (end == std::string::npos && read_block()) end = buffer_.find('\n', at_);
    if (at_ == buffer_.size()) return std::nullopt;
    end = std::min(end, buffer_.size());
    std::string_view line = std::string_view(buffer_).substr(at_, end - at_);
    if (++number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    at_ = std::min(end + 1, buffer_.size());
    return line;
  }

  /// Appends a block to the line that is not complete. False at the end of the file.
  bool read_block() {
    constexpr std::size_t kBlockBytes = 1 << 20;
    buffer_.erase(0, at_);
    at_ = 0;
    if (buffer_.size() > kMaxLineBytes) {
      ++number_;
      fail(tr("is longer than {}", "длиннее {}", format_bytes(kMaxLineBytes)),
           ErrorCode::kTooLarge);
    }
    const std::string block = file_.part(offset_, kBlockBytes);
    offset_ += block.size();
    buffer_ += block;
    return !block.empty();
  }

  InputFile file_;
  std::uint64_t offset_ = 0;  ///< of the next block
  std::string buffer_;
  std::size_t at_ = 0;  ///< of the next line, in the buffer
  std::uint64_t number_ = 0;
};

std::string text_member(const LineReader& lines, const json& object, const char* name,
                        bool is_required) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    if (!is_required) return {};
    lines.fail(tr("has no \"{}\"", "нет «{}»", name));
  }
  if (!found->is_string()) {
    lines.fail(
        tr("\"{}\" is {}, expected a text", "«{}» — {}, а нужен текст", name, brief(*found)));
  }
  return found->get<std::string>();
}

std::string id_member(const LineReader& lines, const json& object) {
  const auto found = object.find("_id");
  std::string id = found != object.end() && found->is_number_integer()
                       ? found->dump()
                       : text_member(lines, object, "_id", true);
  if (id.empty()) lines.fail(tr("\"_id\" is empty", "«_id» пуст"));
  return id;
}

BeirRecord parse_record(const LineReader& lines, std::string_view line) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    lines.fail(tr("is not a JSON object: {}", "это не объект JSON: {}", excerpt(line, 60)));
  }
  BeirRecord record{.id = id_member(lines, object),
                    .title = text_member(lines, object, "title", false),
                    .text = text_member(lines, object, "text", true),
                    .metadata = {}};
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    for (const auto& [key, value] : metadata->items()) {
      if (value.is_string()) record.metadata.emplace(key, value.get<std::string>());
    }
  }
  return record;
}

void require_new(const LineReader& lines, std::set<std::string>& seen, const std::string& id) {
  if (seen.insert(id).second) return;
  lines.fail(tr("\"_id\" {} is there twice", "«_id» {} встречается дважды", excerpt(id, 60)));
}

struct Judgment {
  std::string_view query, document;
  std::optional<int> relevance;  ///< nothing: not a number
};

Judgment parse_judgment(const LineReader& lines, std::string_view line) {
  const std::size_t first = line.find('\t');
  const std::size_t second = first == line.npos ? line.npos : line.find('\t', first + 1);
  if (second == line.npos || line.find('\t', second + 1) != line.npos) {
    lines.fail(tr("expected 3 fields with tabs between them: {}",
                  "нужны 3 поля через табуляцию: {}", excerpt(line, 60)));
  }
  Judgment judgment{line.substr(0, first), line.substr(first + 1, second - first - 1), {}};
  const std::string_view score = trimmed(line.substr(second + 1));
  int relevance = 0;
  const auto [end, error] = std::from_chars(score.data(), score.data() + score.size(), relevance);
  if (error == std::errc{} && end == score.data() + score.size()) judgment.relevance = relevance;
  return judgment;
}

}  // namespace

void BeirFolder::for_each_document(const std::function<void(BeirRecord)>& use) const {
  LineReader lines(folder_ / "corpus.jsonl");
  std::set<std::string> seen;
  while (const auto line = lines.next()) {
    BeirRecord record = parse_record(lines, *line);
    require_new(lines, seen, record.id);
    use(std::move(record));
  }
}

std::vector<BeirRecord> BeirFolder::queries() const {
  LineReader lines(folder_ / "queries.jsonl");
  std::vector<BeirRecord> queries;
  std::set<std::string> seen;
  while (const auto line = lines.next()) {
    queries.push_back(parse_record(lines, *line));
    require_new(lines, seen, queries.back().id);
  }
  return queries;
}

std::map<std::string, Judgments, std::less<>> BeirFolder::judgments(std::string_view split) const {
  LineReader lines(folder_ / "qrels" / (std::string(split) + ".tsv"));
  std::map<std::string, Judgments, std::less<>> judgments;
  bool is_first = true;
  while (const auto line = lines.next()) {
    const Judgment judgment = parse_judgment(lines, *line);
    const bool is_heading = std::exchange(is_first, false) && !judgment.relevance;
    if (is_heading) continue;
    if (!judgment.relevance) {
      lines.fail(tr("the score is not a whole number: {}", "оценка не целое число: {}",
                    excerpt(*line, 60)));
    }
    Judgments& of_query = judgments[std::string(judgment.query)];
    if (!of_query.emplace(judgment.document, *judgment.relevance).second) {
      lines.fail(tr("{} is judged twice for {}", "{} дважды оценён для {}",
                    excerpt(judgment.document, 60), excerpt(judgment.query, 60)));
    }
  }
  return judgments;
}

}  // namespace oko::index
