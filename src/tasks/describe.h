#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/localized_text.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "document/pages.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "tasks/picture.h"
#include "tasks/picture_text.h"

namespace oko::tasks {

class SharedReader;

struct DescribeOptions {
  std::string system = {};                 ///< instruction before all; empty: none
  std::string prompt = {};                 ///< empty: "Describe this image.", in `language`
  Language language = Language::kEnglish;  ///< of the default question and of words about text
  ReadText read_text = ReadText::kWhereItFits;
  SharedReader* reader = nullptr;  ///< of text; must outlive the Describer; null: one of its own
  /// Limit of the recognized text; none: all that fits.
  std::optional<std::size_t> ocr_tokens = {};
  int max_tokens = 1024;  ///< of an answer
  int kv_bits = 16;
  bool lookup = false;
  std::int64_t max_pixels = 0;
  float temperature = 0;
  std::uint64_t seed = 0;
  bool measure_memory = false;  ///< describes pictures one by one
};

/// A described picture.
struct Description {
  int pages = 1;            ///< of the file
  LocalizedText shrinking;  ///< a note that decoding shrank it; empty: it did not
  LocalizedText others;     ///< a note on other pictures of the file: see image::others_of
  bool reads_text = false;
  LocalizedText unread;  ///< the reason why requested text was not read; empty: it was
  PictureText text;
  PictureStats stats;
  engine::GenerationHandle answer;
};

/// Asks the model about pages of pictures and PDF. While it answers, a thread decodes the next
/// pictures, reads their text and submits them, as many as the model works on at once and the
/// budget has room for.
class Describer {
 public:
  /// `host`, `generator` and `pages` must outlive it. `stop` ends everything.
  Describer(engine::ModelHost& host, engine::Generator& generator, DescribeOptions options,
            document::Pages& pages, const StopToken& stop);

  /// Waits for the next page, in their order; call it once a page. Throws the error of that page,
  /// after which the next call returns the next one. Throws kCancelled.
  Description next();

 private:
  using Loaded = std::variant<Description, std::exception_ptr>;

  void load_all(const StopToken& stop);
  Description load(std::size_t i, PictureReader& reader, const StopToken& stop);

  engine::ModelHost& host_;
  engine::Generator& generator_;
  DescribeOptions options_;
  document::Pages& pages_;
  StopToken stop_;

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Loaded> loaded_ OKO_GUARDED_BY(mutex_);
  std::size_t asked_ OKO_GUARDED_BY(mutex_) = 0;  ///< calls of `next`
  JoiningThread loader_;                          // last: it ends before the other members
};

}  // namespace oko::tasks
