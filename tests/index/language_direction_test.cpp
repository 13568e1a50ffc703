#include "index/language_direction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace oko::index {
namespace {

constexpr std::size_t kDirectionDimensions = 96;
constexpr std::size_t kPassages = 16;

class LanguageDirectionTest : public ::testing::Test {
 protected:
  /// A vector of length 1 near `meaning`, with `language` as the number at `kLanguage`.
  std::vector<float> vector_of(const std::vector<float>& meaning, float language) {
    std::vector<float> vector = random_vector();
    for (std::size_t i = 0; i < kDirectionDimensions; ++i)
      vector[i] = meaning[i] + 0.5f * vector[i];
    vector[kLanguage] = language;
    normalize(vector);
    return vector;
  }

  std::vector<float> random_vector() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(kDirectionDimensions);
    for (float& value : vector) value = normal(random_);
    return vector;
  }

  static void normalize(std::vector<float>& vector) {
    double sum = 0;
    for (const float value : vector) sum += value * value;
    for (float& value : vector) value /= static_cast<float>(std::sqrt(sum));
  }

  /// Passages and translations with languages at `language` and its opposite.
  std::vector<float> direction(float language) {
    std::vector<std::vector<float>> passages, translations;
    for (std::size_t i = 0; i < kPassages; ++i) {
      const std::vector<float> meaning = random_vector();
      passages.push_back(vector_of(meaning, language));
      translations.push_back(vector_of(meaning, -language));
    }
    return language_direction(passages, translations);
  }

  static constexpr std::size_t kLanguage = 5;
  std::mt19937 random_{3};
};

TEST_F(LanguageDirectionTest, IsThatOfTheLanguage) {
  const std::vector<float> found = direction(10);
  ASSERT_EQ(found.size(), kDirectionDimensions);
  EXPECT_GT(found[kLanguage], 0.9f);
}

TEST_F(LanguageDirectionTest, ModelThatKeepsLanguagesTogetherHasNone) {
  EXPECT_TRUE(direction(0).empty());
  EXPECT_TRUE(direction(0.5f).empty());
}

TEST_F(LanguageDirectionTest, ModelWithoutMeaningHasNone) {
  std::vector<std::vector<float>> passages, translations;
  for (std::size_t i = 0; i < kPassages; ++i) {
    passages.push_back(vector_of(random_vector(), 10));
    translations.push_back(vector_of(random_vector(), -10));
  }
  EXPECT_TRUE(language_direction(passages, translations).empty());
}

TEST_F(LanguageDirectionTest, QueryWithoutItKeepsItsLength) {
  std::vector<float> direction(kDirectionDimensions);
  direction[kLanguage] = 1;
  std::vector<float> query = vector_of(random_vector(), 4);
  const std::vector<float> before = query;
  remove_direction(query, {});
  EXPECT_EQ(query, before);
  remove_direction(query, direction);
  EXPECT_NEAR(query[kLanguage], 0, 1e-6);
  double sum = 0;
  for (const float value : query) sum += value * value;
  EXPECT_NEAR(sum, 1, 1e-5);
  EXPECT_NEAR(query[1] / query[2], before[1] / before[2], 1e-4);
}

}  // namespace
}  // namespace oko::index
