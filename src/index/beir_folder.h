#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "index/ranking_metrics.h"

namespace oko::index {

/// A document or a query of a BEIR folder.
struct BeirRecord {
  std::string id;
  std::string title;  ///< empty: a query, or a document without one
  std::string text;
  /// The texts in its "metadata" ("language": "ru"); other values are left out.
  std::map<std::string, std::string, std::less<>> metadata;
};

/// Documents, queries and judgments in the layout of BEIR
/// (https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset):
///
///     corpus.jsonl    {"_id": "d1", "title": "…", "text": "…", "metadata": {…}}
///     queries.jsonl   {"_id": "q1", "text": "…", "metadata": {…}}
///     qrels/test.tsv  query-id <tab> corpus-id <tab> score, after one line of headings
///
/// An id may be a number. Errors name the file and the line: kBadInput; kNotFound if the file is
/// missing; kTooLarge for a line above 64 MB.
class BeirFolder {
 public:
  explicit BeirFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Calls `use` with each document in the order of the file. Holds one document at a time, and
  /// all ids. Throws kBadInput if an id repeats.
  void for_each_document(const std::function<void(BeirRecord)>& use) const;

  /// In the order of the file. Throws kBadInput if an id repeats.
  std::vector<BeirRecord> queries() const;

  /// Judgments by the query's id, of a split: "test", "dev". Throws kBadInput if a pair repeats.
  std::map<std::string, Judgments, std::less<>> judgments(std::string_view split) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace oko::index
