#include "server/search_json.h"

#include <cmath>
#include <optional>

#include "base/rounded.h"
#include "index/filter_text.h"

namespace oko::server {
namespace {

void add_measures(const index::HitScores& scores, Json& json) {
  for (const Measure& each : measures_of(scores)) {
    json["scores"][each.name] = rounded(*each.score, 4);
    json["parts"][each.name] = rounded(each.part, 4);
  }
}

/// The box in pixels of the upright page, as oko ocr gives boxes.
Json box_json(const index::PageBox& box, const index::Chunk& chunk) {
  const auto pixels = [](float part, int side) { return std::lround(part * float(side)); };
  return {pixels(box.left, chunk.page_width), pixels(box.top, chunk.page_height),
          pixels(box.width, chunk.page_width), pixels(box.height, chunk.page_height)};
}

}  // namespace

std::vector<Measure> measures_of(const index::HitScores& scores) {
  const index::ScoreParts& parts = scores.parts;
  std::vector<Measure> measures{{"dense", scores.dense, parts.dense},
                                {"sparse", scores.sparse, parts.sparse},
                                {"words", scores.words, parts.words},
                                {"colbert", scores.colbert, parts.colbert}};
  std::erase_if(measures, [](const Measure& each) { return !each.score; });
  return measures;
}

Json passage_json(std::size_t rank, const tasks::FoundPassage& found, bool explain) {
  const index::Chunk& chunk = found.hit.chunk.chunk;
  Json json{
      {"rank", rank}, {"file", found.document.path}, {"kind", index::name_of(found.document.kind)}};
  if (!found.copies.empty()) json["copies"] = found.copies;
  if (chunk.page > 0) json["page"] = chunk.page;
  if (!found.document.title.empty()) json["title"] = found.document.title;
  json["score"] = rounded(found.hit.scores.total, 4);
  if (explain) add_measures(found.hit.scores, json);
  json["origin"] = index::name_of(chunk.origin);
  json["text"] = chunk.text;
  json["snippet"] = found.snippet.text;
  json["marks"] = Json::array();
  for (const auto& [begin, end] : found.snippet.marks) json["marks"].push_back({begin, end});
  if (found.snippet.box && chunk.page_width > 0) {
    json["page_width"] = chunk.page_width;
    json["page_height"] = chunk.page_height;
    json["box"] = box_json(*found.snippet.box, chunk);
  }
  return json;
}

}  // namespace oko::server
