#include "tasks/index_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/plan.h"
#include "index/sqlite_store.h"
#include "tasks/library_model.h"
#include "tasks/search_library.h"
#include "tests/support/docx_file.h"
#include "tests/support/random_models.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

/// Writes to another store, and finds nothing.
class StoringStore : public index::Store {
 public:
  explicit StoringStore(index::Store& store) : store_(store) {}

  const index::LibraryModel& model() const override { return store_.model(); }
  index::LibraryCounts counts() override { return store_.counts(); }
  void visit_documents(const std::function<void(const index::KnownDocument&)>& visit) override {
    store_.visit_documents(visit);
  }
  index::DocumentId put(const index::Document& document,
                        std::span<const index::EncodedChunk> chunks) override {
    return store_.put(document, chunks);
  }
  void append(index::DocumentId id, std::span<const index::EncodedChunk> chunks) override {
    store_.append(id, chunks);
  }
  void move(index::DocumentId id, const index::Document& document) override {
    store_.move(id, document);
  }
  void remove(index::DocumentId id) override { store_.remove(id); }
  void commit() override { store_.commit(); }
  index::DocumentId copy(index::DocumentId id, const index::Document& document) override {
    return store_.copy(id, document);
  }
  std::vector<index::ScoredChunk> find_dense(std::span<const float>, std::size_t,
                                             const index::Filter&) override {
    return {};
  }
  std::vector<index::ScoredChunk> find_sparse(const models::bge_m3::SparseVector&, std::size_t,
                                              const index::Filter&) override {
    return {};
  }
  std::vector<index::ScoredChunk> find_words(std::string_view, std::size_t,
                                             const index::Filter&) override {
    return {};
  }
  std::vector<float> dense_scores(std::span<const float>,
                                  std::span<const index::ChunkId>) override {
    return {};
  }
  std::vector<float> colbert_scores(const models::bge_m3::TokenVectors&,
                                    std::span<const index::ChunkId>) override {
    return {};
  }
  std::vector<std::string> terms_of(std::string_view) override { return {}; }
  std::vector<index::StoredChunk> chunks(std::span<const index::ChunkId>) override { return {}; }
  std::vector<index::StoredChunk> chunks_of(index::DocumentId) override { return {}; }
  std::vector<index::KnownDocument> documents(std::span<const index::DocumentId> ids) override {
    return store_.documents(ids);
  }

 private:
  index::Store& store_;
};

/// Stops the work when it gets the second part of a document.
class StoppingStore : public StoringStore {
 public:
  StoppingStore(index::Store& store, const StopSource& stop) : StoringStore(store), stop_(stop) {}
  void append(index::DocumentId id, std::span<const index::EncodedChunk> chunks) override {
    StoringStore::append(id, chunks);
    stop_.request_stop();
  }

 private:
  const StopSource& stop_;
};

class IndexFilesTest : public ::testing::Test {
 protected:
  IndexFilesTest()
      : root_(fs::canonical(fs::temp_directory_path()) /
              ("oko_index_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "files");
    open();
  }
  ~IndexFilesTest() override {
    store_.reset();
    fs::remove_all(root_);
  }

  void open() {
    store_.reset();
    store_ = index::SqliteStore::open_or_create(
        root_ / "library.db", library_model_of("small", model_, embedder_, {}, {}));
  }

  void file(const std::string& place, const std::string& text) {
    fs::create_directories((root_ / "files" / place).parent_path());
    std::ofstream(root_ / "files" / place, std::ios::binary) << text;
  }

  /// Indexes the folder; afterwards `outcomes_` has what was reported, by the place of the file.
  IndexSummary run(const IndexOptions& options = {}, const StopToken& stop = {}) {
    outcomes_.clear();
    copies_.clear();
    IndexCallbacks callbacks;
    callbacks.on_file = [&](const IndexedFile& file) {
      outcomes_[place_of(file.path)] = name_of(file.outcome);
      if (!file.copy_of.empty()) copies_[place_of(file.path)] = place_of(file.copy_of);
      if (after_file_) after_file_(file);
    };
    return index_files(*store_, embedder_, {(root_ / "files").string()}, options, callbacks, stop);
  }

  std::string place_of(const std::string& path) const {
    return fs::path(path).lexically_relative(root_ / "files");
  }

  /// The places of files with these words; afterwards `found_copies_` has those of their copies.
  std::vector<std::string> found(const std::string& words, const std::string& folder = "") {
    index::SearchOptions options;
    options.mode = index::SearchMode::kText;
    options.filter.path = folder;
    std::vector<std::string> places;
    found_copies_.clear();
    for (const FoundPassage& each : search_library(*store_, nullptr, words, options, {})) {
      places.push_back(place_of(each.document.path));
      for (const std::string& copy : each.copies) found_copies_.push_back(place_of(copy));
    }
    std::sort(places.begin(), places.end());
    return places;
  }

  const fs::path root_;
  const fs::path model_ = RandomModels::get("bge-m3-small-8bit", 21);
  engine::Embedder embedder_{{.model = model_}};
  std::unique_ptr<index::Store> store_;
  std::map<std::string, std::string> outcomes_;
  std::map<std::string, std::string> copies_;
  std::vector<std::string> found_copies_;
  std::function<void(const IndexedFile&)> after_file_;
};

using Places = std::vector<std::string>;
using Outcomes = std::map<std::string, std::string>;

/// OpenSearch names what the last commit removed in every query.
TEST_F(IndexFilesTest, CommitRemovesNotTooMany) {
  class Counting : public StoringStore {
   public:
    explicit Counting(index::Store& store) : StoringStore(store) {}
    void remove(index::DocumentId id) override {
      StoringStore::remove(id);
      most = std::max(most, ++removed);
    }
    void commit() override {
      StoringStore::commit();
      removed = 0;
    }
    int removed = 0, most = 0;
  };
  file("a.txt", "чай");
  constexpr int kMissing = 5000;
  for (int i = 0; i < kMissing; ++i) {
    index::Document document;
    document.path = (root_ / "files" / std::to_string(i)).string();
    store_->put(document, {});
  }
  store_->commit();
  Counting store(*store_);
  const IndexSummary summary =
      index_files(store, embedder_, {(root_ / "files").string()}, {}, {}, {});
  EXPECT_EQ(summary.removed, static_cast<std::size_t>(kMissing));
  EXPECT_EQ(store_->counts().documents, 1u);
  EXPECT_EQ(store.most, 2000);
}

TEST_F(IndexFilesTest, NewChangedMovedAndRemovedFilesAreNoticed) {
  file("a.txt", "Квитанция об оплате воды");
  file("b.md", "# Receipt\n\nfor the electricity");
  file("c.txt", "Третий файл, рецепт супа");
  EXPECT_EQ(run().added, 3u);
  EXPECT_EQ(found("квитанции"), Places{"a.txt"});

  file("a.txt", "Договор аренды квартиры, новый");
  fs::rename(root_ / "files/b.md", root_ / "files/moved.md");
  fs::remove(root_ / "files/c.txt");
  const IndexSummary summary = run();
  EXPECT_EQ(outcomes_,
            (Outcomes{{"a.txt", "updated"}, {"moved.md", "moved"}, {"c.txt", "removed"}}));
  EXPECT_EQ(summary.passages, 1u);  // the moved file was not embedded again
  EXPECT_EQ(found("квитанция"), Places{});
  EXPECT_EQ(found("договор"), Places{"a.txt"});
  EXPECT_EQ(found("electricity"), Places{"moved.md"});
  EXPECT_EQ(found("рецепт"), Places{});
  EXPECT_EQ(run().unchanged, 2u);
  EXPECT_TRUE(outcomes_.empty());
}

TEST_F(IndexFilesTest, DateOfATouchedFileIsItsNewTime) {
  file("a.txt", "Квитанция");
  run();
  const fs::path path = root_ / "files/a.txt";
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(24 * 1000));
  EXPECT_EQ(run().added, 0u);
  store_->visit_documents([](const index::KnownDocument& known) {
    EXPECT_EQ(known.document.date, known.document.modified_ns / 1'000'000'000);
  });
}

TEST_F(IndexFilesTest, CopiesAreEmbeddedOnceAndShownAsOneHit) {
  file("a.txt", "Квитанция об оплате воды");
  file("b/same.txt", "Квитанция об оплате воды");
  file("c.txt", "Договор");
  IndexSummary summary = run();
  EXPECT_EQ(summary.added, 3u);
  EXPECT_EQ(summary.passages, 2u);
  EXPECT_EQ(copies_, (Outcomes{{"b/same.txt", "a.txt"}}));
  file("later.txt", "Квитанция об оплате воды");
  file("c.txt", "Квитанция об оплате воды");
  summary = run();
  EXPECT_EQ(summary.passages, 0u);
  EXPECT_EQ(outcomes_, (Outcomes{{"later.txt", "added"}, {"c.txt", "updated"}}));
  EXPECT_EQ(copies_.size(), 2u);
  EXPECT_EQ(found("квитанция"), Places{"a.txt"});
  EXPECT_EQ(found_copies_, (Places{"b/same.txt", "c.txt", "later.txt"}));
  EXPECT_EQ(found("договор"), Places{});
  EXPECT_EQ(store_->counts().chunks, 1u);
  EXPECT_EQ(run().unchanged, 4u);

  fs::remove(root_ / "files/a.txt");
  run();
  EXPECT_EQ(outcomes_, (Outcomes{{"a.txt", "removed"}}));
  fs::rename(root_ / "files/c.txt", root_ / "files/moved.txt");
  run();
  EXPECT_EQ(outcomes_, (Outcomes{{"moved.txt", "moved"}}));
  EXPECT_EQ(found("квитанция"), Places{"b/same.txt"});
  EXPECT_EQ(found_copies_, (Places{"later.txt", "moved.txt"}));
}

TEST_F(IndexFilesTest, CopyWithinAFolderIsShownUnderItsPath) {
  file("a/1.txt", "Квитанция");
  file("b/2.txt", "Квитанция");
  run();
  EXPECT_EQ(found("квитанция", (root_ / "files/b").string()), Places{"b/2.txt"});
  EXPECT_EQ(found_copies_, Places{"a/1.txt"});
}

TEST_F(IndexFilesTest, CopyOfAFileThatChangesInTheSameRunIsRead) {
  file("a.txt", "Квитанция об оплате воды");
  run();
  fs::copy_file(root_ / "files/a.txt", root_ / "files/z.txt");
  file("a.txt", "Договор аренды");
  run();
  EXPECT_EQ(outcomes_, (Outcomes{{"a.txt", "updated"}, {"z.txt", "added"}}));
  EXPECT_EQ(found("договор"), Places{"a.txt"});
  EXPECT_EQ(found("квитанция"), Places{"z.txt"});
}

TEST_F(IndexFilesTest, StoreThatCannotShareGetsEachCopy) {
  class Separate : public StoringStore {
   public:
    using StoringStore::StoringStore;
    index::DocumentId copy(index::DocumentId, const index::Document&) override { return 0; }
  };
  file("a.txt", "Квитанция");
  file("b.txt", "Квитанция");
  Separate store(*store_);
  const IndexSummary summary =
      index_files(store, embedder_, {(root_ / "files").string()}, {}, {}, {});
  EXPECT_EQ(summary.added, 2u);
  EXPECT_EQ(found("квитанция"), (Places{"a.txt", "b.txt"}));
}

TEST_F(IndexFilesTest, BrokenCopiesAreReportedEach) {
  file("a.png", "\x89PNG\r\n\x1a\n and no more");
  file("b.png", "\x89PNG\r\n\x1a\n and no more");
  EXPECT_EQ(run().failed, 2u);
  EXPECT_EQ(run().unchanged, 2u);
}

TEST_F(IndexFilesTest, TouchedFilesAreNotEmbeddedAgain) {
  file("a.txt", "Квитанция");
  run();
  fs::last_write_time(root_ / "files/a.txt", fs::file_time_type::clock::now());
  const IndexSummary summary = run();
  EXPECT_EQ(summary.unchanged, 1u);
  EXPECT_EQ(summary.passages, 0u);
  EXPECT_EQ(found("квитанция"), Places{"a.txt"});
}

TEST_F(IndexFilesTest, PicturesAndPdfAreFoundWithTheirPlaces) {
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "the pictures of this test are read by Tesseract";
  fs::copy_file(OKO_SOURCE_DIR "/demo/pages/receipt.png", root_ / "files/receipt.png");
  run();
  index::SearchOptions options;
  options.mode = index::SearchMode::kText;
  const auto passages = search_library(*store_, nullptr, "кассовый чек", options, {});
  ASSERT_EQ(passages.size(), 1u);
  EXPECT_EQ(passages[0].document.kind, index::DocumentKind::kPicture);
  ASSERT_TRUE(passages[0].snippet.box);
  EXPECT_LT(passages[0].snippet.box->top, 0.3f);
  EXPECT_FALSE(passages[0].snippet.marks.empty());
}

TEST_F(IndexFilesTest, FilesThatCannotBeReadAreReportedOnceAndRetriedOnRequest) {
  file("broken.png", "\x89PNG\r\n\x1a\n and no more");
  file("good.txt", "хороший");
  EXPECT_EQ(run().failed, 1u);
  EXPECT_EQ(outcomes_, (Outcomes{{"broken.png", "failed"}, {"good.txt", "added"}}));
  EXPECT_EQ(store_->counts().failed_documents, 1u);
  EXPECT_EQ(run().unchanged, 2u);
  IndexOptions options;
  options.retries_failed = true;
  EXPECT_EQ(run(options).failed, 1u);
  fs::copy_file(OKO_SOURCE_DIR "/demo/images/stars.png", root_ / "files/broken.png",
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(run().updated, 1u);
  EXPECT_EQ(store_->counts().failed_documents, 0u);
}

TEST_F(IndexFilesTest, FileThatTheSystemDoesNotOpenIsTriedAgainAndStaysUntilThen) {
  file("a.txt", "утренний чай");
  run();
  file("a.txt", "вечерний кофе");
  file("b.txt", "ночной суп");
  file("z.bin", std::string(16, '\0'));
  const fs::path folder = root_ / "files";
  const auto exchange = [&](const std::string& from, const std::string& to) {
    for (const char* name : {"a.txt", "b.txt"}) {
      fs::rename(folder / (name + from), folder / (name + to));
    }
  };
  IndexCallbacks callbacks;
  callbacks.on_skipped = [&](const SkippedFile& each) {  // after the walk, before they are opened
    if (each.path.ends_with("z.bin")) exchange("", ".away");
  };
  EXPECT_EQ(
      index_files(*store_, embedder_, {folder.string()}, IndexOptions(), callbacks, {}).failed, 2u);
  exchange(".away", "");
  EXPECT_EQ(found("чай"), Places{"a.txt"});
  EXPECT_EQ(store_->counts().failed_documents, 0u);
  run();
  EXPECT_EQ(outcomes_, (Outcomes{{"a.txt", "updated"}, {"b.txt", "added"}}));
}

/// By their names they are what people look for.
TEST_F(IndexFilesTest, WhatItsNameCallsADocumentIsReadOrFails) {
  const std::string bytes = std::string(4, '\0') + " no file of any kind";
  const std::vector<std::string> names{"a.jpg", "b.PDF", "c.docx", "d.eml", "e.heic"};
  for (const std::string& name : names) file(name, bytes);
  file("empty.png", "");
  file("page.jpg", "<html><body>Страница с ошибкой</body></html>");
  file("other.bin", bytes);
  std::map<std::string, std::string> messages;
  after_file_ = [&](const IndexedFile& each) {
    if (each.error) messages[place_of(each.path)] = each.error->message().in(Language::kEnglish);
  };
  const IndexSummary summary = run();
  EXPECT_EQ(summary.failed, 6u);
  EXPECT_EQ(summary.skipped, 1u);
  EXPECT_EQ(found("страница"), Places{"page.jpg"});
  EXPECT_EQ(messages["empty.png"], (root_ / "files/empty.png").string() + ": the file is empty");
  const auto looks_like = [&](const std::string& name, const std::string& kind) {
    return (root_ / "files" / name).string() + ": is not " + kind +
           ", as its name says: it looks like unknown binary data";
  };
  EXPECT_EQ(messages["a.jpg"], looks_like("a.jpg", "a picture"));
  EXPECT_EQ(messages["b.PDF"], looks_like("b.PDF", "a PDF document"));
  EXPECT_EQ(messages["c.docx"], looks_like("c.docx", "a DOCX document"));
  EXPECT_EQ(messages["d.eml"], looks_like("d.eml", "an email"));
  const IndexSummary second = run();
  EXPECT_EQ(second.failed, 0u);
  EXPECT_EQ(second.failed_before, 6u);
}

TEST_F(IndexFilesTest, LongTextIsReadOnceThereIsMemoryForIt) {
  const std::string text = "слово" + std::string(1'000'001, ' ');
  file("long.txt", text);
  file("short.txt", "чай");
  IndexOptions options;
  options.read.pages.beside_bytes = 5'000'000;
  options.read.pages.budget_bytes = 5'000'000 + engine::runtime_bytes(false) + 4 * text.size() - 1;
  EXPECT_EQ(run(options).failed, 1u);
  EXPECT_EQ(outcomes_, (Outcomes{{"long.txt", "failed"}, {"short.txt", "added"}}));
  ++options.read.pages.budget_bytes;
  EXPECT_EQ(run(options).added, 1u);
}

TEST_F(IndexFilesTest, ADocxIsReadOnceThereIsMemoryForItsUnpackedText) {
  const std::string body =
      "<w:p><w:r><w:t>слово" + std::string(1'000'001, ' ') + "</w:t></w:r></w:p>";
  const std::string packed = docx_file(body);
  ASSERT_LT(packed.size(), 10'000u);
  file("long.docx", packed);
  IndexOptions options;
  options.read.pages.budget_bytes = engine::runtime_bytes(false) + 4 * docx_body(body).size() - 1;
  EXPECT_EQ(run(options).failed, 1u);
  ++options.read.pages.budget_bytes;
  EXPECT_EQ(run(options).added, 1u);
}

TEST_F(IndexFilesTest, FilesOfOtherKindsAreLeftOut) {
  file("program.bin", std::string("\x7f"
                                  "ELF\0\0\0\1",
                                  8));
  file("empty.txt", "");
  file("a.txt", "текст");
  std::map<std::string, std::string> skipped;
  IndexCallbacks callbacks;
  callbacks.on_skipped = [&](const SkippedFile& file) {
    skipped[fs::path(file.path).filename()] = name_of(file.reason);
  };
  const IndexSummary summary =
      index_files(*store_, embedder_, {(root_ / "files").string()}, {}, callbacks, {});
  EXPECT_EQ(summary.added, 1u);
  EXPECT_EQ(skipped, (Outcomes{{"program.bin", "unknown_kind"}, {"empty.txt", "empty"}}));
}

TEST_F(IndexFilesTest, FileThatCannotBeReadIsTriedAgainByEachRun) {
  const fs::path failing = "/proc/self/mem";  // no memory is at its first addresses
  if (!fs::exists(failing)) GTEST_SKIP() << "no file of this system fails to be read";
  const std::string path = (root_ / "files/a.pdf").string();
  fs::create_symlink(failing, path);
  for (int turn = 0; turn < 2; ++turn) {
    std::string message;
    IndexCallbacks callbacks;
    callbacks.on_file = [&](const IndexedFile& each) {
      if (each.error) message = each.error->message().in(Language::kEnglish);
    };
    EXPECT_EQ(index_files(*store_, embedder_, {path}, {}, callbacks, {}).failed, 1u);
    EXPECT_EQ(message, path + ": cannot be read: Input/output error");
  }
}

TEST_F(IndexFilesTest, MissingFolderRemovesNothing) {
  file("a.txt", "Квитанция");
  run();
  fs::rename(root_ / "files", root_ / "unplugged");
  EXPECT_THROW(run(), Error);
  fs::rename(root_ / "unplugged", root_ / "files");
  EXPECT_EQ(found("квитанция"), Places{"a.txt"});
  EXPECT_EQ(run().unchanged, 1u);
}

TEST_F(IndexFilesTest, PathThatIsGoneIsRemovedIfAsked) {
  file("a.txt", "Квитанция");
  file("old/b.txt", "Договор");
  file("old/c.txt", "Справка");
  run();
  fs::remove_all(root_ / "files/old");
  IndexOptions options;
  std::map<std::string, std::size_t> gone;
  IndexCallbacks callbacks;
  callbacks.on_gone = [&](const std::string& path, std::size_t documents) {
    gone[place_of(path)] = documents;
  };
  const auto index = [&] {
    return index_files(*store_, embedder_, {(root_ / "files/old").string()}, options, callbacks,
                       {});
  };
  EXPECT_THROW(index(), Error);
  EXPECT_EQ(store_->counts().documents, 3u);
  options.prunes = true;
  EXPECT_EQ(index().removed, 2u);
  EXPECT_EQ(gone, (std::map<std::string, std::size_t>{{"old", 2}}));
  EXPECT_EQ(found("квитанция договор справка"), Places{"a.txt"});
  EXPECT_THROW(index(), Error) << "the library has nothing of it";
}

TEST_F(IndexFilesTest, FolderThatIsEmptyRemovesNothingUnlessAsked) {
  file("a.txt", "Квитанция");
  file("b/2.txt", "Договор");
  run();
  fs::rename(root_ / "files", root_ / "unplugged");
  fs::create_directory(root_ / "files");
  std::map<std::string, std::size_t> empty;
  IndexCallbacks callbacks;
  callbacks.on_empty = [&](const std::string& folder, std::size_t documents) {
    empty[folder] = documents;
  };
  const std::vector<std::string> paths{(root_ / "files").string()};
  EXPECT_EQ(index_files(*store_, embedder_, paths, {}, callbacks, {}).removed, 0u);
  EXPECT_EQ(empty, (std::map<std::string, std::size_t>{{paths[0], 2}}));
  EXPECT_EQ(found("квитанция"), Places{"a.txt"});
  IndexOptions options;
  options.prunes = true;
  EXPECT_EQ(run(options).removed, 2u);
  EXPECT_EQ(found("квитанция"), Places{});
}

TEST_F(IndexFilesTest, OtherFoldersOfALibraryStay) {
  file("a/1.txt", "Квитанция");
  file("b/2.txt", "Договор");
  run();
  IndexCallbacks callbacks;
  fs::remove(root_ / "files/b/2.txt");
  const auto summary =
      index_files(*store_, embedder_, {(root_ / "files/a").string()}, {}, callbacks, {});
  EXPECT_EQ(summary.removed, 0u);
  EXPECT_EQ(found("договор"), Places{"b/2.txt"});
}

TEST_F(IndexFilesTest, StoppedRunKeepsWhatIsDoneAndTheNextGoesOn) {
  // Each file is long: what comes before it is committed first.
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += "слово номер " + std::to_string(i) + ". ";
  for (int i = 0; i < 6; ++i) file(std::to_string(i) + ".txt", "файл" + std::to_string(i) + text);
  const StopSource source;
  after_file_ = [&](const IndexedFile&) { source.request_stop(); };
  try {
    run({}, source.get_token());
    ADD_FAILURE() << "ran to the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  const std::size_t done = outcomes_.size();
  EXPECT_GE(done, 1u);
  EXPECT_LT(done, 6u);
  after_file_ = {};
  open();
  EXPECT_GE(store_->counts().documents, done);
  const IndexSummary rest = run();
  EXPECT_EQ(rest.added + rest.unchanged, 6u);
  EXPECT_GE(rest.unchanged, done);
  EXPECT_EQ(store_->counts().documents, 6u);
}

TEST_F(IndexFilesTest, DocumentThatWasStoppedInTheMiddleIsNotThere) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "слово номер " + std::to_string(i) + ". ";
  file("a.txt", "короткий файл");
  file("long.txt", "прежний текст");
  run();
  file("b.txt", "новый короткий файл");
  file("long.txt", text + " последнее предложение");
  {
    const StopSource source;
    StoppingStore stopping(*store_, source);
    EXPECT_THROW(
        index_files(stopping, embedder_, {(root_ / "files").string()}, {}, {}, source.get_token()),
        Error);
  }
  open();
  EXPECT_EQ(found("новый"), Places{"b.txt"});
  EXPECT_EQ(found("прежний"), Places{"long.txt"});
  EXPECT_EQ(found("слово"), Places{});
  EXPECT_EQ(run().updated, 1u);
  EXPECT_EQ(found("последнее предложение"), Places{"long.txt"});
}

TEST_F(IndexFilesTest, LongDocumentIsWrittenInParts) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "слово номер " + std::to_string(i) + ". ";
  file("long.txt", text + " последнее предложение");
  const IndexSummary summary = run();
  EXPECT_GT(summary.passages, 64u);
  EXPECT_EQ(store_->counts().chunks, summary.passages);
  EXPECT_EQ(found("последнее предложение"), Places{"long.txt"});
}

TEST_F(IndexFilesTest, PictureWithoutTextIsFoundByItsName) {
  fs::copy_file(OKO_SOURCE_DIR "/demo/images/hearts.jpg", root_ / "files/Два сердца.jpg");
  run();
  EXPECT_EQ(found("сердце"), Places{"Два сердца.jpg"});
}

}  // namespace
}  // namespace oko::tasks
