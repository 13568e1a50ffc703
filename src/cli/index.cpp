#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/duration_text.h"
#include "base/error.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/embedding_model.h"
#include "cli/find_model.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/library_option.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/embedder.h"
#include "engine/stopwatch.h"
#include "hub/model_path.h"
#include "tasks/index_files.h"
#include "tasks/library_model.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using tasks::FileOutcome;

struct IndexArguments {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string library;
  std::string model = hub::kDefaultEmbeddingModel;
  tasks::IndexOptions run;
  std::size_t threads = 0;
  bool json = false;
};

/// The share of the budget for reading pages: a model that embeds takes little beside its weights.
constexpr std::uint64_t kReadingShare = 2;

/// "+ /home/a/receipt.jpg", as version control shows changes.
std::string file_line(const tasks::IndexedFile& file) {
  std::string path = printable(file.path);
  if (!file.copy_of.empty()) path += " = " + printable(file.copy_of);
  switch (file.outcome) {
    case FileOutcome::kAdded:
      return "+ " + path;
    case FileOutcome::kUpdated:
      return "~ " + path;
    case FileOutcome::kMoved:
      return "> " + printable(file.moved_from) + " -> " + path;
    case FileOutcome::kRemoved:
      return "- " + path;
    case FileOutcome::kUnchanged:
      return "= " + path;
    case FileOutcome::kFailed:
      return "! " + path;
  }
  return path;
}

ordered_json file_json(const tasks::IndexedFile& file) {
  ordered_json line{{"file", file.path}, {"outcome", tasks::name_of(file.outcome)}};
  if (!file.moved_from.empty()) line["moved_from"] = file.moved_from;
  if (!file.copy_of.empty()) line["copy_of"] = file.copy_of;
  if (file.outcome == FileOutcome::kAdded || file.outcome == FileOutcome::kUpdated) {
    line["passages"] = file.passages;
  }
  if (file.error) line["error"] = error_json(*file.error);
  for (const LocalizedText& note : file.notes) line["notes"].push_back(shown(note));
  return line;
}

/// What a run prints while it works.
class IndexPrinter {
 public:
  IndexPrinter(const IndexArguments& arguments)
      : arguments_(arguments), bar_(words("indexing", "индексирую"), arguments.common.quiet) {}

  tasks::IndexCallbacks callbacks() {
    return {.on_file = [this](const tasks::IndexedFile& file) { print_file(file); },
            .on_progress = [this](const tasks::IndexProgress& progress) { draw(progress); },
            .on_skipped = [this](const tasks::SkippedFile& skipped) { add_skipped(skipped); }};
  }

  void print_summary(const tasks::IndexSummary& summary, const index::LibraryCounts& counts) {
    bar_.clear();
    if (arguments_.json) {
      print_json({{"added", summary.added},
                  {"updated", summary.updated},
                  {"moved", summary.moved},
                  {"removed", summary.removed},
                  {"unchanged", summary.unchanged},
                  {"failed", summary.failed},
                  {"skipped", skipped_json()},
                  {"passages", summary.passages},
                  {"seconds", rounded(watch_.seconds(), 1)},
                  {"library",
                   {{"documents", counts.documents},
                    {"failed_documents", counts.failed_documents},
                    {"passages", counts.chunks},
                    {"bytes", counts.bytes}}}});
      return;
    }
    if (arguments_.common.quiet) return;
    print(
        words("{:file|files|files} added, {} updated, {} moved, {} removed, {} unchanged, "
              "{} failed; {:passage|passages|passages} in the library\n",
              "{:файл добавлен|файла добавлено|файлов добавлено}, обновлено {}, перемещено {}, "
              "убрано {}, без изменений {}, не прочитано {}; в библиотеке "
              "{:отрывок|отрывка|отрывков}\n",
              Count(summary.added), summary.updated, summary.moved, summary.removed,
              summary.unchanged, summary.failed, Count(counts.chunks)));
    say_skipped();
  }

 private:
  void print_file(const tasks::IndexedFile& file) {
    bar_.clear();
    if (arguments_.json) {
      print_json(file_json(file));
      return;
    }
    if (file.error) {
      say_error(file.error->message());
      say_hint(file.error->hint());
    }
    if (!arguments_.common.quiet) {
      print(file_line(file) + "\n");
      for (const LocalizedText& note : file.notes) say_note(note);
    }
  }

  void draw(const tasks::IndexProgress& progress) {
    if (progress.bytes == 0) return;
    const double done =
        static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes);
    const double left = done > 0 ? watch_.seconds() * (1 - done) / done : 0;
    std::string detail = words("{} of {:file|files|files}", "{} из {:файла|файлов|файлов}",
                               progress.files_done, Count(progress.files));
    if (left >= 1)
      detail += ", " + shown(tr("{} left", "осталось {}",
                                duration_text(std::chrono::seconds(static_cast<long>(left)))));
    bar_.update(done, detail);
  }

  void add_skipped(const tasks::SkippedFile& skipped) {
    ++skipped_[skipped.reason];
    if (skipped.reason != tasks::SkipReason::kUnreadable || arguments_.json) return;
    bar_.clear();
    say_note(tr("{}: left out: {}", "{}: пропущено: {}", skipped.path, skipped.why));
  }

  ordered_json skipped_json() const {
    ordered_json counts = ordered_json::object();
    for (const auto& [reason, count] : skipped_) counts[tasks::name_of(reason)] = count;
    return counts;
  }

  /// What a person may miss: hidden files are known to be left out.
  void say_skipped() const {
    const auto count_of = [&](tasks::SkipReason reason) {
      const auto found = skipped_.find(reason);
      return found == skipped_.end() ? std::size_t{0} : found->second;
    };
    const std::size_t unknown = count_of(tasks::SkipReason::kUnknownKind);
    const std::size_t links = count_of(tasks::SkipReason::kLink);
    if (unknown > 0) {
      say_note(words("{:file was|files were|files were} left out: oko does not read their kind",
                     "{:файл пропущен|файла пропущено|файлов пропущено}: такие oko не читает",
                     Count(unknown)));
    }
    if (links > 0) {
      say_note(words("{:link was|links were|links were} left out: --follow takes them",
                     "{:ссылка пропущена|ссылки пропущены|ссылок пропущено}: --follow берёт и их",
                     Count(links)));
    }
  }

  const IndexArguments& arguments_;
  ProgressBar bar_;
  engine::Stopwatch watch_;
  std::map<tasks::SkipReason, std::size_t> skipped_;
};

void index_paths(IndexArguments arguments) {
  const Interrupt interrupt(Interrupt::kPatience);
  const StopToken stop = interrupt.token();
  const LibraryPlace place = library_place(arguments.library);
  const fs::path model = find_or_pull_model(arguments.model, arguments.common, stop);
  const auto embedder = make_embedder(model, arguments.common, arguments.threads, stop);
  const index::LibraryModel library_model =
      tasks::library_model_of(arguments.model, model, *embedder, stop);
  arguments.run.read.pages.budget_bytes = budget_of(arguments.common) / kReadingShare;
  const WrittenLibrary library =
      open_library_to_write(place, library_model, arguments.common.quiet, stop);
  IndexPrinter printer(arguments);
  const tasks::IndexSummary summary = tasks::index_files(*library.store, *embedder, arguments.paths,
                                                         arguments.run, printer.callbacks(), stop);
  printer.print_summary(summary, library.store->counts());
  if (summary.failed == 0) return;
  throw Error(ErrorCode::kBadInput,
              tr("{} of {:file|files|files} could not be read",
                 "не удалось прочитать {} из {:файла|файлов|файлов}", summary.failed,
                 Count(summary.failed + summary.added + summary.updated)));
}

}  // namespace

void add_index(Command& program) {
  auto arguments = std::make_shared<IndexArguments>();
  Command& command =
      program.add_command("index", words("Keeps a library of pictures and documents to search in.",
                                         "Ведёт библиотеку картинок и документов для поиска."));
  command.set_footer(words(
      "Reads pictures, PDF, text, Markdown, web pages, DOCX and emails. Run it again to bring the\n"
      "library up to date: unchanged files are not read again. Rules in .okoignore files, written\n"
      "as in .gitignore, leave files out.\n\nExample:\n  oko index ~/Documents ~/Pictures",
      "Читает картинки, PDF, текст, Markdown, веб-страницы, DOCX и письма. Повторный запуск\n"
      "обновляет библиотеку: неизменившиеся файлы заново не читаются. Правила в файлах "
      ".okoignore,\n"
      "как в .gitignore, исключают файлы.\n\nПример:\n  oko index ~/Documents ~/Pictures"));
  command.add_argument("PATH", &arguments->paths, words("folders and files", "папки и файлы"))
      .names(ValueKind::kFile)
      .required();
  add_library_option(command, arguments->library);
  add_embedding_model_option(command, arguments->model);
  command.add_option("--exclude", &arguments->run.walk.excludes,
                     words("leave out what matches a rule as in .gitignore; may be repeated",
                           "пропустить подходящее под правило, как в .gitignore; можно повторять"));
  command.add_flag("--hidden", &arguments->run.walk.hidden,
                   words("take hidden files and folders", "брать скрытые файлы и папки"));
  command.add_flag("--follow", &arguments->run.walk.follows_links,
                   words("follow symbolic links", "следовать по символическим ссылкам"));
  command.add_flag("--retry", &arguments->run.retries_failed,
                   words("read files again that could not be read before",
                         "заново читать файлы, которые не прочитались раньше"));
  add_languages_option(command, arguments->run.read.pages.ocr.languages);
  add_threads_option(command, arguments->threads);
  command.add_flag("-j,--json", &arguments->json,
                   words("one JSON object per file, and one at the end",
                         "по объекту JSON на файл и один в конце"));
  add_common_options(command, arguments->common);
  command.on_run([arguments] { index_paths(*arguments); });
}

}  // namespace oko::cli
