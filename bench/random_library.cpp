#include "bench/random_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "engine/stopwatch.h"
#include "index/sqlite_store.h"

namespace oko::index {
namespace {

constexpr std::size_t kWords = 130;  ///< of a chunk: some 200 tokens
constexpr std::size_t kVocabulary = 50'000, kTokenVocabulary = 250'002;
constexpr std::size_t kFunctionWords = 40;  ///< without endings
constexpr std::size_t kSparseTokens = 60;
constexpr std::size_t kTokenSets = 16;
constexpr std::size_t kChunksOfCommit = 512;

constexpr std::array<std::string_view, 20> kRussianConsonants{"н", "т", "с", "р", "в", "л", "к",
                                                              "м", "д", "п", "г", "з", "б", "ч",
                                                              "й", "х", "ж", "ш", "ц", "ф"};
constexpr std::array<std::string_view, 20> kEnglishConsonants{"t", "n", "s", "r", "h", "l", "d",
                                                              "c", "m", "f", "p", "g", "w", "b",
                                                              "v", "k", "x", "j", "q", "z"};
constexpr std::array<std::string_view, 6> kRussianVowels{"о", "е", "а", "и", "у", "ы"};
constexpr std::array<std::string_view, 6> kEnglishVowels{"e", "a", "o", "i", "u", "y"};
constexpr std::array<std::string_view, 8> kRussianEndings{"",  "а", "у",  "ом",
                                                          "е", "ы", "ов", "ами"};
constexpr std::array<std::string_view, 4> kEnglishEndings{"", "s", "ed", "ing"};

/// A place in a list in which the n-th occurs 1 / (n + 3) as often as the first.
std::size_t zipf(std::size_t count, std::mt19937_64& random) {
  constexpr double kShift = 3;
  const double part = std::uniform_real_distribution<double>()(random);
  const double place = kShift * std::pow((static_cast<double>(count) + kShift) / kShift, part);
  return std::min(static_cast<std::size_t>(place - kShift), count - 1);
}

std::string code(std::mt19937_64& random) {
  const auto number = random() % 100'000;
  switch (random() % 3) {
    case 0:
      return fmt::format("ИНВ-{:05}/А", number);
    case 1:
      return fmt::format("AB-{:05}", number);
    default:
      return fmt::format("{}", number);
  }
}

}  // namespace

RandomLibrary::RandomLibrary(std::size_t tokens) {
  std::mt19937_64 random(1);
  if (tokens == 0) return;
  for (std::size_t i = 0; i < kTokenSets; ++i) tokens_.push_back(token_vectors(tokens, random));
}

LibraryModel RandomLibrary::model() const {
  return {.name = "random",
          .fingerprint = "random",
          .dimensions = kLibraryDimensions,
          .colbert_dimensions = tokens_.empty() ? 0 : kLibraryDimensions,
          .has_sparse = true,
          .kernels = "random"};
}

std::string RandomLibrary::word(bool is_russian, std::size_t rank, std::mt19937_64& random) {
  const auto& consonants = is_russian ? kRussianConsonants : kEnglishConsonants;
  const auto& vowels = is_russian ? kRussianVowels : kEnglishVowels;
  std::string word;
  std::size_t rest = rank;
  do {
    word += consonants[rest % consonants.size()];
    rest /= consonants.size();
    word += vowels[rest % vowels.size()];
    rest /= vowels.size();
    if (rest % 5 == 4) word += consonants[rest % 7];
  } while (rest > 0);
  if (rank < kFunctionWords) return word;
  const std::size_t ending = std::min(random() % 8, random() % 8);  // the first are frequent
  word += is_russian ? kRussianEndings[ending] : kEnglishEndings[ending / 2];
  return word;
}

std::vector<float> RandomLibrary::unit_vector(std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(kLibraryDimensions);
  float square = 0;
  for (float& x : vector) {
    x = normal(random);
    square += x * x;
  }
  for (float& x : vector) x /= std::sqrt(square);
  return vector;
}

models::bge_m3::SparseVector RandomLibrary::sparse(std::size_t tokens, std::mt19937_64& random) {
  std::map<std::int32_t, float> weights;
  std::uniform_real_distribution<float> weight(0.02f, 0.3f);
  while (weights.size() < tokens) {
    weights.emplace(static_cast<std::int32_t>(4 + zipf(kTokenVocabulary - 4, random)),
                    weight(random));
  }
  return {weights.begin(), weights.end()};
}

models::bge_m3::TokenVectors RandomLibrary::token_vectors(std::size_t count,
                                                          std::mt19937_64& random) {
  models::bge_m3::TokenVectors vectors{.dimensions = kLibraryDimensions, .values = {}};
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<float> vector = unit_vector(random);
    vectors.values.insert(vectors.values.end(), vector.begin(), vector.end());
  }
  return vectors;
}

Document RandomLibrary::document(std::size_t number) const {
  Document document;
  document.path =
      fmt::format("/library/folder_{}/document_{}.txt", number / kDocumentsOfFolder, number);
  document.kind = DocumentKind::kText;
  document.size_bytes = 6000;
  document.modified_ns = static_cast<std::int64_t>(number) * 1'000'000'000;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), sizeof(number),
              document.hash.begin());
  document.date = static_cast<std::int64_t>(number);
  return document;
}

std::string RandomLibrary::text(std::size_t number) const {
  std::mt19937_64 random(number);
  const bool is_russian = number / kChunksOfDocument % 2 == 0;
  std::string text;
  for (std::size_t i = 0; i < kWords; ++i) {
    if (i > 0) text += i % 12 == 0 ? ". " : " ";
    text +=
        random() % 100 == 0 ? code(random) : word(is_russian, zipf(kVocabulary, random), random);
  }
  return text;
}

EncodedChunk RandomLibrary::chunk(std::size_t number) const {
  std::mt19937_64 random(number);
  EncodedChunk made;
  made.chunk.text = text(number);
  made.encoding.dense = unit_vector(random);
  made.encoding.sparse = sparse(kSparseTokens, random);
  if (!tokens_.empty()) made.encoding.colbert = tokens_[number % tokens_.size()];
  return made;
}

double make_library(const std::filesystem::path& path, const RandomLibrary& library,
                    std::size_t chunks) {
  const auto store = SqliteStore::open_or_create(path, library.model());
  double seconds = 0;
  for (std::size_t first = 0; first < chunks; first += kChunksOfDocument) {
    std::vector<EncodedChunk> of_document;
    for (std::size_t i = first; i < std::min(first + kChunksOfDocument, chunks); ++i) {
      of_document.push_back(library.chunk(i));
    }
    const engine::Stopwatch watch;
    store->put(library.document(first / kChunksOfDocument), of_document);
    const std::size_t last = first + of_document.size();
    if (last % kChunksOfCommit == 0 || last == chunks) store->commit();
    seconds += watch.seconds();
  }
  return seconds;
}

}  // namespace oko::index
