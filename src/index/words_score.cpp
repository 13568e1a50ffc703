#include "index/words_score.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>

#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

constexpr const char* kPointerType = "oko_words_score";
constexpr int kHeadingColumn = 1;

/// How often the row has a phrase, with the weights of the columns.
int count_phrase(const Fts5ExtensionApi* api, Fts5Context* row, int phrase, double heading_weight,
                 double& count) {
  Fts5PhraseIter iterator;
  int column = 0, offset = 0;
  count = 0;
  const int status = api->xPhraseFirst(row, phrase, &iterator, &column, &offset);
  if (status != SQLITE_OK) return status;
  for (; column >= 0; api->xPhraseNext(row, &iterator, &column, &offset)) {
    count += column == kHeadingColumn ? heading_weight : 1.0;
  }
  return SQLITE_OK;
}

int read_mean_size(const Fts5ExtensionApi* api, Fts5Context* row, double& mean) {
  sqlite3_int64 rows = 0, words = 0;
  int status = api->xRowCount(row, &rows);
  if (status == SQLITE_OK) status = api->xColumnTotalSize(row, -1, &words);
  mean = std::max(static_cast<double>(words), 1.0) / std::max(static_cast<double>(rows), 1.0);
  return status;
}

int score_row(const Fts5ExtensionApi* api, Fts5Context* row, WordsScore& score, double& sum) {
  constexpr double k1 = WordsScore::kSaturation, b = WordsScore::kLength;
  const auto phrases = static_cast<std::size_t>(api->xPhraseCount(row));
  if (phrases != score.idf.size()) return SQLITE_MISUSE;
  std::vector<std::pair<double, double>>& counts = score.counts;
  counts.clear();
  double most = 0;  // as if the row had no other word
  for (std::size_t phrase = 0; phrase < phrases; ++phrase) {
    if (score.idf[phrase] == 0) continue;
    double count = 0;
    const int status =
        count_phrase(api, row, static_cast<int>(phrase), score.heading_weight, count);
    if (status != SQLITE_OK) return status;
    if (count == 0) continue;
    counts.emplace_back(score.idf[phrase], count);
    most += score.idf[phrase] * count * (k1 + 1) / (count + k1 * (1 - b));
  }
  sum = 0;
  if (most < score.least) return SQLITE_OK;
  int size = 0;
  int status = api->xColumnSize(row, -1, &size);
  if (status == SQLITE_OK && score.mean_size == 0) {
    status = read_mean_size(api, row, score.mean_size);
  }
  for (const auto& [idf, count] : counts) {
    sum += idf * count * (k1 + 1) / (count + k1 * (1 - b + b * size / score.mean_size));
  }
  return status;
}

void call_score(const Fts5ExtensionApi* api, Fts5Context* row, sqlite3_context* context, int count,
                sqlite3_value** values) {
  auto* score = count != 1
                    ? nullptr
                    : static_cast<WordsScore*>(::sqlite3_value_pointer(values[0], kPointerType));
  if (score == nullptr) return ::sqlite3_result_error_code(context, SQLITE_MISUSE);
  try {
    double sum = 0;
    const int status = score_row(api, row, *score, sum);
    if (status != SQLITE_OK) return ::sqlite3_result_error_code(context, status);
    ::sqlite3_result_double(context, sum);
  } catch (const std::bad_alloc&) {
    ::sqlite3_result_error_nomem(context);
  }
}

}  // namespace

void register_words_score(SqliteDatabase& database) {
  fts5_api* api = fts_api_of(database);
  const int status = api->xCreateFunction(api, "oko_score", nullptr, call_score, nullptr);
  if (status != SQLITE_OK) database.fail(status);
}

void bind_score(SqliteStatement& statement, int parameter, WordsScore& score) {
  statement.bind_pointer(parameter, &score, kPointerType);
}

}  // namespace oko::index
