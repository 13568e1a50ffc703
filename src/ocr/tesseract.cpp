#include <dlfcn.h>
#include <tesseract/baseapi.h>
#include <tesseract/ocrclass.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/mutex.h"
#include "base/open_files.h"
#include "base/stop_token.h"
#include "ocr/better_words.h"
#include "ocr/engine.h"
#include "ocr/homoglyphs.h"
#include "ocr/memory_estimate.h"
#include "ocr/preparation.h"
#include "ocr/script.h"
#include "ocr/script_recheck.h"
#include "text/utf8.h"

namespace oko::ocr {
namespace {

/// A language and the name of its data.
struct Language {
  std::string_view tag;   ///< BCP 47, without a region
  std::string_view data;  ///< as Tesseract's files and packages are called
  Script script;
};

constexpr float kSureWord = 0.75f;
constexpr int kFewLetters = 40;  // of a label, a button, a number
constexpr int kFewLines = 800;   // letters that are worth two readings

constexpr std::array<Language, 12> kLanguages{{{"ru", "rus", Script::kCyrillic},
                                               {"en", "eng", Script::kLatin},
                                               {"uk", "ukr", Script::kCyrillic},
                                               {"be", "bel", Script::kCyrillic},
                                               {"bg", "bul", Script::kCyrillic},
                                               {"de", "deu", Script::kLatin},
                                               {"fr", "fra", Script::kLatin},
                                               {"es", "spa", Script::kLatin},
                                               {"it", "ita", Script::kLatin},
                                               {"pt", "por", Script::kLatin},
                                               {"pl", "pol", Script::kLatin},
                                               {"tr", "tur", Script::kLatin}}};

const Language& language_of(const std::string& tag) {
  const std::string_view primary = std::string_view(tag).substr(0, tag.find('-'));
  for (const Language& language : kLanguages) {
    if (language.tag == primary) return language;
  }
  std::string known;
  for (const Language& language : kLanguages) {
    known += (known.empty() ? "" : ", ") + std::string(language.tag);
  }
  throw Error(ErrorCode::kUsage,
              tr("text in the language \"{}\" is not read", "текст на языке «{}» не читается", tag),
              tr("oko reads {}", "oko читает {}", known));
}

std::string tag_of(const char* data) {
  for (const Language& language : kLanguages) {
    if (data != nullptr && language.data == data) return std::string(language.tag);
  }
  return {};
}

/// Appends a name to a list in Tesseract's form, joined by "+".
void add(std::string& list, std::string_view name) {
  if (!list.empty()) list += '+';
  list += name;
}

bool init(tesseract::TessBaseAPI& api, const std::string& data) {
  api.SetVariable("debug_file", "/dev/null");  // otherwise warnings go to stderr
  return api.Init(nullptr, data.c_str(), tesseract::OEM_LSTM_ONLY) == 0;
}

bool is_letter_or_digit(std::string_view symbol) {
  if (symbol.empty()) return false;
  const char32_t c = text::next_utf8(symbol, 0).code_point;
  return script_of(c) != Script::kOther || is_digit(c);
}

int letters_and_digits(std::string_view word) {
  int count = 0;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = text::next_utf8(word, at).length;
    count += is_letter_or_digit(word.substr(at, length)) ? 1 : 0;
    at += length;
  }
  return count;
}

/// Throws if no more files can be opened: Tesseract 5.5 then writes to a null pointer in place of
/// `debug_file`.
void require_open_files() {
  constexpr std::size_t kOwnFiles = 4;  // that it has open at once
  if (can_open_files(kOwnFiles)) return;
  throw Error(ErrorCode::kFailed,
              tr("text recognition cannot open its files: too many files are open",
                 "распознавание не может открыть свои файлы: открыто слишком много файлов"),
              tr("raise the limit of {}: ulimit -n", "увеличьте предел, сейчас {}: ulimit -n",
                 open_file_limit()));
}

/// Tesseract does not say why it cannot read its data.
[[noreturn]] void throw_missing(const std::vector<std::string>& data) {
  require_open_files();
  std::string packages, missing;
  for (const std::string& name : data) {
    tesseract::TessBaseAPI api;
    if (init(api, name)) continue;
    packages += " tesseract-ocr-" + name;
    add(missing, name);
  }
  if (missing.empty()) {
    throw Error(ErrorCode::kFailed,
                tr("text recognition cannot use its data", "распознавание не читает свои данные"),
                tr("TESSDATA_PREFIX may name a wrong folder",
                   "возможно, TESSDATA_PREFIX указывает не на ту папку"));
  }
  throw Error(ErrorCode::kFailed,
              tr("text recognition lacks data of a language: {}",
                 "распознаванию текста не хватает данных языка: {}", missing),
              tr("install it: apt install{}", "установите их: apt install{}", packages));
}

/// Limits Tesseract's loops to the calling thread: they take four threads each, which spin for
/// minutes on a busy machine. Calls the OpenMP that Tesseract was built with, if any: oko's
/// compiler may have another, or none.
void keep_to_one_thread() {
  static void* const function = ::dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");
  if (function != nullptr) reinterpret_cast<void (*)(int)>(function)(0);
}

/// Who uses Tesseract, some of whose settings belong to the process: no engine is made or destroyed
/// while another one reads. One that is to be made goes before pages that have not begun.
class TesseractUse {
 public:
  void begin_page() {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [this]() OKO_REQUIRES(mutex_) { return makers_ == 0; });
    ++pages_;
  }
  void end_page() {
    const MutexLock lock(mutex_);
    --pages_;
    changed_.notify_all();
  }
  void begin_change() {
    const MutexLock lock(mutex_);
    ++makers_;
    changed_.wait(mutex_, [this]() OKO_REQUIRES(mutex_) { return pages_ == 0 && !is_changing_; });
    is_changing_ = true;
  }
  void end_change() {
    const MutexLock lock(mutex_);
    is_changing_ = false;
    --makers_;
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::size_t pages_ OKO_GUARDED_BY(mutex_) = 0;   ///< that are read
  std::size_t makers_ OKO_GUARDED_BY(mutex_) = 0;  ///< that make or destroy an engine, or wait
  bool is_changing_ OKO_GUARDED_BY(mutex_) = false;
};

TesseractUse tesseract_use;

/// RAII: a page is read.
class PageInWork {
 public:
  PageInWork() { tesseract_use.begin_page(); }
  ~PageInWork() { tesseract_use.end_page(); }
  PageInWork(const PageInWork&) = delete;
  PageInWork& operator=(const PageInWork&) = delete;
};

/// RAII: an engine is made or destroyed.
class EngineChange {
 public:
  EngineChange() { tesseract_use.begin_change(); }
  ~EngineChange() { tesseract_use.end_change(); }
  EngineChange(const EngineChange&) = delete;
  EngineChange& operator=(const EngineChange&) = delete;
};

class TesseractEngine : public Engine {
 public:
  ~TesseractEngine() override { end_.emplace(); }
  TesseractEngine(const TesseractEngine&) = delete;
  TesseractEngine& operator=(const TesseractEngine&) = delete;

  explicit TesseractEngine(const Options& options) : options_(options) {
    std::string all;
    std::vector<std::string> data;
    ScriptRecheck::Languages cyrillic, latin;
    for (const std::string& tag : options.languages) {
      const Language& language = language_of(tag);
      data.emplace_back(language.data);
      add(all, language.data);
      ScriptRecheck::Languages& own = language.script == Script::kLatin ? latin : cyrillic;
      if (own.data.empty()) own.tag = language.tag;
      add(own.data, language.data);
    }
    require_open_files();
    if (!init(api_, all) || missing(data)) throw_missing(data);
    if (!cyrillic.data.empty() && !latin.data.empty()) script_recheck_.emplace(cyrillic, latin);
  }

  document::Page read(image::Image image, StopToken stop) override {
    const PageInWork in_work;
    require_open_files();
    keep_to_one_thread();
    PreparedPicture picture = prepare(image);
    image = {};
    Attempt attempt = read_as(std::move(picture), tesseract::PSM_AUTO, stop);
    if (!attempt.is_sure() && may_be_tried_again(attempt.picture)) try_other_ways(attempt, stop);
    if (script_recheck_) take_better_words_unenlarged(attempt, stop);
    document::Page page = finished(attempt, stop);
    api_.Clear();
    page.is_doubtful =
        attempt.picture.letters > 0 && !attempt.is_sure() && may_have_text(attempt.picture);
    if (options_.repairs_homoglyphs) repair_homoglyphs(page);
    return page;
  }

 private:
  /// True if a language is missing: Tesseract continues with the others.
  bool missing(const std::vector<std::string>& data) const {
    std::vector<std::string> loaded;
    api_.GetLoadedLanguagesAsVector(&loaded);
    return std::any_of(data.begin(), data.end(), [&](const std::string& name) {
      return std::find(loaded.begin(), loaded.end(), name) == loaded.end();
    });
  }

  /// A reading of a picture, before its words are checked.
  struct Attempt {
    PreparedPicture picture;
    document::Page page;                            // lines without words
    std::vector<std::vector<WordCandidate>> words;  // of each line
    int letters = 0;                                // and digits that were read
    int sure = 0;                                   // of those, in words that are surely right

    void count(const document::Word& word) {
      const int in_word = letters_and_digits(word.text);
      letters += in_word;
      if (word.confidence >= kSureWord) sure += in_word;
    }

    bool is_sure() const {
      // Components include letters, their dots, and dust.
      constexpr double kSureShare = 0.5, kReadShare = 0.25;
      return sure > 0 && sure >= kSureShare * letters && (letters >= kReadShare * picture.letters);
    }
  };

  Attempt read_as(PreparedPicture picture, tesseract::PageSegMode mode, StopToken stop) {
    Attempt attempt;
    attempt.picture = std::move(picture);
    api_.SetPageSegMode(mode);
    api_.SetImage(attempt.picture.pix.get());
    api_.SetSourceResolution(kPreparedResolution);
    tesseract::ETEXT_DESC monitor;
    monitor.cancel_this = &stop;
    monitor.cancel = [](void* token, int) {
      return static_cast<StopToken*>(token)->stop_requested();
    };
    const bool failed = api_.Recognize(&monitor) != 0;
    throw_if_stopped(stop);
    if (failed) {
      throw Error(ErrorCode::kFailed, tr("Tesseract could not read the picture",
                                         "Tesseract не смог прочитать картинку"));
    }
    add_lines(attempt);
    return attempt;
  }

  /// Tries other preparations until a reading is sure, and keeps the best one.
  void try_other_ways(Attempt& best, const StopToken& stop) {
    const auto try_way = [&](PreparedPicture picture, tesseract::PageSegMode mode) {
      if (best.is_sure()) return;
      Attempt attempt = read_as(std::move(picture), mode, stop);
      if (attempt.sure > best.sure) best = std::move(attempt);
    };
    PixPointer on_desk = std::move(best.picture.on_desk);
    const auto same = [&] { return turned(best.picture, best.picture.quarter_turns); };
    if (best.picture.letters <= kFewLetters) {
      for (const tesseract::PageSegMode mode :
           {tesseract::PSM_SINGLE_BLOCK, tesseract::PSM_SINGLE_WORD, tesseract::PSM_SINGLE_CHAR}) {
        try_way(same(), mode);
      }
    }
    if (best.is_sure()) return;
    if (auto alone = on_desk ? std::nullopt : page_alone(best.picture)) {
      try_way(std::move(*alone), tesseract::PSM_AUTO);
    }
    if (best.is_sure()) return;
    const int turns = best_turns(best.picture, stop);
    if (turns != 0) try_way(turned(best.picture, turns), tesseract::PSM_AUTO);
    if (on_desk) try_way(with_desk(std::move(on_desk)), tesseract::PSM_AUTO);
    if (!best.picture.is_even) try_way(evened(best.picture), tesseract::PSM_AUTO);
  }

  /// Compares the words with a second reading, at the original size: Tesseract reads most, but not
  /// all, words better when enlarged. It pays for labels and lists of few lines, whose words have
  /// no sentence around them.
  void take_better_words_unenlarged(Attempt& attempt, const StopToken& stop) {
    const PreparedPicture& picture = attempt.picture;
    if (!picture.small || picture.letters > kFewLines || !may_be_tried_again(picture)) return;
    if (!picture.is_unturned()) return;
    Attempt other = read_as(unenlarged(picture), tesseract::PSM_AUTO, stop);
    if (!other.picture.is_unturned()) return;
    const FamiliarityOf familiarity_of = [&](std::string_view word) {
      return script_recheck_->familiarity_of(word);
    };
    for (std::size_t i = 0; i < attempt.words.size(); ++i) {
      const document::Box& line = attempt.page.lines[i].box;
      std::vector<WordCandidate> words;
      for (const std::vector<WordCandidate>& others : other.words) {
        for (const WordCandidate& word : others) {
          const float middle = word.word.box.top + word.word.box.height / 2;
          if (middle < line.top || middle > line.top + line.height) continue;
          words.push_back(word);
          WordCandidate& taken = words.back();
          taken.box = picture.of_unturned(other.picture, word.box);
          for (Separator& each : taken.separators) {
            each.box = picture.of_unturned(other.picture, each.box);
          }
        }
      }
      take_better_words(attempt.words[i], std::move(words), familiarity_of);
    }
  }

  /// True if there is ink, and two such pictures fit the reservation of one (memory_estimate.h).
  static bool may_be_tried_again(const PreparedPicture& picture) {
    if (picture.letters <= kFewLetters) return picture.letters > 0;
    const std::uint64_t pixels = static_cast<std::uint64_t>(pixGetWidth(picture.pix.get())) *
                                 static_cast<std::uint64_t>(pixGetHeight(picture.pix.get()));
    return 2 * pixels <= most_prepared_pixels(picture.width, picture.height);
  }

  /// Quarter turns, clockwise, that make a sample of the picture readable; 0 if it is readable
  /// already, or if no turn helps.
  int best_turns(const PreparedPicture& picture, const StopToken& stop) {
    constexpr int kLeastLetters = 8;  // fewer may look like others upside down
    const PreparedPicture sample = sample_of(picture);
    if (sample.letters < kLeastLetters) return 0;
    int best = 0, most = 0;
    for (const int turns : {0, 2, 1, 3}) {
      const Attempt attempt = read_as(turned(sample, turns), tesseract::PSM_SINGLE_BLOCK, stop);
      if (attempt.sure < kLeastLetters || attempt.sure < 2 * most) continue;
      best = turns;
      most = attempt.sure;
      if (attempt.is_sure()) break;
    }
    return best;
  }

  /// Adds the result of the last recognition.
  void add_lines(Attempt& attempt) {
    const PreparedPicture& picture = attempt.picture;
    attempt.page = {picture.width, picture.height, {}};
    const std::unique_ptr<tesseract::ResultIterator> at(api_.GetIterator());
    if (!at) return;
    int block = -1;
    do {
      if (at->IsAtBeginningOf(tesseract::RIL_BLOCK)) ++block;
      if (at->IsAtBeginningOf(tesseract::RIL_TEXTLINE) || attempt.page.lines.empty()) {
        attempt.page.lines.push_back(
            {{}, picture.in_original(box_of(*at, tesseract::RIL_TEXTLINE)), 0, block});
        attempt.words.emplace_back();
      }
      auto word = word_of(*at, picture);
      if (!word) continue;
      attempt.count(word->word);
      attempt.words.back().push_back(std::move(*word));
    } while (at->Next(tesseract::RIL_WORD));
  }

  /// The page with its words, checked in one script at a time; they are counted again.
  document::Page finished(Attempt& attempt, const StopToken& stop) {
    document::Page page = std::move(attempt.page);
    attempt.letters = attempt.sure = 0;
    for (std::size_t i = 0; i < page.lines.size(); ++i) {
      throw_if_stopped(stop);
      std::vector<WordCandidate>& words = attempt.words[i];
      if (words.empty()) continue;
      if (script_recheck_) script_recheck_->check(words, attempt.picture);
      for (WordCandidate& each : words) {
        attempt.count(each.word);
        page.lines[i].words.push_back(std::move(each.word));
      }
      page.lines[i].confidence = confidence_of(page.lines[i]);
    }
    const float least_height = options_.minimum_text_height * static_cast<float>(page.height);
    std::erase_if(page.lines, [&](const document::Line& line) {
      return line.words.empty() || line.box.height < least_height;
    });
    return page;
  }

  static std::optional<WordCandidate> word_of(const tesseract::ResultIterator& at,
                                              const PreparedPicture& picture) {
    if (at.Empty(tesseract::RIL_WORD)) return std::nullopt;
    const std::unique_ptr<char[]> text(at.GetUTF8Text(tesseract::RIL_WORD));
    const std::string_view view = text ? text.get() : "";
    if (view.find_first_not_of(" \n\t") == std::string_view::npos) return std::nullopt;
    const document::Box box = box_of(at, tesseract::RIL_WORD);
    const bool like_a_rule = view.find_first_not_of("|[]Il!") == std::string_view::npos;
    if (like_a_rule && picture.is_ruling_line(box)) return std::nullopt;
    WordCandidate reading;
    reading.word.text = text.get();
    reading.word.box = picture.in_original(box);
    reading.word.confidence = at.Confidence(tesseract::RIL_WORD) / 100;
    reading.word.language = tag_of(at.WordRecognitionLanguage());
    reading.box = box;
    reading.separators = separators_of(at);
    return reading;
  }

  /// The separators between letters or digits of a word: a dot before a comma ends an abbreviation.
  static std::vector<Separator> separators_of(tesseract::ResultIterator at) {
    std::vector<Separator> separators;
    std::optional<Separator> open;  // after a letter or digit
    bool is_last = false, after_letter = false;
    while (!is_last) {
      is_last = at.IsAtFinalElement(tesseract::RIL_WORD, tesseract::RIL_SYMBOL);
      const std::unique_ptr<char[]> text(at.GetUTF8Text(tesseract::RIL_SYMBOL));
      const std::string_view symbol = text ? text.get() : "";
      const bool is_separator = symbol == "-" || symbol == "." || symbol == "/" || symbol == "_";
      const bool is_letter = !is_separator && is_letter_or_digit(symbol);
      if (is_letter && open) separators.push_back(std::move(*open));
      open.reset();
      if (is_separator && after_letter) {
        open = Separator{std::string(symbol), box_of(at, tesseract::RIL_SYMBOL)};
      }
      after_letter = !is_separator;
      if (!at.Next(tesseract::RIL_SYMBOL)) break;
    }
    return separators;
  }

  /// A box in pixels of the prepared picture.
  static document::Box box_of(const tesseract::ResultIterator& at,
                              tesseract::PageIteratorLevel level) {
    int left = 0, top = 0, right = 0, bottom = 0;
    at.BoundingBox(level, &left, &top, &right, &bottom);
    return {static_cast<float>(left), static_cast<float>(top), static_cast<float>(right - left),
            static_cast<float>(bottom - top)};
  }

  static float confidence_of(const document::Line& line) {
    double sum = 0, bytes = 0;
    for (const document::Word& word : line.words) {
      sum += double{word.confidence} * static_cast<double>(word.text.size());
      bytes += static_cast<double>(word.text.size());
    }
    return static_cast<float>(sum / bytes);
  }

  std::optional<EngineChange> end_;  // first: it outlives the others
  Options options_;
  tesseract::TessBaseAPI api_;
  std::optional<ScriptRecheck> script_recheck_;  // of text in two scripts
};

}  // namespace

std::string engine_name() {
  return std::string("Tesseract ") + tesseract::TessBaseAPI::Version();
}

std::unique_ptr<Engine> make_engine(const Options& options) {
  const EngineChange change;
  return std::make_unique<TesseractEngine>(options);
}

}  // namespace oko::ocr
