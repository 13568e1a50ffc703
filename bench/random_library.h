#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "index/library.h"
#include "models/bge_m3/encoding.h"

namespace oko::index {

inline constexpr std::size_t kLibraryDimensions = 1024;
inline constexpr std::size_t kChunksOfDocument = 4;
inline constexpr std::size_t kDocumentsOfFolder = 200;

/// Passages of made-up Russian and English words, as often as words of a text are (Zipf), with
/// endings, numbers and codes. Equal for equal numbers.
class RandomLibrary {
 public:
  /// `tokens`: token vectors of a chunk; 0: it has none.
  explicit RandomLibrary(std::size_t tokens);

  LibraryModel model() const;
  Document document(std::size_t number) const;
  EncodedChunk chunk(std::size_t number) const;
  std::string text(std::size_t number) const;

  /// A word by its place among all of its language, the most frequent first.
  static std::string word(bool is_russian, std::size_t rank, std::mt19937_64& random);
  static std::vector<float> unit_vector(std::mt19937_64& random);
  static models::bge_m3::SparseVector sparse(std::size_t tokens, std::mt19937_64& random);
  static models::bge_m3::TokenVectors token_vectors(std::size_t count, std::mt19937_64& random);

 private:
  std::vector<models::bge_m3::TokenVectors> tokens_;  ///< of chunks in turn
};

/// Makes a library as `oko index` does: commits every 512 chunks. Returns the seconds that the
/// store took.
double make_library(const std::filesystem::path& path, const RandomLibrary& library,
                    std::size_t chunks);

}  // namespace oko::index
