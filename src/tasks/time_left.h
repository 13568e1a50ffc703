#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "index/library.h"

namespace oko::tasks {

/// What is known of a file before it is read.
struct FileToRead {
  index::DocumentKind kind = index::DocumentKind::kText;
  std::uint64_t bytes = 0;
};

/// Estimates how long it takes to read files, one after another, while what was read is embedded at
/// the same time. It has no clock: it gets the seconds that each thing took, without waiting for
/// the other side. Each kind of file has rates of its own, of time and of passages: pictures by
/// their number, other files by their bytes.
class TimeLeft {
 public:
  /// In the order in which they are read.
  explicit TimeLeft(const std::vector<FileToRead>& files);

  /// One more of the `pages` of a file, with so many passages.
  void read_page(std::size_t file, std::size_t pages, std::size_t passages, double seconds);
  /// The rest of a file, with all `passages` that are to be embedded of it. The second time it is
  /// ignored.
  void read_file(std::size_t file, std::size_t passages, double seconds);
  void embedded(std::size_t passages, double seconds);

  /// Of all that is left, at `now`, in seconds since the start; `now` must not fall. Nothing before
  /// enough was seen. Smoothed: it grows by half at most from one call to the next.
  std::optional<double> seconds(double now);

 private:
  static constexpr std::size_t kKinds = 3;

  /// What some units of work took. Things that are worked on together end in a burst, the first
  /// one with the time of all: a burst counts once the next begins.
  class Rate {
   public:
    void add(double units, double passages, double seconds);
    bool is_measured(double all_units) const;
    double seconds_of(double units) const { return units * settled_.seconds / settled_.units; }
    double passages_of(double units) const { return units * settled_.passages / settled_.units; }

   private:
    struct Sum {
      double units = 0, passages = 0, seconds = 0;
    };
    Sum settled_, burst_;
    std::size_t bursts_ = 0, things_ = 0, things_of_burst_ = 0;
  };

  /// Files that lie together; the reader is at most about one stretch ahead.
  struct Stretch {
    std::array<double, kKinds> units = {};  ///< to be read
    std::size_t files = 0;                  ///< to be read
  };

  struct File {
    std::size_t kind = 0;
    double units = 0;  ///< to be read
    std::size_t stretch = 0;
    bool is_read = false;
  };

  /// A file of which some pages are read.
  struct Open {
    std::size_t file = 0, pages = 0, done = 0, passages = 0;
    double units = 0, seconds = 0;  ///< `units` of the whole
  };

  struct Cost {
    double seconds = 0, passages = 0;
  };

  double left(double guesses) const;
  Cost cost_of(std::size_t kind, double units, double guesses) const;
  Cost cost_of_open(double guesses) const;
  double embedding_of(double passages, double guesses) const;
  void take(File& file, double units);

  std::vector<File> files_;
  std::vector<Stretch> stretches_;
  std::array<double, kKinds> all_units_ = {};
  std::array<Rate, kKinds> rates_;
  Rate embedding_;
  bool has_embedded_ = false;
  double waiting_passages_ = 0;  ///< read, but not embedded
  std::optional<Open> open_;
  std::optional<double> shown_;
  double asked_ = 0;  ///< when it was estimated last
};

}  // namespace oko::tasks
