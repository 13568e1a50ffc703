#include "server/page_json.h"

#include <utility>

#include "base/rounded.h"

namespace oko::server {
namespace {

const char* name_of(document::TextSource source) {
  switch (source) {
    case document::TextSource::kTextLayer:
      return "text_layer";
    case document::TextSource::kBoth:
      return "both";
    case document::TextSource::kRecognized:
      break;
  }
  return "ocr";
}

Json json_of(const document::Line& line, float min_confidence) {
  Json words = Json::array();
  for (const document::Word& word : line.words) {
    words.push_back({{"text", word.text},
                     {"box", server::json_of(word.box)},
                     {"confidence", rounded(word.confidence, 3)},
                     {"language", word.language},
                     {"source", name_of(word.source)}});
    if (document::is_unsure(word, min_confidence)) words.back()["unsure"] = true;
  }
  return {{"text", line.text()},
          {"box", server::json_of(line.box)},
          {"confidence", rounded(line.confidence, 3)},
          {"block", line.block},
          {"words", std::move(words)}};
}

}  // namespace

Json json_of(const document::Box& box) {
  const auto number = [](double value) { return rounded(value, 1); };
  return {number(box.left), number(box.top), number(box.width), number(box.height)};
}

Json json_of(const document::Page& page, float min_confidence) {
  Json lines = Json::array();
  for (const document::Line& line : page.lines) lines.push_back(json_of(line, min_confidence));
  Json object{{"source", name_of(page.source)},
              {"width", page.width},
              {"height", page.height},
              {"text", page.text()},
              {"lines", std::move(lines)}};
  if (page.is_doubtful) object["doubtful"] = true;
  return object;
}

}  // namespace oko::server
