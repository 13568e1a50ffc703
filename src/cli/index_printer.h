#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "engine/stopwatch.h"
#include "index/library.h"
#include "tasks/caption_pictures.h"
#include "tasks/index_files.h"
#include "tasks/write_sidecars.h"

namespace oko::cli {

/// What `oko index` prints while it works, in one run or, with --watch, in several.
class IndexPrinter {
 public:
  IndexPrinter(bool json, bool quiet);

  /// `describes`: captions are made behind the texts.
  void begin_run(bool describes);
  tasks::IndexCallbacks callbacks();
  void draw_captions(const tasks::CaptionProgress& progress);
  void note(const LocalizedText& text);
  /// Later runs are summed up only if something has changed.
  void print_summary(const tasks::IndexSummary& summary, const tasks::SidecarSummary& sidecars,
                     const index::LibraryCounts& counts);

  /// Of this run.
  const std::vector<tasks::GoneFile>& gone() const { return gone_; }
  /// Of this run: the first files that could not be read, "a.png, b.pdf, ...".
  std::string failed_files() const;

 private:
  void print_file(const tasks::IndexedFile& file);
  void clear();
  void draw(const tasks::IndexProgress& progress);
  void say_empty(const std::string& folder, std::size_t documents);
  void add_skipped(const tasks::SkippedFile& skipped);
  nlohmann::ordered_json skipped_json() const;
  void say_gone(const std::string& path, std::size_t documents);
  void say_skipped(const tasks::IndexSummary& summary) const;
  void say_captions(const tasks::IndexSummary& summary,
                    const tasks::SidecarSummary& sidecars) const;

  const bool json_;
  const bool quiet_;
  ProgressBar bar_;
  ProgressBar caption_bar_;
  engine::Stopwatch watch_;
  std::map<tasks::SkipReason, std::size_t> skipped_;
  std::vector<tasks::GoneFile> gone_;
  std::vector<std::string> failed_;
  std::set<std::string> empty_folders_;  ///< that a note was given of
  int run_ = 0;
  bool describes_ = false;
};

}  // namespace oko::cli
