// Tests of what every store of a library does (store_cases.cpp), for one kind of store a program.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "index/store.h"

namespace oko::index {

constexpr std::size_t kDimensions = 64;

inline LibraryModel test_model() {
  return {.name = "tiny",
          .fingerprint = "f1",
          .dimensions = kDimensions,
          .colbert_dimensions = kDimensions,
          .has_sparse = true,
          .kernels = "test",
          .query_prefix = "query: ",
          .passage_prefix = "passage: ",
          .language_direction = std::vector<float>(kDimensions, 0.125f)};
}

inline std::vector<float> unit_vector(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDimensions);
  float sum = 0;
  for (float& value : vector) {
    value = normal(random);
    sum += value * value;
  }
  for (float& value : vector) value /= std::sqrt(sum);
  return vector;
}

/// A chunk whose vectors come from `seed`, and whose sparse vector has the tokens 10 + seed and 5.
inline EncodedChunk chunk_of(const std::string& text, std::uint32_t seed) {
  EncodedChunk encoded;
  encoded.chunk.text = text;
  encoded.encoding.dense = unit_vector(seed);
  encoded.encoding.sparse = {{5, 0.1f}, {10 + static_cast<int>(seed), 0.5f}};
  encoded.encoding.colbert.dimensions = kDimensions;
  encoded.encoding.colbert.values = unit_vector(seed);
  return encoded;
}

inline Document document_at(const std::string& path, DocumentKind kind = DocumentKind::kText) {
  Document document;
  document.path = path;
  document.kind = kind;
  document.size_bytes = 100;
  document.modified_ns = 1'700'000'000'000'000'000;
  document.date = 1'700'000'000;
  document.hash.fill(static_cast<std::uint8_t>(path.size()));
  return document;
}

/// A library of a test, empty at first, which may be opened again.
class TestLibrary {
 public:
  virtual ~TestLibrary() = default;
  virtual std::unique_ptr<Store> open_or_create(const LibraryModel& model) = 0;
  virtual std::unique_ptr<Store> open() = 0;
};

/// Makes a library for the test of that name; null with GTEST_SKIP if there can be none here.
using MakeLibrary = std::unique_ptr<TestLibrary> (*)(const std::string& name);

using Ids = std::vector<DocumentId>;

/// The ids of documents of chunks, in their order.
inline Ids documents_of(Store& store, const std::vector<ScoredChunk>& scored) {
  std::vector<ChunkId> ids;
  for (const ScoredChunk& each : scored) ids.push_back(each.chunk);
  Ids documents;
  for (const StoredChunk& chunk : store.chunks(ids)) documents.push_back(chunk.document);
  return documents;
}

class StoreTest : public ::testing::TestWithParam<MakeLibrary> {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    const std::string name = test->name();
    library_ = GetParam()(name.substr(0, name.find('/')));
    if (library_ == nullptr) GTEST_SKIP() << "there can be no such library here";
    writer_ = library_->open_or_create(test_model());
  }

  Ids by_words(const std::string& query, const Filter& filter = {}) {
    return documents_of(*writer_, writer_->find_words(query, 10, filter));
  }

  std::unique_ptr<TestLibrary> library_;
  std::unique_ptr<Store> writer_;
};

}  // namespace oko::index
