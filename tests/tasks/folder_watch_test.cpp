#include "tasks/folder_watch.h"

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/support/scratch_folder.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// Answers from a list; the stop comes at its end.
class ListedWatch : public FolderWatch {
 public:
  ListedWatch(std::vector<bool> changes, const StopSource& stop)
      : changes_(changes.begin(), changes.end()), stop_(stop) {}
  void add(const std::string& /*folder*/) override {}
  bool wait(milliseconds timeout, const StopToken& /*stop*/) override {
    waits.push_back(timeout);
    if (changes_.empty()) {
      stop_.request_stop();
      return false;
    }
    const bool changed = changes_.front();
    changes_.pop_front();
    return changed;
  }
  LocalizedText shortage() const override { return short_of; }

  std::vector<milliseconds> waits;
  LocalizedText short_of;

 private:
  std::deque<bool> changes_;
  const StopSource& stop_;
};

TEST(WatchFoldersTest, FilesOfTheLibraryAndSidecarsDoNotMatter) {
  const std::string library = "/home/a/library.db";
  for (const char* path : {"/home/a/library.db", "/home/a/library.db-wal",
                           "/home/a/library.db-vectors-3", "/home/a/photo.jpg.xmp", "/home/a/.b"}) {
    EXPECT_FALSE(may_be_document(path, library, false)) << path;
  }
  for (const char* path : {"/home/a/b.txt", "/home/a/library.db-files/b.txt", "/home/a/.okoignore",
                           "/home/a/library.dbx", "/home/library.db"}) {
    EXPECT_TRUE(may_be_document(path, library, false)) << path;
  }
  EXPECT_TRUE(may_be_document("/home/a/.b", library, true));
  EXPECT_TRUE(may_be_document("/home/a/library.db", "", false)) << "a library on a server";
}

class LibraryFilesTest : public ScratchFolderTest {};

TEST_F(LibraryFilesTest, DoNotMatterByAnotherPathEither) {
  fs::create_directories(folder_ / "a");
  fs::create_directory_symlink(folder_ / "a", folder_ / "link");
  const std::string library = folder_ / "link/library.db";
  EXPECT_FALSE(may_be_document(folder_ / "a/library.db-wal", library, false));
  EXPECT_TRUE(may_be_document(folder_ / "library.db-wal", library, false));
}

constexpr WatchTimes kTimes{
    .quiet = milliseconds(1), .longest_quiet = std::chrono::hours(1), .look = milliseconds(2)};

int passes(ListedWatch& watch, const StopSource& stop, bool is_complete) {
  int count = 0;
  watch_folders(
      watch,
      [&] {
        ++count;
        return is_complete;
      },
      kTimes, stop.get_token());
  return count;
}

TEST(WatchFoldersTest, PassComesWhenChangesHaveEnded) {
  const StopSource stop;
  ListedWatch watch({false, true, true, true, false, true, false}, stop);
  EXPECT_EQ(passes(watch, stop, true), 3);
  EXPECT_EQ(watch.waits[2], kTimes.quiet);
}

TEST(WatchFoldersTest, WhatIsNotToldIsLookedAt) {
  const StopSource stop;
  ListedWatch watch({false, false, false, false}, stop);
  EXPECT_EQ(passes(watch, stop, false), 3);
  EXPECT_EQ(watch.waits[0], kTimes.look);
  const StopSource other;
  ListedWatch too_many({false, false}, other);
  too_many.short_of = tr("too many", "много");
  EXPECT_EQ(passes(too_many, other, true), 2);
}

TEST(WatchFoldersTest, StopEndsIt) {
  const StopSource stop;
  ListedWatch watch({}, stop);
  EXPECT_EQ(passes(watch, stop, true), 1);
  EXPECT_EQ(passes(watch, stop, true), 0);
}

#ifdef __linux__

class FolderWatchTest : public ScratchFolderTest {
 protected:
  void write(const fs::path& path) { write_file_atomically(path, std::string_view("text")); }
  /// The system has put what was done before into its queue.
  bool has_changed() { return watch_->wait(milliseconds(0), {}); }

  std::unique_ptr<FolderWatch> watch_ =
      make_folder_watch([](const std::string& path) { return !path.ends_with(".no"); });
};

TEST_F(FolderWatchTest, EveryKindOfChangeIsTold) {
  fs::create_directories(folder_ / "a");
  fs::create_directories(folder_ / "other");
  watch_->add(folder_);
  watch_->add(folder_ / "a");
  watch_->add(folder_ / "a");
  EXPECT_FALSE(has_changed());
  write(folder_ / "a/1.txt");
  EXPECT_TRUE(has_changed());
  EXPECT_FALSE(has_changed());
  write(folder_ / "a/1.txt");  // by a rename over it
  EXPECT_TRUE(has_changed());
  fs::last_write_time(folder_ / "a/1.txt", fs::file_time_type::clock::now());
  EXPECT_TRUE(has_changed());
  fs::rename(folder_ / "a/1.txt", folder_ / "other/2.txt");
  EXPECT_TRUE(has_changed());
  write(folder_ / "other/3.txt");
  EXPECT_FALSE(has_changed());
  fs::rename(folder_ / "other/2.txt", folder_ / "a/2.txt");
  EXPECT_TRUE(has_changed());
  fs::remove(folder_ / "a/2.txt");
  EXPECT_TRUE(has_changed());
  fs::create_directory(folder_ / "a/new");
  EXPECT_TRUE(has_changed());
  fs::remove_all(folder_ / "a");
  EXPECT_TRUE(has_changed());
}

TEST_F(FolderWatchTest, WhatDoesNotMatterIsNotTold) {
  watch_->add(folder_);
  fs::create_directory(folder_ / "x.no");
  EXPECT_FALSE(has_changed());
}

TEST_F(FolderWatchTest, MovedFolderIsWatchedAtItsNewPlace) {
  fs::create_directories(folder_ / "a");
  watch_->add(folder_ / "a");
  fs::rename(folder_ / "a", folder_ / "b");
  EXPECT_TRUE(has_changed());
  watch_->add(folder_ / "b");
  write(folder_ / "b/1.txt");
  EXPECT_TRUE(has_changed());
}

TEST_F(FolderWatchTest, LostEventsCountAsAChange) {
  watch_->add(folder_);
  write(folder_ / "a.no");
  // More events than the queue holds (fs.inotify.max_queued_events), none of which matters.
  const fs::path a = folder_ / "a.no", b = folder_ / "b.no";
  std::size_t limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  if (limit == 0 || limit > 200'000) GTEST_SKIP() << "the queue has another length";
  has_changed();
  for (std::size_t i = 0; i <= limit / 2; ++i) i % 2 == 0 ? fs::rename(a, b) : fs::rename(b, a);
  EXPECT_TRUE(has_changed());
}

TEST_F(FolderWatchTest, StopEndsTheWait) {
  const StopSource stop;
  const JoiningThread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(watch_->wait(std::chrono::hours(1), stop.get_token()));
}

#endif

}  // namespace
}  // namespace oko::tasks
