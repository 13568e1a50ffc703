#include "tasks/time_left.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace oko::tasks {
namespace {

/// As many as the queue between reading and embedding holds.
constexpr std::size_t kFilesOfStretch = 64;
/// A file that may have more passages than the queue holds is a stretch of its own.
constexpr std::uint64_t kLongBytes = 4 << 20;
/// A small file takes as long as this many bytes more.
constexpr double kUnitsOfFile = 1000;
constexpr std::size_t kPagesOfBasis = 8;
constexpr double kHalfLifeSeconds = 600;  // of work: the machine may have other things to do, too
constexpr double kSoonest = 2;
constexpr double kBetweenEstimates = 0.25;

/// Guesses for a kind of which too little was seen. They are high, for they tell whether it matters
/// that it is unknown.
struct Guess {
  double seconds, passages;  // of a unit
};
constexpr std::array<Guess, 3> kGuesses = {{
    {3, 2},              // a picture
    {1e-5, 1.0 / 3000},  // a byte of PDF
    {1e-6, 1.0 / 1000},  // a byte of text
}};
constexpr double kGuessOfPassage = 0.25;  // seconds

std::size_t number_of(index::DocumentKind kind) {
  switch (kind) {
    case index::DocumentKind::kPicture:
      return 0;
    case index::DocumentKind::kPdf:
      return 1;
    case index::DocumentKind::kText:
      return 2;
  }
  return 2;
}

double units_of(const FileToRead& file) {
  if (file.kind == index::DocumentKind::kPicture) return 1;
  return static_cast<double>(file.bytes) + kUnitsOfFile;
}

}  // namespace

void TimeLeft::Rate::add(double units, double passages, double seconds) {
  constexpr double kOfBurst = 0.05;  // of the mean time
  if (units <= 0) {
    burst_.passages += passages;
    burst_.seconds += seconds;
    return;
  }
  const Sum all = {settled_.units + burst_.units, 0, settled_.seconds + burst_.seconds};
  const bool is_of_burst = burst_.units > 0 && seconds * all.units < kOfBurst * all.seconds * units;
  if (!is_of_burst) {
    const double kept = std::exp2(-burst_.seconds / kHalfLifeSeconds);
    settled_ = {settled_.units * kept + burst_.units, settled_.passages * kept + burst_.passages,
                settled_.seconds * kept + burst_.seconds};
    if (burst_.units > 0) ++bursts_;
    things_ += std::exchange(things_of_burst_, 0);
    burst_ = {};
  }
  ++things_of_burst_;
  burst_.units += units;
  burst_.passages += passages;
  burst_.seconds += seconds;
}

bool TimeLeft::Rate::is_measured(double all_units) const {
  constexpr std::size_t kBursts = 8, kFewBursts = 2, kThings = 16;
  return settled_.units > 0 && (bursts_ >= kBursts || settled_.units * 3 >= all_units ||
                                (bursts_ >= kFewBursts && things_ >= kThings));
}

TimeLeft::TimeLeft(const std::vector<FileToRead>& files) {
  bool is_closed = true;
  for (const FileToRead& file : files) {
    const std::size_t kind = number_of(file.kind);
    const bool is_long = file.kind != index::DocumentKind::kPicture && file.bytes > kLongBytes;
    if (is_closed || is_long || stretches_.back().files == kFilesOfStretch) {
      stretches_.emplace_back();
    }
    is_closed = is_long;
    const double units = units_of(file);
    ++stretches_.back().files;
    stretches_.back().units[kind] += units;
    all_units_[kind] += units;
    files_.push_back({kind, units, stretches_.size() - 1});
  }
}

void TimeLeft::take(File& file, double units) {
  units = std::min(units, file.units);
  file.units -= units;
  double& left = stretches_[file.stretch].units[file.kind];
  left = std::max(0.0, left - units);
}

void TimeLeft::read_page(std::size_t file, std::size_t pages, std::size_t passages,
                         double seconds) {
  if (file >= files_.size() || files_[file].is_read || pages == 0) return;
  if (!open_ || open_->file != file) {
    open_ = Open{.file = file, .pages = pages, .units = files_[file].units};
  }
  ++open_->done;
  open_->seconds += seconds;
  open_->passages += passages;
  const double units = std::min(files_[file].units, open_->units / static_cast<double>(pages));
  rates_[files_[file].kind].add(units, static_cast<double>(passages), seconds);
  take(files_[file], units);
}

void TimeLeft::read_file(std::size_t file, std::size_t passages, double seconds) {
  if (file >= files_.size() || files_[file].is_read) return;
  File& read = files_[file];
  read.is_read = true;
  std::size_t counted = 0;
  bool has_rest = true;
  if (open_ && open_->file == file) {
    counted = std::min(passages, open_->passages);
    has_rest = open_->done < open_->pages;
    open_.reset();
  }
  rates_[read.kind].add(has_rest ? read.units : 0, static_cast<double>(passages - counted),
                        seconds);
  take(read, read.units);
  --stretches_[read.stretch].files;
  if (stretches_[read.stretch].files == 0) stretches_[read.stretch].units = {};
  waiting_passages_ += static_cast<double>(passages);
}

void TimeLeft::embedded(std::size_t passages, double seconds) {
  waiting_passages_ = std::max(0.0, waiting_passages_ - static_cast<double>(passages));
  // The first request waits for the model to be loaded, too.
  if (has_embedded_) embedding_.add(static_cast<double>(passages), 0, seconds);
  has_embedded_ = has_embedded_ || passages > 0;
}

TimeLeft::Cost TimeLeft::cost_of(std::size_t kind, double units, double guesses) const {
  if (units <= 0) return {};
  const Rate& rate = rates_[kind];
  if (rate.is_measured(all_units_[kind])) return {rate.seconds_of(units), rate.passages_of(units)};
  return {units * guesses * kGuesses[kind].seconds, units * guesses * kGuesses[kind].passages};
}

/// The rest of the pages, as those before: documents of a kind differ.
TimeLeft::Cost TimeLeft::cost_of_open(double guesses) const {
  const File& file = files_[open_->file];
  if (open_->done < kPagesOfBasis) return cost_of(file.kind, file.units, guesses);
  const double pages = static_cast<double>(open_->pages - std::min(open_->pages, open_->done));
  const double share = pages / static_cast<double>(open_->done);
  return {open_->seconds * share, static_cast<double>(open_->passages) * share};
}

double TimeLeft::embedding_of(double passages, double guesses) const {
  if (passages <= 0) return 0;
  if (embedding_.is_measured(0)) return embedding_.seconds_of(passages);
  return passages * guesses * kGuessOfPassage;
}

/// With `guesses` of 1 what was not seen yet counts as guessed, with 0 it takes no time.
double TimeLeft::left(double guesses) const {
  double read = 0;
  double embedded = embedding_of(waiting_passages_, guesses);
  double embedded_before = 0;  // when there is room to read on
  for (std::size_t i = 0; i < stretches_.size(); ++i) {
    const Stretch& stretch = stretches_[i];
    if (stretch.files == 0) continue;
    std::array<double, kKinds> units = stretch.units;
    Cost cost;
    if (open_ && files_[open_->file].stretch == i) {
      const File& file = files_[open_->file];
      units[file.kind] -= file.units;
      cost = cost_of_open(guesses);
      cost.passages += static_cast<double>(open_->passages);
    }
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Cost more = cost_of(kind, units[kind], guesses);
      cost.seconds += more.seconds;
      cost.passages += more.passages;
    }
    const double embedding = embedding_of(cost.passages, guesses);
    read = std::max(read, embedded_before) + cost.seconds;
    embedded_before = embedded;
    // A document is embedded once all of it is read.
    embedded =
        std::max(embedded + embedding, read + embedding / static_cast<double>(stretch.files));
  }
  return std::max(read, embedded);
}

std::optional<double> TimeLeft::seconds(double now) {
  constexpr double kMostUnknown = 1.5;
  constexpr double kMostGrowth = 1.5;
  const double passed = now - asked_;
  if (passed < kBetweenEstimates) {
    return shown_ ? std::optional(std::max(1.0, *shown_ - passed)) : std::nullopt;
  }
  asked_ = now;
  const double estimate = left(1);
  if (!shown_) {
    if (now < kSoonest || left(0) * kMostUnknown < estimate) return std::nullopt;
    shown_ = std::max(1.0, estimate);
    return shown_;
  }
  const double expected = std::max(0.0, *shown_ - passed);
  const double inertia = std::clamp(expected / 20, 1.0, 30.0);
  const double smooth = expected + (estimate - expected) * (1 - std::exp(-passed / inertia));
  shown_ = std::max(1.0, std::min(smooth, kMostGrowth * *shown_));
  return shown_;
}

}  // namespace oko::tasks
