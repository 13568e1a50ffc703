#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "document/page.h"
#include "document/pages.h"
#include "ocr/homoglyphs.h"
#include "ocr/score.h"
#include "tasks/page_budget.h"
#include "tasks/read_pages.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct EvalOcrOptions {
  CommonOptions common;
  std::string folder;
  ocr::Options run;
  std::size_t threads = 0;
  bool json = false;
};

constexpr std::uint64_t kMaxTruthBytes = 20'000;  // of a page: compare_texts takes their square

/// A picture and its true text.
struct Sample {
  fs::path picture;
  std::string truth;
};

/// Notes files without a partner, a picture or its text: they are not measured.
void say_unpaired(const std::vector<fs::path>& files, const std::vector<Sample>& samples) {
  std::set<fs::path> texts;
  for (const Sample& sample : samples) {
    texts.insert(fs::path(sample.picture).replace_extension(".txt"));
  }
  for (const fs::path& file : files) {
    if (texts.contains(fs::path(file).replace_extension(".txt"))) continue;
    say_note(words("{}: is left out: no picture and text of that name",
                   "{}: не учтён: нет пары из картинки и текста с таким именем", file.string()));
  }
}

/// Pictures NAME.* with a NAME.txt in the same folder, by name. Notes the files without a partner.
std::vector<Sample> samples_of(const std::string& folder, bool quiet) {
  std::error_code error;
  std::vector<Sample> samples;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory()) continue;
    files.push_back(entry.path());
    fs::path truth = entry.path();
    truth.replace_extension(".txt");
    if (entry.path().extension() == ".txt" || !fs::exists(truth)) continue;
    samples.push_back({entry.path(), read_file(truth, kMaxTruthBytes, ErrorCode::kBadInput)});
  }
  if (error) {
    const LocalizedText reason = system_reason(error);
    throw Error(ErrorCode::kBadInput, tr("{}: the folder cannot be read: {}",
                                         "{}: папка не читается: {}", folder, reason));
  }
  if (samples.empty()) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: no pictures with their text", "{}: нет картинок с их текстом", folder),
                tr("name a folder of pictures with a NAME.txt next to each NAME.png",
                   "укажите папку картинок, где рядом с каждой ИМЯ.png лежит ИМЯ.txt"));
  }
  std::sort(files.begin(), files.end());
  if (!quiet) say_unpaired(files, samples);
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.picture < b.picture; });
  return samples;
}

/// Errors before and after the repair of look-alikes.
struct Errors {
  ocr::TextErrors raw, repaired;
};

ordered_json json_of(const ocr::TextErrors& errors) {
  const auto of = [](const std::array<ocr::ErrorCount, ocr::kScripts>& counts) {
    ordered_json object;
    const char* const names[] = {"cyrillic", "latin", "other"};
    for (std::size_t i = 0; i < ocr::kScripts; ++i) {
      object[names[i]] = {{"total", counts[i].total}, {"wrong", counts[i].wrong}};
    }
    return object;
  };
  return {{"character_error_rate", errors.all_characters().rate()},
          {"word_error_rate", errors.all_words().rate()},
          {"characters", of(errors.characters)},
          {"words", of(errors.words)}};
}

std::string table_of(const Errors& all) {
  const std::string names[] = {words("Cyrillic", "кириллица"), words("Latin", "латиница"),
                               words("other", "прочее")};
  std::string text = words("wrong, %: characters (after the repair), words (after the repair)\n",
                           "ошибок, %: символы (после исправления), слова (после исправления)\n");
  const auto row = [&](const std::string& name, const ocr::ErrorCount& characters,
                       const ocr::ErrorCount& repaired_characters, const ocr::ErrorCount& words,
                       const ocr::ErrorCount& repaired_words) {
    if (characters.total == 0) {  // the texts have none
      text += shown(format_text("{:<12} {:>6}\n", name, "-"));
      return;
    }
    text += shown(format_text("{:<12} {:6.2f} ({:5.2f}) {:6.2f} ({:5.2f})\n", name,
                              characters.rate() * 100, repaired_characters.rate() * 100,
                              words.rate() * 100, repaired_words.rate() * 100));
  };
  for (std::size_t i = 0; i < ocr::kScripts; ++i) {
    row(names[i], all.raw.characters[i], all.repaired.characters[i], all.raw.words[i],
        all.repaired.words[i]);
  }
  row(words("all", "всего"), all.raw.all_characters(), all.repaired.all_characters(),
      all.raw.all_words(), all.repaired.all_words());
  return text;
}

/// The text of a file, as far as its pages were read.
struct ReadText {
  std::string raw, repaired;
  std::optional<Error> error;

  void add(const tasks::ReadPage& read) {
    if (read.error && !error) error = read.error;
    document::Page page = read.page;
    raw += page.text();
    ocr::repair_homoglyphs(page);
    repaired += page.text();
  }
};

void run(const EvalOcrOptions& options) {
  require_address_space(tasks::PageBudget::kAlone);
  const std::vector<Sample> samples = samples_of(options.folder, options.common.quiet);
  std::vector<std::string> files;
  files.reserve(samples.size());
  for (const Sample& sample : samples) files.push_back(sample.picture.string());
  tasks::ReadPagesOptions read_options{.ocr = options.run,
                                       .threads = options.threads,
                                       .budget_bytes = budget_of(options.common),
                                       .ignores_text = true};
  read_options.ocr.repairs_homoglyphs = false;
  const Interrupt interrupt(Interrupt::kPatience);
  tasks::PageReader reader(files, read_options);
  document::Pages& pages = reader.pages();
  ProgressBar progress(words("reading", "читаю"), options.common.quiet);
  Errors all;
  Failures failures;
  ordered_json lines = ordered_json::array();
  ReadText text;
  const auto on_page = [&](const tasks::ReadPage& read) {
    text.add(read);
    if (pages.page_in_file(read.index) + 1 < pages.pages_of_file(read.index)) return;
    const ReadText whole = std::exchange(text, {});
    const Sample& sample = samples[pages.file_number(read.index)];
    const std::string name = sample.picture.filename().string();
    if (whole.error) {
      progress.clear();
      failures.add(*whole.error);
      lines.push_back({{"file", name}, {"error", error_json(*whole.error)}});
      return;
    }
    const Errors errors{ocr::compare_texts(sample.truth, whole.raw),
                        ocr::compare_texts(sample.truth, whole.repaired)};
    all.raw += errors.raw;
    all.repaired += errors.repaired;
    lines.push_back(
        {{"file", name}, {"raw", json_of(errors.raw)}, {"repaired", json_of(errors.repaired)}});
    progress.update(static_cast<double>(read.index + 1) / static_cast<double>(pages.size()));
  };
  reader.read(on_page, interrupt.token());
  progress.clear();
  if (options.json) {
    const ordered_json object{
        {"raw", json_of(all.raw)}, {"repaired", json_of(all.repaired)}, {"files", lines}};
    print_json(object);
  } else {
    print(table_of(all));
  }
  failures.throw_first(words("not every picture was read", "прочитаны не все картинки"),
                       reader.least_budget());
}

}  // namespace

void add_eval(Command& program) {
  auto options = std::make_shared<EvalOcrOptions>();
  Command& command =
      program.add_command("eval", words("Measures how well oko reads and finds.",
                                        "Измеряет, насколько хорошо oko читает и находит."));
  Command& ocr = command.add_command(
      "ocr", words("Character and word error rates over a folder of pictures with their text.",
                   "Доли неверных символов и слов по папке картинок с их текстом."));
  ocr.add_argument(
         "FOLDER", &options->folder,
         words("pictures, each NAME.png with a NAME.txt", "картинки, к каждой ИМЯ.png — ИМЯ.txt"))
      .required();
  add_languages_option(ocr, options->run.languages);
  ocr.add_flag("-j,--json", &options->json, words("one JSON object", "объект JSON"));
  add_threads_option(ocr, options->threads);
  add_common_options(ocr, options->common);
  ocr.on_run([options] { run(*options); });
  add_eval_search(command);
}

}  // namespace oko::cli
