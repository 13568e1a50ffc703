// What every store of a library does.
#include "tests/index/store_cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace oko::index {
namespace {

TEST_P(StoreTest, DocumentsComeBackAsTheyWere) {
  Document document = document_at("/папка/счёт.pdf", DocumentKind::kPdf);
  document.title = "Счёт на оплату";
  document.pages = 3;
  document.hash = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};
  const DocumentId id = writer_->put(document, std::vector{chunk_of("текст", 1)});
  writer_->commit();
  const auto stored = library_->open()->documents(std::vector{id, id + 1});
  ASSERT_EQ(stored.size(), 1u);
  const Document& read = stored[0].document;
  EXPECT_EQ(stored[0].id, id);
  EXPECT_EQ(read.path, document.path);
  EXPECT_EQ(read.kind, document.kind);
  EXPECT_EQ(read.size_bytes, document.size_bytes);
  EXPECT_EQ(read.modified_ns, document.modified_ns);
  EXPECT_EQ(read.hash, document.hash);
  EXPECT_EQ(read.date, document.date);
  EXPECT_EQ(read.title, document.title);
  EXPECT_EQ(read.pages, 3);
}

TEST_P(StoreTest, ChunksComeBackWithTheirPlaces) {
  EncodedChunk encoded = chunk_of("Итого 120 руб.\nСпасибо", 1);
  encoded.chunk.origin = TextOrigin::kRecognized;
  encoded.chunk.page = 2;
  encoded.chunk.page_width = 1200;
  encoded.chunk.page_height = 1600;
  encoded.chunk.lines = {{0, 22, {0.1f, 0.25f, 0.5f, 0.05f}}, {23, 37, {0, 0, 1, 1}}};
  writer_->put(document_at("/a.png"), std::vector{encoded});
  writer_->commit();
  const auto found = writer_->find_words("спасибо", 5, {});
  ASSERT_EQ(found.size(), 1u);
  const StoredChunk stored = writer_->chunks(std::vector{found[0].chunk}).at(0);
  EXPECT_EQ(stored.chunk.text, encoded.chunk.text);
  EXPECT_EQ(stored.chunk.origin, TextOrigin::kRecognized);
  EXPECT_EQ(stored.chunk.page, 2);
  EXPECT_EQ(stored.chunk.page_width, 1200);
  ASSERT_EQ(stored.chunk.lines.size(), 2u);
  EXPECT_EQ(stored.chunk.lines[0].end, 22u);
  EXPECT_NEAR(stored.chunk.lines[0].box.top, 0.25f, 1e-5);
  EXPECT_EQ(stored.chunk.lines[1].box, encoded.chunk.lines[1].box);
}

TEST_P(StoreTest, LongDocumentsComeInParts) {
  const DocumentId id =
      writer_->put(document_at("/a"), std::vector{chunk_of("начало", 1), chunk_of("далее", 2)});
  writer_->append(id, std::vector{chunk_of("середина", 3)});
  writer_->append(id, {});
  writer_->append(id, std::vector{chunk_of("конец", 4)});
  writer_->commit();
  EXPECT_EQ(writer_->counts().chunks, 4u);
  EXPECT_EQ(by_words("конец"), Ids{id});
  EXPECT_EQ(writer_->find_dense(unit_vector(3), 10, {}).size(), 4u);
  writer_->put(document_at("/a"), std::vector{chunk_of("другое", 5)});
  writer_->commit();
  EXPECT_EQ(writer_->counts().chunks, 1u);
  EXPECT_EQ(by_words("конец"), Ids{});
}

TEST_P(StoreTest, UncommittedDocumentsAreNotSeenByOthers) {
  writer_->put(document_at("/a.txt"), std::vector{chunk_of("чек", 1)});
  writer_->commit();
  const auto reader = library_->open();
  writer_->put(document_at("/b.txt"), std::vector{chunk_of("чек", 2)});
  EXPECT_EQ(reader->find_words("чек", 10, {}).size(), 1u);
  EXPECT_EQ(reader->find_dense(unit_vector(2), 10, {}).size(), 1u);
  writer_->commit();
  EXPECT_EQ(reader->find_words("чек", 10, {}).size(), 2u);
  EXPECT_EQ(reader->find_dense(unit_vector(2), 10, {}).size(), 2u);
  EXPECT_EQ(reader->counts().documents, 2u);
}

TEST_P(StoreTest, UncommittedDocumentsAreLostWithTheStore) {
  writer_->put(document_at("/a.txt"), std::vector{chunk_of("чек", 1)});
  writer_.reset();
  EXPECT_EQ(library_->open()->counts().documents, 0u);
}

TEST_P(StoreTest, DenseOrderIsThatOfTheCosines) {
  std::vector<std::pair<double, DocumentId>> expected;
  const std::vector<float> query = unit_vector(1000);
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    const DocumentId id =
        writer_->put(document_at("/" + std::to_string(seed)), std::vector{chunk_of("т", seed)});
    const std::vector<float> vector = unit_vector(seed);
    double cosine = 0;
    for (std::size_t i = 0; i < kDimensions; ++i) cosine += double{vector[i]} * query[i];
    expected.emplace_back(cosine, id);
  }
  writer_->commit();
  std::sort(expected.rbegin(), expected.rend());
  const auto found = writer_->find_dense(query, 20, {});
  const Ids ids = documents_of(*writer_, found);
  ASSERT_EQ(ids.size(), 20u);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(ids[i], expected[i].second) << i;
    EXPECT_NEAR(found[i].score, expected[i].first, 1e-4) << i;
  }
}

TEST_P(StoreTest, SparseScoresAreSumsOfProducts) {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    writer_->put(document_at("/" + std::to_string(seed)), std::vector{chunk_of("т", seed)});
    if (seed % 5 == 0) writer_->commit();  // segments and their merges
  }
  const auto found = writer_->find_sparse({{5, 2.0f}, {47, 1.0f}, {9999, 3.0f}}, 200, {});
  ASSERT_EQ(found.size(), 100u);
  EXPECT_NEAR(found[0].score, 0.7f, 0.005f);
  EXPECT_EQ(writer_->documents(documents_of(*writer_, {found[0]}))[0].document.path, "/37");
  EXPECT_NEAR(found[1].score, 0.2f, 0.002f);
}

TEST_P(StoreTest, ColbertScoresAreMeansOfTheBestCosines) {
  EncodedChunk chunk = chunk_of("т", 1);
  const std::vector<float> second = unit_vector(2);
  chunk.encoding.colbert.values.insert(chunk.encoding.colbert.values.end(), second.begin(),
                                       second.end());
  EncodedChunk bare = chunk_of("т", 3);
  bare.encoding.colbert = {};
  writer_->put(document_at("/a"), std::vector{chunk, bare});
  writer_->commit();
  models::bge_m3::TokenVectors query{.dimensions = kDimensions, .values = unit_vector(1)};
  query.values.insert(query.values.end(), second.begin(), second.end());
  std::vector<ChunkId> ids;
  for (const auto& each : writer_->find_dense(unit_vector(1), 10, {})) ids.push_back(each.chunk);
  std::sort(ids.begin(), ids.end());
  const std::vector<float> scores = writer_->colbert_scores(query, ids);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_NEAR(scores[0], 1.0f, 0.01f);
  EXPECT_EQ(scores[1], 0.0f);
}

TEST_P(StoreTest, RussianAndEnglishWordsAreFoundInAnyForm) {
  const DocumentId russian =
      writer_->put(document_at("/a"), std::vector{chunk_of("Квитанция об оплате счёта", 1)});
  const DocumentId english =
      writer_->put(document_at("/b"), std::vector{chunk_of("Connected devices and receipts", 2)});
  writer_->commit();
  EXPECT_EQ(by_words("квитанциями"), Ids{russian});
  EXPECT_EQ(by_words("СЧЕТА"), Ids{russian});
  EXPECT_EQ(by_words("connecting"), Ids{english});
  EXPECT_EQ(by_words("receipt"), Ids{english});
  EXPECT_EQ(by_words("нет такого"), Ids{});
}

TEST_P(StoreTest, ScoresOfWordsAreSharesOfTheQuery) {
  for (int i = 0; i < 50; ++i) {
    writer_->put(document_at("/" + std::to_string(i)),
                 std::vector{chunk_of("прочий текст номер" + std::to_string(i), 1)});
  }
  const DocumentId whole = writer_->put(document_at("/a"), std::vector{chunk_of("лиса барсук", 2)});
  const DocumentId half = writer_->put(document_at("/b"), std::vector{chunk_of("лиса ёж", 3)});
  writer_->commit();
  const auto found = writer_->find_words("лиса барсук", 10, {});
  ASSERT_EQ(documents_of(*writer_, found), (Ids{whole, half}));
  EXPECT_GT(found[0].score, 0.5f);
  EXPECT_LE(found[0].score, 1.0f);
  EXPECT_LT(found[1].score, 0.6f * found[0].score);
  // A word that no text has lowers the share, but by less than one that others have.
  const float with_unknown = writer_->find_words("лиса барсук жираф", 10, {})[0].score;
  EXPECT_LT(with_unknown, 0.9f * found[0].score);
  EXPECT_GT(with_unknown, 0.7f * found[0].score);
}

TEST_P(StoreTest, WordsOfMostChunksTellNothing) {
  for (int i = 0; i < 50; ++i) {
    writer_->put(document_at("/" + std::to_string(i)),
                 std::vector{chunk_of("прочий текст номер" + std::to_string(i), 1)});
  }
  writer_->commit();
  EXPECT_FALSE(writer_->has_telling_words("прочие тексты"));
  EXPECT_FALSE(writer_->has_telling_words("жираф"));
  EXPECT_TRUE(writer_->has_telling_words("прочие тексты номер7"));
  EXPECT_TRUE(writer_->has_telling_words("«прочий текст»"));
  EXPECT_EQ(writer_->find_words("прочие тексты", 10, {}).size(), 10u);
}

TEST_P(StoreTest, CodesAreFoundWholeByPartAndWithinAWord) {
  const DocumentId first =
      writer_->put(document_at("/a"), std::vector{chunk_of("Счёт ИНВ-00417/А от марта", 1)});
  writer_->put(document_at("/b"), std::vector{chunk_of("Счёт ИНВ-00418/Б от марта", 2)});
  writer_->commit();
  EXPECT_EQ(by_words("ИНВ-00417/А").front(), first);
  EXPECT_EQ(by_words("00417"), Ids{first});
  EXPECT_EQ(by_words("0417"), Ids{first});
  EXPECT_EQ(by_words("417/а"), Ids{first});
}

TEST_P(StoreTest, MistakesInTypingAreForgivenButOtherNumbersAreNot) {
  const DocumentId first =
      writer_->put(document_at("/a"), std::vector{chunk_of("договор аренды 2024", 1)});
  const DocumentId second = writer_->put(document_at("/b"), std::vector{chunk_of("receipt", 2)});
  writer_->commit();
  EXPECT_EQ(by_words("догвоор"), Ids{first});
  EXPECT_EQ(by_words("reciept"), Ids{second});
  EXPECT_EQ(by_words("2025"), Ids{});
}

TEST_P(StoreTest, PhrasesInQuotationMarksAreNeeded) {
  const DocumentId first =
      writer_->put(document_at("/a"), std::vector{chunk_of("зелёный чай с лимоном", 1)});
  writer_->put(document_at("/b"), std::vector{chunk_of("чай чёрный, зелёный и белый", 2)});
  writer_->commit();
  EXPECT_EQ(by_words("«зелёный чай» чёрный"), Ids{first});
  EXPECT_EQ(by_words("\"зелёный чай\""), Ids{first});
  EXPECT_EQ(by_words("зелёный чай").size(), 2u);
}

TEST_P(StoreTest, PhraseThatIsInTheTextCoversTheQuery) {
  for (int i = 0; i < 50; ++i) {
    writer_->put(document_at("/" + std::to_string(i)), std::vector{chunk_of("прочий текст", 1)});
  }
  writer_->put(document_at("/a"), std::vector{chunk_of("зелёный чай", 2)});
  writer_->commit();
  const auto phrase = writer_->find_words("«зелёный чай»", 10, {});
  ASSERT_EQ(phrase.size(), 1u);
  EXPECT_GT(phrase[0].score, 0.45f);
}

TEST_P(StoreTest, NamesAndTitlesAreFound) {
  Document document = document_at("/photos/Байкал 2019.jpg", DocumentKind::kPicture);
  document.title = "Summer holidays";
  const DocumentId id = writer_->put(document, std::vector{chunk_of("", 1), chunk_of("горы", 2)});
  writer_->commit();
  EXPECT_EQ(by_words("байкал"), Ids{id}) << "by the first chunk alone";
  EXPECT_EQ(by_words("holiday"), Ids{id});
  document.path = "/photos/Алтай.jpg";
  writer_->move(id, document);
  writer_->commit();
  EXPECT_EQ(by_words("байкал"), Ids{});
  EXPECT_EQ(by_words("алтай"), Ids{id});
  EXPECT_EQ(by_words("holiday"), Ids{id});
}

TEST_P(StoreTest, ReplacedAndRemovedTextIsNotFound) {
  const DocumentId id = writer_->put(document_at("/a"), std::vector{chunk_of("старый текст", 1)});
  writer_->put(document_at("/b"), std::vector{chunk_of("лишний текст", 2)});
  writer_->commit();
  EXPECT_EQ(writer_->put(document_at("/a"), std::vector{chunk_of("новый", 3)}), id);
  writer_->remove(by_words("лишний").at(0));
  writer_->commit();
  EXPECT_EQ(by_words("старый"), Ids{});
  EXPECT_EQ(by_words("лишний"), Ids{});
  EXPECT_EQ(by_words("новый"), Ids{id});
  EXPECT_EQ(writer_->find_dense(unit_vector(1), 10, {}).size(), 1u);
  EXPECT_EQ(writer_->find_sparse({{5, 1.0f}}, 10, {}).size(), 1u);
  EXPECT_EQ(writer_->counts().documents, 1u);
  EXPECT_EQ(writer_->counts().chunks, 1u);
}

TEST_P(StoreTest, FiltersChooseByFolderPatternKindAndDate) {
  Document picture = document_at("/photos/2019/a.jpg", DocumentKind::kPicture);
  picture.date = 1000;
  Document text = document_at("/notes/a.txt");
  text.date = 2000;
  const DocumentId first = writer_->put(picture, std::vector{chunk_of("море", 1)});
  const DocumentId second = writer_->put(text, std::vector{chunk_of("море", 2)});
  writer_->commit();
  // Each differs from the one before in one field alone.
  EXPECT_EQ(by_words("море", {.path = "/notes"}), Ids{second});
  EXPECT_EQ(by_words("море", {.path = "/photos"}), Ids{first});
  EXPECT_EQ(by_words("море", {.path = "/photo"}), Ids{});
  EXPECT_EQ(by_words("море", {.path = "*.txt"}), Ids{second});
  EXPECT_EQ(by_words("море", {.kinds = {DocumentKind::kText}}), Ids{second});
  EXPECT_EQ(by_words("море", {.kinds = {DocumentKind::kPicture}}), Ids{first});
  EXPECT_EQ(by_words("море", {.from_date = 2000}), Ids{second});
  EXPECT_EQ(by_words("море", {.from_date = 2001}), Ids{});
  EXPECT_EQ(by_words("море", {.to_date = 1000}), Ids{first});
  EXPECT_EQ(by_words("море", {.to_date = 999}), Ids{});
  Filter filter;
  filter.path = "/notes";
  EXPECT_EQ(documents_of(*writer_, writer_->find_dense(unit_vector(1), 5, filter)), Ids{second});
  EXPECT_EQ(documents_of(*writer_, writer_->find_sparse({{5, 1.f}}, 5, filter)), Ids{second});
  const DocumentId third =
      writer_->put(document_at("/notes/b.txt"), std::vector{chunk_of("море", 3)});
  writer_->commit();
  EXPECT_EQ(documents_of(*writer_, writer_->find_dense(unit_vector(3), 1, filter)), Ids{third});
}

TEST_P(StoreTest, PatternsKnowNoMoreThanStarAndQuestionMark) {
  const DocumentId first =
      writer_->put(document_at("/notes/doc [1].txt"), std::vector{chunk_of("море", 1)});
  const DocumentId second =
      writer_->put(document_at("/notes/doc 1\\.txt"), std::vector{chunk_of("море", 2)});
  writer_->commit();
  EXPECT_EQ(by_words("море", {.path = "/notes/doc [1]*"}), Ids{first});
  EXPECT_EQ(by_words("море", {.path = "/notes/doc 1\\.*"}), Ids{second});
  EXPECT_EQ(by_words("море", {.path = "/notes/doc ?1?.txt"}), Ids{first});
  const DocumentId third = writer_->put(document_at("/ключ.txt"), std::vector{chunk_of("море", 3)});
  writer_->commit();
  EXPECT_EQ(by_words("море", {.path = "/????.txt"}), Ids{third}) << "letters, not bytes";
}

TEST_P(StoreTest, WordsThatMostTextsHaveInPartAreFound) {
  for (const char* text : {"престол", "столица", "застолье", "столбик", "престол застолье"}) {
    writer_->put(document_at(std::string("/") + text), std::vector{chunk_of(text, 1)});
  }
  writer_->commit();
  EXPECT_FALSE(by_words("стол").empty());
}

TEST_P(StoreTest, DocumentsThatFailedAreCountedAndHaveNoChunks) {
  Document document = document_at("/broken.pdf", DocumentKind::kPdf);
  document.error = "the file is damaged";
  writer_->put(document, {});
  writer_->put(document_at("/a"), std::vector{chunk_of("т", 1)});
  writer_->commit();
  EXPECT_EQ(writer_->counts().documents, 1u);
  EXPECT_EQ(writer_->counts().failed_documents, 1u);
  std::vector<std::string> paths;
  writer_->visit_documents(
      [&](const KnownDocument& known) { paths.push_back(known.document.path); });
  EXPECT_EQ(paths, (std::vector<std::string>{"/a", "/broken.pdf"}));
}

TEST_P(StoreTest, QueriesOfAnyBytesAreAnswered) {
  writer_->put(document_at("/a"), std::vector{chunk_of("чай", 1)});
  writer_->commit();
  for (const std::string query :
       {"", "\"", "\"\"", "«", "a\"b OR NEAR(", "* - + ^ : {}", "\xff\xfe", "AND", "'", "чай*"}) {
    EXPECT_NO_THROW(writer_->find_words(query, 10, {})) << query;
  }
  EXPECT_EQ(by_words("чай*").size(), 1u);
}

TEST_P(StoreTest, VectorsOfAnotherModelAreRefused) {
  writer_.reset();
  LibraryModel other = test_model();
  other.name = "other";
  other.fingerprint = "f2";
  try {
    library_->open_or_create(other);
    ADD_FAILURE() << "took vectors of another model";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_TRUE(error.message().contains("vectors of tiny"));
  }
  EXPECT_EQ(library_->open()->model().name, "tiny");
}

TEST_P(StoreTest, PrefixesOfTheModelAreKeptAndOthersRefused) {
  writer_.reset();
  const LibraryModel own = library_->open()->model();
  EXPECT_EQ(own.query_prefix, "query: ");
  EXPECT_EQ(own.passage_prefix, "passage: ");
  ASSERT_EQ(own.language_direction.size(), kDimensions);
  EXPECT_NEAR(own.language_direction[kDimensions - 1], 0.125f, 1e-4f);
  for (const auto prefix : {&LibraryModel::query_prefix, &LibraryModel::passage_prefix}) {
    LibraryModel other = test_model();
    other.*prefix = "";
    try {
      library_->open_or_create(other);
      ADD_FAILURE() << "took other prefixes";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_TRUE(error.message().contains("\"query: \" and \"passage: \""));
    }
  }
}

TEST_P(StoreTest, ReplacedDocumentsDoNotPileUp) {
  for (int round = 0; round < 4; ++round) {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
      writer_->put(document_at("/" + std::to_string(seed)), std::vector{chunk_of("т", seed)});
    }
    writer_->commit();
  }
  EXPECT_EQ(writer_->counts().chunks, 50u);
  EXPECT_EQ(writer_->find_dense(unit_vector(7), 1000, {}).size(), 50u);
  EXPECT_EQ(writer_->find_sparse({{5, 1.0f}}, 1000, {}).size(), 50u);
}

TEST_P(StoreTest, NotesLastAndAreNotFound) {
  writer_->put(document_at("/a"), std::vector{chunk_of("чай", 1)});
  writer_->commit();
  writer_->set_note("key of a / note?", "чай");
  writer_->set_note("another", "first");
  writer_->set_note("another", "second");
  writer_->commit();
  const auto reader = library_->open();
  EXPECT_EQ(reader->note("key of a / note?"), "чай");
  EXPECT_EQ(reader->note("another"), "second");
  EXPECT_EQ(reader->note("no such note"), "");
  EXPECT_EQ(reader->counts().documents, 1u);
  EXPECT_EQ(reader->find_words("чай", 10, {}).size(), 1u);
}

TEST_P(StoreTest, PathsOfAnyBytesComeBack) {
  const std::string path = "/\xff\xd0/\xef\x9e\x80/имя\\*.txt";
  const DocumentId id = writer_->put(document_at(path), std::vector{chunk_of("чай", 1)});
  writer_->commit();
  EXPECT_EQ(writer_->documents(std::vector{id}).at(0).document.path, path);
  EXPECT_EQ(by_words("чай", {.path = "/\xff\xd0"}), Ids{id});
  EXPECT_EQ(writer_->put(document_at(path), std::vector{chunk_of("чай", 2)}), id);
}

}  // namespace
}  // namespace oko::index
