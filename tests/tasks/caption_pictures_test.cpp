#include "tasks/caption_pictures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "document/sidecar.h"
#include "index/sqlite_store.h"
#include "tasks/index_files.h"
#include "tasks/library_model.h"
#include "tasks/write_sidecars.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/white_bitmap.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

class CaptionPicturesTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    folder_ = fs::canonical(folder_);
    fs::create_directories(folder_ / "files");
    store_ = index::SqliteStore::open_or_create(
        folder_ / "library.db", library_model_of("small", model_, embedder_, {}, {}));
  }
  void TearDown() override {
    store_.reset();
    ScratchFolderTest::TearDown();
  }

  fs::path picture(const std::string& place, int width) const {
    const fs::path path = folder_ / "files" / place;
    write_file_atomically(path, std::string_view(white_bitmap(width, 96)));
    return path;
  }

  IndexSummary read() { return index_files(*store_, embedder_, paths(), {}, {}, {}); }

  /// Afterwards `outcomes_` has what was reported.
  IndexSummary caption(const StopToken& stop = {}) {
    IndexSummary summary;
    outcomes_.clear();
    IndexCallbacks callbacks;
    callbacks.on_file = [&](const IndexedFile& file) {
      outcomes_[fs::path(file.path).filename()] = name_of(file.outcome);
      if (after_file_) after_file_();
    };
    caption_pictures(*store_, embedder_, *host_, *generator_, paths(), options_, callbacks, {},
                     summary, stop);
    return summary;
  }

  SidecarSummary write(const std::vector<GoneFile>& gone = {}) {
    notes_.clear();
    const SidecarNote on_note = [&](const LocalizedText& note) { notes_.push_back(note); };
    SidecarSummary summary = follow_files(gone, on_note);
    return summary += write_sidecars(*store_, paths(), on_note, {});
  }

  std::unique_ptr<engine::Generator> generator_of(const fs::path& model) const {
    return std::make_unique<engine::Generator>(engine::GeneratorOptions{
        .vision_language_model = model, .image_cache_bytes = 0, .host = host_});
  }

  std::vector<std::string> paths() const { return {(folder_ / "files").string()}; }

  std::size_t captions() {
    std::vector<index::DocumentId> ids;
    store_->visit_documents([&](const index::KnownDocument& each) { ids.push_back(each.id); });
    std::size_t count = 0;
    for (const index::DocumentId id : ids) {
      for (const index::StoredChunk& chunk : store_->chunks_of(id)) {
        count += chunk.chunk.origin == index::TextOrigin::kCaption;
      }
    }
    return count;
  }

  /// Puts a caption in place of what the library has of a picture.
  void put_caption(const fs::path& path, const std::string& text) {
    std::vector<index::KnownDocument> known;
    store_->visit_documents([&](const index::KnownDocument& each) {
      if (each.document.path == path) known.push_back(each);
    });
    ASSERT_EQ(known.size(), 1u);
    index::EncodedChunk chunk;
    chunk.chunk.text = text;
    chunk.chunk.origin = index::TextOrigin::kCaption;
    chunk.encoding =
        embedder_.embed({.texts = {text}, .outputs = {.dense = true}}).texts[0].encoding;
    store_->put(known[0].document, std::vector{chunk});
    store_->commit();
  }

  const fs::path model_ = RandomModels::get("bge-m3-small-8bit", 21);
  std::shared_ptr<engine::ModelHost> host_ =
      std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
  engine::Embedder embedder_{{.model = model_, .host = host_}};
  std::unique_ptr<engine::Generator> generator_ =
      generator_of(RandomModels::get("qwen3-vl-small-4bit", 11));
  CaptionOptions options_{.max_tokens = 8};
  std::unique_ptr<index::Store> store_;
  std::map<std::string, std::string> outcomes_;
  std::vector<LocalizedText> notes_;
  std::function<void()> after_file_;
};

using Outcomes = std::map<std::string, std::string>;

TEST_F(CaptionPicturesTest, EveryPictureGetsOneCaptionOnce) {
  for (int i = 0; i < 10; ++i) picture(std::to_string(i) + ".bmp", 64 + 32 * i);
  picture("copy.bmp", 64);
  write_file_atomically(folder_ / "files/a.txt", std::string_view("текст"));
  read();
  EXPECT_EQ(store_->counts().chunks, 11u);
  EXPECT_EQ(caption().captioned, 10u);
  EXPECT_EQ(captions(), 11u);               // that of the first picture has two files
  EXPECT_EQ(store_->counts().chunks, 11u);  // in place of empty passages
  EXPECT_EQ(store_->counts().documents, 12u);
  EXPECT_EQ(caption().captioned, 0u);
  EXPECT_EQ(read().unchanged, 12u);
  picture("new.bmp", 1024);
  read();
  EXPECT_EQ(caption().captioned, 1u);
  EXPECT_EQ(outcomes_, (Outcomes{{"new.bmp", "captioned"}}));
}

TEST_F(CaptionPicturesTest, PictureThatTheModelCannotDescribeIsAskedAboutOnce) {
  picture("good.bmp", 96);
  const fs::path broken = picture("broken.bmp", 64);
  read();
  const auto time = fs::last_write_time(broken);
  write_file_atomically(broken, std::string_view(std::string(fs::file_size(broken), 'x')));
  fs::last_write_time(broken, time);
  options_.model = "one";
  const IndexSummary first = caption();
  EXPECT_EQ(first.captioned, 1u);
  EXPECT_EQ(first.uncaptioned, 1u);
  const IndexSummary second = caption();
  EXPECT_EQ(second.uncaptioned, 0u);
  EXPECT_EQ(second.uncaptioned_before, 1u);
  options_.retries_failed = true;
  EXPECT_EQ(caption().uncaptioned, 1u);
  options_.retries_failed = false;
  options_.model = "another";
  EXPECT_EQ(caption().uncaptioned, 1u);
  EXPECT_EQ(caption().uncaptioned_before, 1u);
  fs::remove(broken);
  picture("broken.bmp", 128);
  read();
  EXPECT_EQ(caption().captioned, 1u) << "it is another picture";
}

TEST_F(CaptionPicturesTest, PagesOfPdfWithoutTextAreDescribed) {
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "the page of this test is read by Tesseract";
  fs::copy_file(OKO_SOURCE_DIR "/tests/document/data/mixed.pdf", folder_ / "files/mixed.pdf");
  generator_ = generator_of(OKO_SOURCE_DIR "/demo/models/tiny-vl");  // has an answer
  read();
  const std::uint64_t before = store_->counts().chunks;
  const IndexSummary summary = caption();
  EXPECT_EQ(summary.captioned, 1u) << "two pages of three have text of their own";
  EXPECT_EQ(outcomes_, (Outcomes{{"mixed.pdf", "captioned"}}));
  EXPECT_EQ(store_->counts().chunks, before + 1);
  std::vector<int> pages;
  for (const index::StoredChunk& chunk : store_->chunks_of(1)) {
    if (chunk.chunk.origin == index::TextOrigin::kCaption) pages.push_back(chunk.chunk.page);
  }
  EXPECT_EQ(pages, std::vector<int>{2});
  EXPECT_EQ(store_->find_words("вторая", 5, {}).size(), 1u) << "the text stays";
  EXPECT_EQ(caption().captioned, 0u);
}

TEST_F(CaptionPicturesTest, TextOfThePictureStays) {
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "the picture of this test is read by Tesseract";
  fs::copy_file(OKO_SOURCE_DIR "/demo/pages/receipt.png", folder_ / "files/receipt.png");
  read();
  const std::uint64_t before = store_->counts().chunks;
  caption();
  EXPECT_EQ(store_->counts().chunks, before + 1);
  const auto found = store_->find_words("кассовый чек", 5, {});
  ASSERT_FALSE(found.empty());
  const auto chunk = store_->chunks(std::vector{found[0].chunk}).at(0).chunk;
  EXPECT_EQ(chunk.origin, index::TextOrigin::kRecognized);
  EXPECT_FALSE(chunk.lines.empty());
}

TEST_F(CaptionPicturesTest, StoppedRunKeepsCaptionsThatItReported) {
  for (int i = 0; i < 20; ++i) picture(std::to_string(i) + ".bmp", 64 + 32 * i);
  read();
  const StopSource source;
  after_file_ = [&] { source.request_stop(); };
  EXPECT_THROW(caption(source.get_token()), Error);
  const std::size_t done = outcomes_.size();
  EXPECT_GE(done, 1u);
  EXPECT_LT(done, 20u);
  EXPECT_EQ(captions(), done);
  after_file_ = {};
  EXPECT_EQ(caption().captioned, 20 - done);
}

TEST_F(CaptionPicturesTest, PictureThatChangedIsLeftToTheNextRun) {
  picture("a.bmp", 64);
  read();
  picture("a.bmp", 128);
  EXPECT_EQ(caption().captioned, 0u);
  read();
  EXPECT_EQ(caption().captioned, 1u);
}

TEST_F(CaptionPicturesTest, ModelThatDoesNotFitIsRefusedBeforeTheWork) {
  engine::ModelHost small({.budget_bytes = 1'000'000, .threads = 1});
  EXPECT_THROW(require_room_for_captions(small, *generator_, {}), Error);
  EXPECT_NO_THROW(require_room_for_captions(*host_, *generator_, {}));
}

TEST_F(CaptionPicturesTest, SidecarsFollowTheCaptions) {
  const fs::path cat = picture("cat.bmp", 64), dog = picture("dog.bmp", 96);
  read();
  put_caption(cat, "Рыжий кот.\nКлючевые слова: кот, кресло");
  EXPECT_EQ(write().written, 1u);
  EXPECT_EQ(write().unchanged, 1u);
  const std::string xmp = read_file(document::sidecar_path(cat), 10'000, ErrorCode::kBadInput);
  EXPECT_NE(xmp.find("xml:lang=\"ru\">Рыжий кот.<"), std::string::npos) << xmp;
  EXPECT_NE(xmp.find("<rdf:li>кресло<"), std::string::npos) << xmp;
  EXPECT_FALSE(fs::exists(document::sidecar_path(dog)));
  EXPECT_EQ(read().unchanged, 2u);  // a sidecar is no document

  put_caption(cat, "Чёрный кот.");
  EXPECT_EQ(write().written, 1u);
  picture("cat.bmp", 160);  // another picture, without a caption
  read();
  EXPECT_EQ(write().removed, 1u);
  EXPECT_FALSE(fs::exists(document::sidecar_path(cat)));
}

TEST_F(CaptionPicturesTest, SidecarsOfOthersAndOfRemovedPictures) {
  const fs::path cat = picture("cat.bmp", 64), dog = picture("dog.bmp", 96);
  read();
  put_caption(cat, "Кот.");
  put_caption(dog, "Собака.");
  write_file_atomically(document::sidecar_path(dog), std::string_view("<x:xmpmeta/>"));
  EXPECT_EQ(write().left_alone, 1u);
  fs::remove(cat);
  fs::remove(dog);
  read();
  EXPECT_EQ(write({{cat}, {dog}}).removed, 1u);
  EXPECT_FALSE(fs::exists(document::sidecar_path(cat)));
  EXPECT_TRUE(fs::exists(document::sidecar_path(dog)));
}

TEST_F(CaptionPicturesTest, SidecarsMoveWithTheirPictures) {
  const fs::path cat = picture("cat.bmp", 64), dog = picture("dog.bmp", 96);
  read();
  put_caption(cat, "Кот.");
  put_caption(dog, "Собака.");
  write();
  const std::string xmp = read_file(document::sidecar_path(cat), 10'000, ErrorCode::kBadInput);
  const fs::path cat_now = folder_ / "files/new.bmp", dog_now = folder_ / "files/dog2.bmp";
  fs::rename(cat, cat_now);
  fs::rename(dog, dog_now);
  const std::string_view other = "<x:xmpmeta/>";
  write_file_atomically(document::sidecar_path(dog_now), other);
  const SidecarSummary moved =
      follow_files({{cat, cat_now}, {dog, dog_now}, {cat_now, dog_now}}, {});
  EXPECT_EQ(moved.moved, 2u);
  EXPECT_FALSE(fs::exists(document::sidecar_path(cat)));
  EXPECT_FALSE(fs::exists(document::sidecar_path(dog)));
  EXPECT_EQ(read_file(document::sidecar_path(cat_now), 10'000, ErrorCode::kBadInput), xmp)
      << "its picture is there";
  EXPECT_EQ(read_file(document::sidecar_path(dog_now), 10'000, ErrorCode::kBadInput), other);
}

TEST_F(CaptionPicturesTest, FolderThatCannotBeWrittenToIsANote) {
  const fs::path cat = picture("cat.bmp", 64), dog = picture("dog.bmp", 96);
  read();
  put_caption(cat, "Кот.");
  put_caption(dog, "Собака.");
  {
    const FileSizeLimit nothing_can_be_written(0);
    EXPECT_EQ(write().failed, 2u);
  }
  EXPECT_EQ(notes_.size(), 1u);
  EXPECT_EQ(write().written, 2u);
}

}  // namespace
}  // namespace oko::tasks
