#include "index/words_tokenizer.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <xxhash.h>

#include <exception>
#include <memory>
#include <new>
#include <string_view>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/word_reader.h"

namespace oko::index {
namespace {

using TokenCallback = int (*)(void*, int, const char*, int, int, int);

int create(void*, const char**, int, Fts5Tokenizer** out) {
  try {
    *out = reinterpret_cast<Fts5Tokenizer*>(std::make_unique<WordReader>().release());
    return SQLITE_OK;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
}

void destroy(Fts5Tokenizer* tokenizer) {
  const std::unique_ptr<WordReader> reader(reinterpret_cast<WordReader*>(tokenizer));
}

int tokenize_query(std::string_view query, void* context, TokenCallback callback) {
  std::size_t begin = 0;
  while (begin < query.size()) {
    const std::size_t end = std::min(query.find(kTermSeparator, begin), query.size());
    const int status = callback(context, 0, query.data() + begin, static_cast<int>(end - begin),
                                static_cast<int>(begin), static_cast<int>(end));
    if (status != SQLITE_OK) return status;
    begin = end + 1;
  }
  return SQLITE_OK;
}

int tokenize(Fts5Tokenizer* tokenizer, void* context, int flags, const char* text, int size,
             TokenCallback callback) {
  const std::string_view bytes(text, static_cast<std::size_t>(size));
  if ((flags & FTS5_TOKENIZE_QUERY) != 0) return tokenize_query(bytes, context, callback);
  int status = SQLITE_OK;
  try {
    reinterpret_cast<WordReader*>(tokenizer)->read(bytes, [&](const TextWord& word) {
      status = callback(context, word.is_code ? FTS5_TOKEN_COLOCATED : 0, word.term.data(),
                        static_cast<int>(word.term.size()), static_cast<int>(word.begin),
                        static_cast<int>(word.end));
      return status == SQLITE_OK;
    });
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
  return status;
}

}  // namespace

/// As https://www.sqlite.org/fts5.html (7, Extending FTS5) tells to get it.
fts5_api* fts_api_of(const SqliteDatabase& database) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (::sqlite3_prepare_v2(database.handle(), "SELECT fts5(?1)", -1, &statement, nullptr) ==
      SQLITE_OK) {
    ::sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    ::sqlite3_step(statement);
  }
  ::sqlite3_finalize(statement);
  return api;
}

void register_words_tokenizer(SqliteDatabase& database) {
  fts5_api* api = fts_api_of(database);
  if (api == nullptr) {
    throw Error(
        ErrorCode::kFailed,
        tr("this SQLite ({}) was built without FTS5, which the library needs",
           "этот SQLite ({}) собран без FTS5, а он нужен библиотеке", ::sqlite3_libversion()));
  }
  fts5_tokenizer tokenizer{.xCreate = create, .xDelete = destroy, .xTokenize = tokenize};
  const int status = api->xCreateTokenizer(api, "oko_words", nullptr, &tokenizer, nullptr);
  if (status != SQLITE_OK) database.fail(status);
}

std::string words_fingerprint() {
  // Endings on which the versions of both stemmers are known to differ, and some others.
  constexpr std::string_view kSample =
      "ёлками шёл счетов квитанциями красивейшая бегущий programming generously skis outing "
      "news proceeds organization universities ИНВ-00417/А it's";
  std::string terms;
  WordReader().read(kSample, [&](const TextWord& word) {
    terms.append(word.term).push_back(' ');
    return true;
  });
  return fmt::format("{:016x}", ::XXH3_64bits(terms.data(), terms.size()));
}

}  // namespace oko::index
