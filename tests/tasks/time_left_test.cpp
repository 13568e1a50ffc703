#include "tasks/time_left.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace oko::tasks {
namespace {

using index::DocumentKind;

/// A file, and what it really takes.
struct RealFile {
  FileToRead file;
  double seconds = 0;
  std::size_t passages = 0;
  std::size_t pages = 0;  ///< 0: it is read in one step
};

/// Between 0.5 and 1.5, always the same.
double varied(std::size_t number) {
  return 0.5 + static_cast<double>(number * 7919 % 101) / 100;
}

RealFile text_file(std::size_t number) {
  const double size = varied(number) * 12'000;
  return {{DocumentKind::kText, static_cast<std::uint64_t>(size)},
          size * 2e-7,
          static_cast<std::size_t>(size / 1500) + 1};
}

RealFile picture(std::size_t number) {
  return {{DocumentKind::kPicture, static_cast<std::uint64_t>(varied(number) * 3e6)},
          2 * varied(number + 50),
          1};
}

RealFile scan(std::size_t number, std::size_t pages) {
  return {{DocumentKind::kPdf, static_cast<std::uint64_t>(pages * 400'000)},
          2.5 * varied(number) * static_cast<double>(pages),
          2 * pages,
          pages};
}

/// Reads and embeds files as `index_files` does, on a clock of its own, and compares each estimate
/// with the time that was left.
class SimulatedRun {
 public:
  struct Report {
    double now, left;
  };

  SimulatedRun(std::vector<RealFile> files, double seconds_of_passage)
      : real_(std::move(files)), seconds_of_passage_(seconds_of_passage) {
    std::vector<FileToRead> known;
    for (const RealFile& each : real_) known.push_back(each.file);
    left_.emplace(known);
  }

  /// The reader waits while the queue holds 64 documents or 512 passages.
  void run() {
    while (reads_ < real_.size() || !queue_.empty() || embeds_until_) {
      if (!embeds_until_ && !queue_.empty()) begin_to_embed();
      if (!reads_until_ && reads_ < real_.size() && has_room()) begin_to_read();
      if (reads_until_ && (!embeds_until_ || *reads_until_ <= *embeds_until_)) {
        now_ = *reads_until_;
        end_reading();
      } else {
        now_ = *embeds_until_;
        end_embedding();
      }
      if (const auto left = left_->seconds(now_)) reports_.push_back({now_, *left});
    }
  }

  /// After a part of the work, and before the `last` seconds.
  void expect_honest(double last = 5) const {
    constexpr double from = 0.2;
    ASSERT_FALSE(reports_.empty());
    EXPECT_LE(reports_.front().now, now_ * from * 1.5) << "of " << now_;
    for (const Report& each : reports_) {
      const double truth = now_ - each.now;
      if (each.now < now_ * from || truth < now_ / 50 || truth < last) continue;
      ASSERT_LE(each.left, truth * 1.5) << "at " << each.now << " of " << now_;
      ASSERT_GE(each.left, truth / 1.5) << "at " << each.now << " of " << now_;
    }
  }

  void expect_smooth() const {
    for (std::size_t i = 1; i < reports_.size(); ++i) {
      ASSERT_LE(reports_[i].left, reports_[i - 1].left * 2) << "at " << reports_[i].now;
    }
  }

  const std::vector<Report>& reports() const { return reports_; }

 private:
  bool has_room() const { return queue_.empty() || (queue_.size() < 64 && passages_ < 512); }

  void begin_to_read() {
    const RealFile& file = real_[reads_];
    took_ = file.seconds / static_cast<double>(std::max<std::size_t>(file.pages, 1));
    reads_until_ = now_ + took_;
  }

  void end_reading() {
    const RealFile& file = real_[reads_];
    reads_until_.reset();
    if (file.pages > 0) {
      left_->read_page(reads_, file.pages, file.passages / file.pages, took_);
      if (++page_ < file.pages) return;
      page_ = 0;
      took_ = 0;
    }
    left_->read_file(reads_, file.passages, took_);
    queue_.push_back(file.passages);
    passages_ += file.passages;
    ++reads_;
  }

  /// 32 passages, of one document or several.
  void begin_to_embed() {
    embeds_ = 0;
    while (embeds_ < 32 && !queue_.empty()) {
      const std::size_t taken = std::min(queue_.front(), 32 - embeds_);
      embeds_ += taken;
      passages_ -= taken;
      queue_.front() -= taken;
      if (queue_.front() == 0) queue_.pop_front();
    }
    embeds_until_ = now_ + static_cast<double>(embeds_) * seconds_of_passage_;
  }

  void end_embedding() {
    embeds_until_.reset();
    left_->embedded(embeds_, static_cast<double>(embeds_) * seconds_of_passage_);
  }

  std::vector<RealFile> real_;
  double seconds_of_passage_;
  std::optional<TimeLeft> left_;
  std::vector<Report> reports_;
  double now_ = 0;
  std::optional<double> reads_until_, embeds_until_;
  double took_ = 0;
  std::size_t reads_ = 0, page_ = 0, embeds_ = 0, passages_ = 0;
  std::deque<std::size_t> queue_;
};

void expect_good(std::vector<RealFile> files, double seconds_of_passage, double last = 5) {
  SimulatedRun run(std::move(files), seconds_of_passage);
  run.run();
  run.expect_honest(last);
  run.expect_smooth();
}

std::vector<RealFile> many(std::size_t count, const std::function<RealFile(std::size_t)>& make) {
  std::vector<RealFile> files;
  for (std::size_t i = 0; i < count; ++i) files.push_back(make(i));
  return files;
}

std::vector<RealFile> together(std::vector<RealFile> first, const std::vector<RealFile>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST(TimeLeftTest, TextsTakeTheTimeToEmbedThem) {
  expect_good(many(2000, text_file), 0.1);
}

TEST(TimeLeftTest, PicturesTakeTheTimeToReadThem) {
  expect_good(many(300, picture), 0.1);
}

TEST(TimeLeftTest, MixedKindsAreEstimatedByTheirKind) {
  const auto mixed = [](std::size_t i) {
    return i % 9 == 0 ? scan(i, 6) : i % 2 == 0 ? picture(i) : text_file(i);
  };
  expect_good(many(600, mixed), 0.1);
  expect_good(many(600, mixed), 0.002);
}

TEST(TimeLeftTest, FoldersOfOneKindAfterAnother) {
  const std::vector<RealFile> first = together(many(20, text_file), many(20, picture));
  const std::vector<RealFile> texts = many(900, text_file);
  const std::vector<RealFile> pictures = many(300, picture);
  // What is embedded of one folder hardly overlaps the reading of the other.
  expect_good(together(together(first, pictures), texts), 0.1);
  expect_good(together(together(first, texts), pictures), 0.1);
}

TEST(TimeLeftTest, HugeScanAtTheEnd) {
  const std::vector<RealFile> scans = many(20, [](std::size_t i) { return scan(i, 5); });
  expect_good(together(scans, {scan(33, 300)}), 0.1);
}

/// Nothing is said before its first pages are read: no file told how long they take.
TEST(TimeLeftTest, HugeScanBehindOtherKinds) {
  SimulatedRun run(together(many(500, text_file), {scan(4, 400)}), 0.01);
  run.run();
  run.expect_honest();
  run.expect_smooth();
  EXPECT_GT(run.reports().front().now, 4);
}

TEST(TimeLeftTest, HugePdfUnlikeTheOnesBeforeIsJudgedByItsOwnPages) {
  const auto with_text = [](std::size_t i) {
    return RealFile{{DocumentKind::kPdf, 100'000}, 0.01 * varied(i), 20, 10};
  };
  expect_good(together(many(200, with_text), {scan(2, 500)}), 0.02);
}

TEST(TimeLeftTest, FilesThatHaveNotChangedTakeTheTimeToHashThem) {
  const auto touched = [](std::size_t i) {
    RealFile file = picture(i);
    file.seconds = 0.02;
    file.passages = 0;
    return file;
  };
  expect_good(many(3000, touched), 0.1);
}

/// A model describes 8 pictures at once, which are done at almost the same time.
TEST(TimeLeftTest, CaptionsComeInBursts) {
  const auto caption = [](std::size_t i) {
    return RealFile{{DocumentKind::kPicture, 0}, i % 8 == 0 ? 40.0 : 0.1, 0};
  };
  expect_good(many(200, caption), 0.1, 45);
  const auto each_alone = [](std::size_t i) {
    return RealFile{{DocumentKind::kPicture, 0}, 20 * varied(i), 0};
  };
  expect_good(many(40, each_alone), 0.1);
}

TEST(TimeLeftTest, SaysNothingAtFirst) {
  TimeLeft left({{DocumentKind::kText, 1000}, {DocumentKind::kPicture, 1000}});
  EXPECT_FALSE(left.seconds(0));
  EXPECT_FALSE(left.seconds(100));
  EXPECT_FALSE(TimeLeft({}).seconds(0));
  TimeLeft soon(std::vector<FileToRead>(1000, {DocumentKind::kPicture, 0}));
  for (std::size_t i = 0; i < 20; ++i) soon.read_file(i, 0, 0.05);
  EXPECT_FALSE(soon.seconds(1));
  EXPECT_TRUE(soon.seconds(3));
}

TEST(TimeLeftTest, LoadingTheModelIsNoPartOfTheRate) {
  TimeLeft left(std::vector<FileToRead>(64, {DocumentKind::kText, 1'000}));
  for (std::size_t i = 0; i < 64; ++i) left.read_file(i, 32, 0.001);
  left.embedded(32, 60);
  left.embedded(32, 1);
  left.embedded(32, 1);
  EXPECT_NEAR(left.seconds(63).value_or(0), 61, 0.5);
}

TEST(TimeLeftTest, ShrinksAndGrowsSlowly) {
  TimeLeft left(std::vector<FileToRead>(1000, {DocumentKind::kPicture, 1'000}));
  double now = 0;
  std::size_t file = 0;
  const auto read = [&](double seconds) {
    now += seconds;
    left.read_file(file++, 0, seconds);
    return left.seconds(now);
  };
  std::optional<double> before;
  for (int i = 0; i < 30; ++i) before = read(1);
  ASSERT_TRUE(before);
  for (int i = 0; i < 4; ++i) EXPECT_LE(read(3).value_or(1e9), *before * 1.06);
  for (int i = 0; i < 10; ++i) {
    const std::optional<double> after = read(400);
    ASSERT_TRUE(after);
    EXPECT_LE(*after, *before * 1.5);
    before = after;
  }
  EXPECT_GT(*before, 5000);
}

TEST(TimeLeftTest, ABurstCountsOnceTheNextBegins) {
  TimeLeft left(std::vector<FileToRead>(200, {DocumentKind::kPicture, 0}));
  for (std::size_t i = 0; i < 18; ++i) left.read_file(i, 0, i % 8 == 0 ? 40 : 0);
  EXPECT_NEAR(left.seconds(120).value_or(0), 910, 1);  // not 1285, of 17 in 120 seconds
}

TEST(TimeLeftTest, AnOpenFileIsJudgedByItsOwnPages) {
  std::vector<FileToRead> files(20, {DocumentKind::kPdf, 1'000'000});
  files.push_back({DocumentKind::kPdf, 100'000'000});
  TimeLeft left(files);
  for (std::size_t i = 0; i < 20; ++i) left.read_file(i, 0, 5);
  for (int i = 0; i < 10; ++i) left.read_page(20, 1000, 0, 0.1);
  EXPECT_NEAR(left.seconds(101).value_or(0), 99, 1);  // not some 450, by the bytes of the others
}

TEST(TimeLeftTest, UnknownFilesAndSecondTimesAreIgnored) {
  TimeLeft left({{DocumentKind::kText, 1000}});
  left.read_file(7, 1, 1);
  left.read_page(7, 3, 1, 1);
  left.read_file(0, 0, 1);
  left.read_file(0, 1000, 1);
  left.read_page(0, 3, 1000, 1);
  EXPECT_EQ(left.seconds(10).value_or(0), 1);
}

}  // namespace
}  // namespace oko::tasks
