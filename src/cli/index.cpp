#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/embedding_model.h"
#include "cli/find_model.h"
#include "cli/index_printer.h"
#include "cli/interrupt.h"
#include "cli/library_option.h"
#include "cli/library_repair.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "engine/plan.h"
#include "hub/model_fingerprint.h"
#include "hub/model_path.h"
#include "index/library_rebuild.h"
#include "index/sqlite_database.h"
#include "index/sqlite_store.h"
#include "tasks/caption_pictures.h"
#include "tasks/folder_watch.h"
#include "tasks/index_files.h"
#include "tasks/library_encoder.h"
#include "tasks/library_model.h"
#include "tasks/library_paths.h"
#include "tasks/write_sidecars.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

struct IndexArguments {
  CommonOptions common;
  std::vector<std::string> paths;
  std::vector<std::string> named_paths;  ///< by the user, now or, without PATH, before
  std::string library;
  std::optional<std::string> given_model;
  std::string model = hub::kDefaultEmbeddingModel;
  std::string caption_model = hub::kDefaultVisionLanguageModel;
  std::string language;  ///< of captions; empty: the user's
  tasks::Prefixes prefixes;
  tasks::IndexOptions run;
  std::size_t threads = 0;
  bool watch = false;
  bool captions = false;
  bool sidecars = false;
  bool check = false;
  bool rebuild = false;
  bool yes = false;
  bool json = false;
};

/// To commit what is done and give the right to write up.
constexpr std::chrono::seconds kPatienceOfCluster{10};

/// What a run needs beside the library.
struct IndexModels {
  std::shared_ptr<engine::ModelHost> host;
  std::unique_ptr<engine::Embedder> embedder;
  index::LibraryModel library_model;
  std::uint64_t bytes_beside_pages = 0;
  std::unique_ptr<engine::Generator> generator;  ///< null: there are no captions to make
  tasks::CaptionOptions captions;
};

std::unique_ptr<engine::Generator> make_generator(const IndexArguments& arguments,
                                                  const fs::path& model,
                                                  const std::shared_ptr<engine::ModelHost>& host,
                                                  const StopToken& stop) {
  return std::make_unique<engine::Generator>(engine::GeneratorOptions{
      .vision_language_model = model,
      .image_cache_bytes = 0,  // each picture is asked about once
      .prepare_weights = [model, &arguments, stop] { align_model(model, arguments.common, stop); },
      .host = host});
}

/// Returns the bytes that pages, which are read at the same time, must leave. Throws kOverBudget.
std::uint64_t require_room_to_embed(const IndexModels& models) {
  const index::LibraryModel& model = models.library_model;
  const engine::EmbeddingBudget needed = tasks::budget_for_passages(
      *models.embedder, model.passage_prefix,
      {.dense = true, .sparse = model.has_sparse, .colbert = model.colbert_dimensions > 0});
  const std::uint64_t budget = models.host->budget_bytes();
  if (needed.least > budget) throw budget::OverBudget(needed.least, budget);
  return needed.fast - engine::runtime_bytes(false);  // which the pages' share has, too
}

/// Of the budget, for pages: not for models.
std::unique_ptr<engine::FixedReservation> reserve_for_pages(const IndexModels& models) {
  const std::uint64_t taken = models.bytes_beside_pages + engine::runtime_bytes(false);
  const std::uint64_t budget = models.host->budget_bytes();
  return std::make_unique<engine::FixedReservation>(*models.host, budget - std::min(budget, taken),
                                                    LocalizedText());
}

/// Finds out what is missing or does not fit before hours of reading.
IndexModels make_models(const IndexArguments& arguments, const LibraryPlace& place,
                        const StopToken& stop) {
  const fs::path model = find_or_pull_model(arguments.model, arguments.common, stop);
  IndexModels models;
  models.host = make_host(arguments.common, arguments.threads, library_bytes(place));
  models.embedder = make_embedder(model, arguments.common, models.host, stop);
  if (arguments.captions) {
    const fs::path describing = find_or_pull_model(arguments.caption_model, arguments.common, stop);
    models.generator = make_generator(arguments, describing, models.host, stop);
    models.captions.model = hub::model_fingerprint(describing);
    models.captions.retries_failed = arguments.run.retries_failed;
    if (!arguments.language.empty() ? arguments.language == "ru"
                                    : user_language() == Language::kRussian) {
      models.captions.language = Language::kRussian;
    }
    tasks::require_room_for_captions(*models.host, *models.generator, models.captions);
  }
  models.library_model =
      tasks::library_model_of(arguments.model, model, *models.embedder, arguments.prefixes, stop);
  models.bytes_beside_pages = require_room_to_embed(models);
  return models;
}

/// A watch waits for a path that is gone.
bool prunes_gone(const IndexArguments& arguments) {
  return arguments.run.prunes && !arguments.watch;
}

std::vector<std::string> those_there(std::vector<std::string> paths) {
  std::erase_if(paths, [](const std::string& path) { return !tasks::is_there(path); });
  return paths;
}

/// One run over all files: texts, captions, sidecars.
tasks::IndexSummary index_once(const IndexArguments& arguments, const IndexModels& models,
                               index::Store& store, IndexPrinter& printer, const StopToken& stop) {
  printer.begin_run(models.generator != nullptr);
  const tasks::IndexCallbacks callbacks = printer.callbacks();
  const bool forgets = prunes_gone(arguments);
  tasks::remember_paths(store,
                        forgets ? those_there(arguments.named_paths) : arguments.named_paths);
  std::unique_ptr<engine::FixedReservation> for_pages = reserve_for_pages(models);
  tasks::IndexSummary summary =
      index_files(store, *models.embedder, arguments.paths, arguments.run, callbacks, stop);
  for_pages.reset();
  if (forgets) tasks::forget_gone_paths(store, arguments.named_paths);
  const tasks::SidecarNote on_note = [&](const LocalizedText& text) { printer.note(text); };
  tasks::SidecarSummary sidecars = tasks::follow_files(printer.gone(), on_note);
  if (models.generator) {
    caption_pictures(
        store, *models.embedder, *models.host, *models.generator, arguments.paths, models.captions,
        callbacks, [&](const tasks::CaptionProgress& progress) { printer.draw_captions(progress); },
        summary, stop);
  }
  if (arguments.sidecars) {
    sidecars += tasks::write_sidecars(store, arguments.paths, on_note, stop);
  }
  printer.print_summary(summary, sidecars, store.counts());
  return summary;
}

index::LearnModel learning(const IndexModels& models, const StopToken& stop) {
  return [&models, stop](index::LibraryModel& own) {
    tasks::learn_language_direction(*models.embedder, own, stop);
  };
}

WrittenLibrary open_to_write(const IndexArguments& arguments, const IndexModels& models,
                             const LibraryPlace& place, const StopToken& stop) {
  return open_library_to_write(place, models.library_model, learning(models, stop),
                               arguments.common.quiet, stop);
}

LocalizedText is_not_there(const std::string& path) {
  return tr("{}: is not there now; its documents stay in the library",
            "{}: сейчас нет; документы оттуда остаются в библиотеке", path);
}

/// Runs again whenever files have changed, until the user stops it.
class WatchedRuns {
 public:
  WatchedRuns(const IndexArguments& arguments, const IndexModels& models, const LibraryPlace& place,
              const StopToken& stop)
      : arguments_(arguments), models_(models), place_(place), stop_(stop) {
    const std::string library =
        place.address ? "" : fs::absolute(place.file).lexically_normal().string();
    watch_ = tasks::make_folder_watch(
        [library, hidden = arguments.run.walk.hidden](const std::string& path) {
          return tasks::may_be_document(path, library, hidden);
        });
    arguments_.run.walk.on_folder = [this](const std::string& folder) { watch_->add(folder); };
  }

  void run() {
    try {
      tasks::watch_folders(
          *watch_, [this] { return pass(); }, {}, stop_);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
    }
  }

 private:
  /// Returns false if a path is not there, and is to be looked for.
  bool pass() {
    const std::size_t all = paths_.size();
    IndexArguments present = arguments_;
    present.paths = those_there(std::move(present.paths));
    const bool is_complete = present.paths.size() == all;
    if (!is_complete && !is_missing_) say_missing();
    is_missing_ = !is_complete;
    if (!present.paths.empty() && !try_once(present)) return false;
    if (std::exchange(is_first_, false)) say_watching();
    return is_complete;
  }

  /// Returns false if it failed for what may pass: a folder that went meanwhile, a cluster that
  /// does not answer.
  bool try_once(const IndexArguments& present) {
    bool is_open = false;
    try {
      const WrittenLibrary library = open_to_write(arguments_, models_, place_, stop_);
      is_open = true;
      index_once(present, models_, *library.store, printer_, stop_);
      return true;
    } catch (const Error& error) {
      const bool is_of_cluster =
          error.code() == ErrorCode::kFailed || error.code() == ErrorCode::kBusy;
      const bool may_pass = (is_open && error.code() == ErrorCode::kNotFound) ||
                            (place_.address && !is_first_ && is_of_cluster);
      if (!may_pass) throw;
      say_error(error.message());
      return false;
    }
  }

  void say_missing() const {
    for (const std::string& path : paths_) {
      if (!tasks::is_there(path)) say_note(is_not_there(path));
    }
  }

  void say_watching() const {
    if (arguments_.common.quiet) return;
    if (!watch_->shortage().empty()) say_note(watch_->shortage());
    say_note(tr("waiting for changes; Ctrl-C ends it", "жду изменений; Ctrl-C завершает"));
  }

  IndexArguments arguments_;
  const std::vector<std::string>& paths_ = arguments_.paths;
  const IndexModels& models_;
  const LibraryPlace& place_;
  StopToken stop_;
  std::unique_ptr<tasks::FolderWatch> watch_;
  IndexPrinter printer_{arguments_.json, arguments_.common.quiet};
  bool is_first_ = true;
  bool is_missing_ = false;
};

/// A check without PATH indexes nothing, so it would ignore them.
void refuse_options_of_runs(const IndexArguments& arguments) {
  const std::pair<const char*, bool> given[] = {
      {"model", arguments.given_model.has_value()},
      {"query_prefix", arguments.prefixes.query.has_value()},
      {"passage_prefix", arguments.prefixes.passage.has_value()},
      {"exclude", !arguments.run.walk.excludes.empty()},
      {"hidden", arguments.run.walk.hidden},
      {"follow", arguments.run.walk.follows_links},
      {"retry", arguments.run.retries_failed},
      {"prune", arguments.run.prunes},
      {"caption", arguments.captions},
      {"sidecar", arguments.sidecars},
      {"yes", arguments.yes},
  };
  for (const auto& [name, is_given] : given) {
    if (!is_given) continue;
    throw Error(ErrorCode::kUsage,
                tr("{} without PATH only reads the library: {} does nothing",
                   "{} без ПУТИ только читает библиотеку: {} ни на что не влияет", Knob{"check"},
                   Knob{name}));
  }
}

void require_paths(const IndexArguments& arguments) {
  if (arguments.check && (arguments.rebuild || (arguments.watch && arguments.paths.empty()))) {
    throw Error(ErrorCode::kUsage, tr("{} goes neither with {} nor, without PATH, with {}",
                                      "{} не сочетается с {}, а без ПУТИ — и с {}", Knob{"check"},
                                      Knob{"rebuild"}, Knob{"watch"}));
  }
  if (arguments.check && arguments.paths.empty()) refuse_options_of_runs(arguments);
  for (const std::string& path : arguments.paths) {
    if (path.empty()) throw Error(ErrorCode::kUsage, tr("a PATH is empty", "один ПУТЬ пуст"));
    if (prunes_gone(arguments) || tasks::is_there(path)) continue;
    throw Error(
        ErrorCode::kNotFound,
        tr("{}: no such file or folder", "{}: нет такого файла или папки", path),
        tr("check the path; if its files were deleted, {} takes them out of the library",
           "проверьте путь; если файлы удалены, {} уберёт их из библиотеки", Knob{"prune"}));
  }
}

/// The paths that a library is of. Throws DamagedLibrary for one that does not tell them any more.
std::vector<std::string> known_paths(const LibraryPlace& place, bool is_quiet,
                                     const StopToken& stop) {
  try {
    return tasks::library_paths(*open_library(place, is_quiet, stop));
  } catch (const index::DamagedLibrary&) {
    std::vector<std::string> paths = tasks::library_paths(index::read_remains(place.file).notes);
    if (paths.empty()) throw;
    return paths;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return {};
  }
}

/// Without PATH: those that the library is of. The documents of one that is not there stay, unless
/// they are to be removed.
void take_paths_of(const LibraryPlace& place, IndexArguments& arguments, const StopToken& stop) {
  const bool needs_none = arguments.check || (arguments.rebuild && !arguments.watch);
  arguments.named_paths = arguments.paths;
  if (!arguments.paths.empty() || needs_none) return;
  const std::vector<std::string> known = known_paths(place, arguments.common.quiet, stop);
  arguments.named_paths = known;
  for (const std::string& path : known) {
    const bool is_there = tasks::is_there(path);
    if (is_there || arguments.run.prunes || arguments.watch) {
      arguments.paths.push_back(path);
    } else if (!arguments.common.quiet) {
      say_note(is_not_there(path));
    }
  }
  if (!arguments.paths.empty()) return;
  if (!known.empty()) {
    throw Error(ErrorCode::kNotFound,
                tr("no folder of the library is there now: {}",
                   "ни одной папки библиотеки сейчас нет: {}", known[0]),
                tr("connect its disk; if it was deleted, {} takes its files out of the library",
                   "подключите её диск; если она удалена, {} уберёт её файлы из библиотеки",
                   Knob{"prune"}));
  }
  throw Error(ErrorCode::kUsage,
              tr("wrong usage: PATH is missing", "неверный вызов: не хватает аргумента ПУТЬ"),
              tr("oko index FOLDER; from then on the library knows its folders",
                 "oko index ПАПКА; дальше библиотека помнит свои папки"));
}

/// The model that a library was made with; nothing if there is none to read.
std::optional<index::LibraryModel> model_of_library(const LibraryPlace& place,
                                                    const StopToken& stop) {
  try {
    return open_library(place, /*is_quiet=*/true, stop)->model();
  } catch (const Error& error) {
    throw_if_stopped(stop);
    const bool is_told_later = !place.file.empty() || error.code() == ErrorCode::kNotFound;
    if (!is_told_later) throw;
    return std::nullopt;
  }
}

/// A folder by its whole path: searches may run in another one.
std::string lasting_name(const std::string& model) {
  std::error_code error;
  if (!fs::is_directory(model, error)) return model;
  const fs::path folder = fs::absolute(model).lexically_normal();
  return (folder.has_filename() ? folder : folder.parent_path()).string();
}

/// A library keeps its model and prefixes, also if it is rebuilt, unless others are given.
void take_model_of(const std::optional<index::LibraryModel>& own, IndexArguments& arguments) {
  if (!own || lasting_name(arguments.given_model.value_or(own->name)) != lasting_name(own->name)) {
    return;
  }
  arguments.model = own->name;
  if (!arguments.prefixes.query) arguments.prefixes.query = own->query_prefix;
  if (!arguments.prefixes.passage) arguments.prefixes.passage = own->passage_prefix;
}

void require_no_failures(const tasks::IndexSummary& summary, const IndexPrinter& printer) {
  if (summary.failed == 0) return;
  throw Error(ErrorCode::kBadInput,
              tr("{} of {:file|files} could not be read: {}",
                 "не удалось прочитать {} из {:файла|файлов|файлов}: {}", summary.failed,
                 Count(summary.failed + summary.added + summary.updated), printer.failed_files()));
}

void run_once(const IndexArguments& arguments, const IndexModels& models,
              const RepairOptions& repair, const StopToken& stop) {
  if (arguments.watch) return WatchedRuns(arguments, models, repair.place, stop).run();
  const WrittenLibrary library = open_to_write(arguments, models, repair.place, stop);
  IndexPrinter printer(arguments.json, arguments.common.quiet);
  require_no_failures(index_once(arguments, models, *library.store, printer, stop), printer);
}

/// With --check: mends what it can before the run.
void run_checked(IndexArguments arguments, const IndexModels& models, const RepairOptions& repair,
                 const StopToken& stop) {
  if (!arguments.check) return run_once(arguments, models, repair, stop);
  const MendedLibrary mended = mend_library(repair, stop);
  arguments.paths = mended.paths;
  run_once(arguments, models, repair, stop);
  require_mended(mended, repair);
}

void run_rebuild(IndexArguments arguments, const IndexModels& models, const RepairOptions& repair,
                 const StopToken& stop) {
  tasks::IndexSummary summary;
  IndexPrinter printer(arguments.json, arguments.common.quiet);
  const index::LibraryRemains remains = index::read_remains(repair.place.file);
  const std::vector<std::string> known = tasks::library_paths(remains.notes);
  rebuild_library(
      repair,
      [&](const fs::path& file) {
        return index::SqliteStore::open_or_create(file, models.library_model,
                                                  learning(models, stop));
      },
      [&](index::Store& store, const std::vector<std::string>& paths) {
        IndexArguments all = arguments;
        all.paths = arguments.watch ? those_there(paths) : paths;
        all.named_paths.insert(all.named_paths.end(), known.begin(), known.end());
        summary = index_once(all, models, store, printer, stop);
      },
      stop);
  if (arguments.named_paths.empty() && known.empty() && !arguments.common.quiet) {
    say_note(
        tr("the old library did not tell its folders; name its folders once: oko index FOLDERS",
           "прежняя библиотека не помнила своих папок; назовите их один раз: oko index ПАПКИ"));
  }
  if (arguments.watch) return run_once(arguments, models, repair, stop);
  require_no_failures(summary, printer);
}

/// Of a damaged library that does not tell its folders. Throws unless a person wants it to be
/// rebuilt from the files that it still tells.
void agree_to_rebuild(const index::DamagedLibrary& damage, const IndexArguments& arguments,
                      const RepairOptions& repair, const StopToken& stop) {
  if (arguments.watch || index::read_remains(repair.place.file).paths.empty()) {
    throw Error(
        damage.code(), damage.message(),
        tr("it does not tell its folders any more; name them: oko index --rebuild {}FOLDERS",
           "она больше не помнит своих папок; назовите их: oko index --rebuild {}ПАПКИ",
           arguments.watch ? "--watch " : ""));
  }
  if (!agrees_to_rebuild(damage, repair, stop)) throw damage;
}

void index_paths(IndexArguments arguments) {
  const LibraryPlace place = library_place(arguments.library);
  const Interrupt interrupt(place.address ? kPatienceOfCluster : Interrupt::kPatience);
  const StopToken stop = interrupt.token();
  require_paths(arguments);
  RepairOptions repair{.place = place,
                       .has_captions = arguments.captions,
                       .yes = arguments.yes,
                       .json = arguments.json,
                       .quiet = arguments.common.quiet};
  try {
    take_paths_of(place, arguments, stop);
  } catch (const index::DamagedLibrary& damage) {
    agree_to_rebuild(damage, arguments, repair, stop);
    arguments.rebuild = true;
  }
  repair.paths = arguments.paths;
  if (arguments.check && arguments.paths.empty()) return check_library(repair, stop);
  if (arguments.given_model) arguments.model = lasting_name(*arguments.given_model);
  take_model_of(
      arguments.rebuild ? remains_to_rebuild(repair).model : model_of_library(place, stop),
      arguments);
  const IndexModels models = make_models(arguments, place, stop);
  arguments.run.read.pages.budget_bytes = models.host->budget_bytes();
  arguments.run.read.pages.beside_bytes = models.bytes_beside_pages;
  if (arguments.rebuild) return run_rebuild(arguments, models, repair, stop);
  try {
    return run_checked(arguments, models, repair, stop);
  } catch (const index::DamagedLibrary& damage) {
    if (!agrees_to_rebuild(damage, repair, stop)) throw;
  }
  run_rebuild(arguments, models, repair, stop);
}

void add_caption_options(Command& command, IndexArguments& arguments) {
  const Option captions = command.add_flag(
      "--caption", &arguments.captions,
      words("describe pictures and scanned pages with a model, to find them by what "
            "they show",
            "описать картинки и сканы моделью, чтобы находить их по тому, что на "
            "них"));
  command
      .add_option("--caption-model", &arguments.caption_model,
                  words("name or folder of the model that describes",
                        "имя или папка модели, которая описывает"))
      .names(ValueKind::kModel)
      .needs(captions)
      .show_default();
  command
      .add_option("--lang", &arguments.language,
                  words("language of the descriptions [default: that of LANG]",
                        "язык описаний [по умолчанию: как в LANG]"))
      .one_of({"ru", "en"})
      .needs(captions);
  command.add_flag("--sidecar", &arguments.sidecars,
                   words("write descriptions beside the pictures (photo.jpg.xmp), for other "
                         "programs",
                         "записать описания рядом с картинками (photo.jpg.xmp) для других "
                         "программ"));
}

void add_repair_options(Command& command, IndexArguments& arguments) {
  command.add_flag(
      "--check", &arguments.check,
      words("read all of the library and name what is damaged; with PATH, read damaged "
            "files again",
            "прочитать всю библиотеку и назвать повреждённое; с ПУТЁМ — заново "
            "прочитать повреждённые файлы"));
  command.add_flag("--rebuild", &arguments.rebuild,
                   words("make the library anew from its files, and those of PATH; the old one is "
                         "kept",
                         "создать библиотеку заново из её файлов и файлов ПУТИ; прежняя "
                         "сохраняется"));
  command.add_flag("--yes", &arguments.yes,
                   words("rebuild a damaged library without a question",
                         "создать повреждённую библиотеку заново без вопроса"));
}

}  // namespace

void add_index(Command& program) {
  auto arguments = std::make_shared<IndexArguments>();
  Command& command =
      program.add_command("index", words("Keeps a library of pictures and documents to search in.",
                                         "Ведёт библиотеку картинок и документов для поиска."));
  command.set_footer(words(
      "Reads pictures, PDFs, text files, Markdown, web pages, DOCX and emails. Run it again to\n"
      "bring the library up to date, without PATH all that was named before: unchanged files are\n"
      "not read again. Patterns in .okoignore files, as in .gitignore, leave files out.\n\n"
      "Marks: + new, ~ changed, > moved, - removed, \" described, ! failed. After = stands a\n"
      "file of the library with the same content.\n\nExample:\n  oko index ~/Documents ~/Pictures",
      "Читает картинки, PDF, текст, Markdown, веб-страницы, DOCX и письма. Повторный запуск\n"
      "обновляет библиотеку, а без ПУТИ — всё названное раньше: неизменившиеся файлы заново не\n"
      "читаются. Шаблоны в файлах .okoignore, как в .gitignore, исключают файлы.\n\n"
      "Пометки: + новый, ~ изменён, > перемещён, - убран, \" описан, ! не удалось. После = назван\n"
      "файл библиотеки с тем же содержимым.\n\nПример:\n  oko index ~/Documents ~/Pictures"));
  command.add_argument("PATH", &arguments->paths, words("folders and files", "папки и файлы"))
      .names(ValueKind::kFile);
  add_library_option(command, arguments->library);
  command
      .add_option("-m,--model", &arguments->given_model,
                  words("name or folder of the model [default: that of the library, or bge-m3]",
                        "имя или папка модели [по умолчанию: та, с которой создана библиотека, "
                        "или bge-m3]"))
      .names(ValueKind::kModel);
  add_prefix_options(command, arguments->prefixes);
  command
      .add_option("--exclude", &arguments->run.walk.excludes,
                  words("leave out, in this run, what matches a pattern as in .gitignore; may be "
                        "repeated",
                        "в этом запуске пропустить подходящее под шаблон, как в .gitignore; можно "
                        "повторять"))
      .label(words("PATTERN", "ШАБЛОН"));
  command.add_flag("--hidden", &arguments->run.walk.hidden,
                   words("take hidden files and folders", "брать скрытые файлы и папки"));
  command.add_flag("--follow", &arguments->run.walk.follows_links,
                   words("follow symbolic links", "следовать по символическим ссылкам"));
  command.add_flag("--retry", &arguments->run.retries_failed,
                   words("read and describe again what failed before",
                         "заново читать и описывать то, что раньше не удалось"));
  command.add_flag("--prune", &arguments->run.prunes,
                   words("remove the documents of a PATH that is empty or gone",
                         "убрать документы ПУТИ, который опустел или исчез"));
  command.add_flag(
      "--watch", &arguments->watch,
      words("stay and follow changes until Ctrl-C", "остаться и следить за изменениями до Ctrl-C"));
  add_caption_options(command, *arguments);
  add_repair_options(command, *arguments);
  add_languages_option(command, arguments->run.read.pages.ocr.languages);
  add_threads_option(command, arguments->threads);
  command.add_flag("-j,--json", &arguments->json,
                   words("one JSON object per file, and one at the end",
                         "по объекту JSON на файл и один в конце"));
  add_common_options(command, arguments->common);
  command.on_run([arguments] { index_paths(*arguments); });
}

}  // namespace oko::cli
