#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/embedding_model.h"
#include "cli/find_model.h"
#include "cli/inline_picture.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/library_option.h"
#include "cli/nothing_found.h"
#include "cli/screen.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/embedder.h"
#include "engine/plan.h"
#include "hub/model_fingerprint.h"
#include "image/png.h"
#include "index/filter_text.h"
#include "index/same_model.h"
#include "index/search_mode.h"
#include "server/search_json.h"
#include "tasks/match_picture.h"
#include "tasks/search_library.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;
using index::SearchMode;

struct SearchArguments {
  CommonOptions common;
  std::vector<std::string> query;
  std::string library;
  std::string model;  ///< empty: that of the library
  std::string mode = "hybrid";
  std::string passages = "short";
  std::vector<std::string> kinds;
  std::string from, to;
  index::SearchOptions run;
  std::size_t threads = 0;
  bool explain = false;
  bool no_pictures = false;
  bool json = false;
};

std::vector<index::DocumentKind> kinds_of(const std::vector<std::string>& names) {
  std::vector<index::DocumentKind> kinds;
  kinds.reserve(names.size());
  for (const std::string& name : names) {
    kinds.push_back(name == "picture" ? index::DocumentKind::kPicture
                    : name == "pdf"   ? index::DocumentKind::kPdf
                                      : index::DocumentKind::kText);
  }
  return kinds;
}

index::Filter filter_of(const SearchArguments& arguments) {
  index::Filter filter = arguments.run.filter;
  const bool is_pattern = filter.path.find_first_of("*?") != std::string::npos;
  const bool is_name = is_pattern && filter.path.find('/') == std::string::npos;
  const bool is_of_all_folders = filter.path.empty() || filter.path.starts_with('*');
  if (!is_of_all_folders && is_name) filter.path = "*/" + filter.path;
  if (!is_of_all_folders && !is_name) {
    filter.path = fs::absolute(filter.path).lexically_normal().string();
  }
  filter.kinds = kinds_of(arguments.kinds);
  const auto second_of = [](const std::string& text, const char* knob, bool is_end) {
    return index::second_of(text, format_text("{}", Knob{knob}), is_end);
  };
  if (!arguments.from.empty()) filter.from_date = second_of(arguments.from, "from", false);
  if (!arguments.to.empty()) filter.to_date = second_of(arguments.to, "to", true);
  if (filter.from_date && filter.to_date && *filter.from_date > *filter.to_date) {
    throw Error(ErrorCode::kUsage, tr("{} {} is later than {} {}: no file is of such a date",
                                      "{} {} позже, чем {} {}: файлов с такой датой не бывает",
                                      Knob{"from"}, arguments.from, Knob{"to"}, arguments.to));
  }
  return filter;
}

/// The snippet with its matched words in bold.
std::string marked(const index::Snippet& snippet, bool has_colour) {
  std::string text;
  std::size_t at = 0;
  const auto add = [&](std::size_t end) {
    text += one_line(snippet.text.substr(at, end - at));
    at = end;
  };
  for (const auto& [begin, end] : snippet.marks) {
    add(begin);
    if (has_colour) text += "\x1b[1m";
    add(end);
    if (has_colour) text += "\x1b[22m";
  }
  add(snippet.text.size());
  return text;
}

/// The path below the current folder, if it is there.
std::string short_path(const std::string& path) {
  std::error_code error;
  const std::string here = fs::current_path(error).string() + "/";
  return !error && path.starts_with(here) ? path.substr(here.size()) : path;
}

/// "0.975 = dense 0.006 (0.912) + words 0.969 (0.672)": the parts of the total, and what was
/// measured.
std::string measures_line(const index::HitScores& scores) {
  std::string line;
  for (const server::Measure& each : server::measures_of(scores)) {
    line += fmt::format("{} {} {:.3f} ({:.3f})", line.empty() ? " =" : " +", each.name, each.part,
                        *each.score);
  }
  return fmt::format("{:.3f}{}", scores.total, line);
}

/// The names of other files with the same content.
void print_copies(const std::vector<std::string>& copies) {
  constexpr std::size_t kMost = 3;
  for (std::size_t i = 0; i < std::min(kMost, copies.size()); ++i) {
    print("   = " + one_line(short_path(copies[i])) + "\n");
  }
  if (copies.size() > kMost) {
    print(words("   = {:more file|more files}\n", "   = ещё {:файл|файла|файлов}\n",
                Count(copies.size() - kMost)));
  }
}

/// What a person sees of a passage.
class PassagePrinter {
 public:
  PassagePrinter(const SearchArguments& arguments, const LibraryPlace& place)
      : arguments_(arguments), library_bytes_(library_bytes(place)) {
    if (::isatty(STDOUT_FILENO) != 1) return;
    has_links_ = has_links(environment_variable);
    if (!arguments.no_pictures) protocol_ = picture_protocol(environment_variable);
  }

  void print_passage(std::size_t rank, const tasks::FoundPassage& found) const {
    print(fmt::format("{}. {}\n", rank, place_of(found)));
    print_copies(found.copies);
    if (!found.snippet.text.empty()) {
      print("   " + marked(found.snippet, has_colour(STDOUT_FILENO)) + "\n");
    }
    if (arguments_.explain) print("   " + measures_line(found.hit.scores) + "\n");
    const bool has_picture = found.document.kind != index::DocumentKind::kText;
    if (protocol_ != PictureProtocol::kNone && has_picture && rank <= kPictures) {
      print_picture(found);
    }
  }

 private:
  static constexpr std::size_t kPictures = 3;  ///< so that the best passage stays on the screen

  std::string place_of(const tasks::FoundPassage& found) const {
    const index::Chunk& chunk = found.hit.chunk.chunk;
    const std::string& path = found.document.path;
    const std::string shown = one_line(short_path(path));
    std::string place = has_links_ ? link_to_file(path, shown) : shown;
    if (chunk.page > 0) place += words(", page {}", ", страница {}", chunk.page);
    if (found.snippet.box && chunk.page_width > 0) {
      const index::PageBox& box = *found.snippet.box;
      place += fmt::format("  [{:.0f},{:.0f} {:.0f}x{:.0f}]", box.left * chunk.page_width,
                           box.top * chunk.page_height, box.width * chunk.page_width,
                           box.height * chunk.page_height);
    }
    return place;
  }

  void print_picture(const tasks::FoundPassage& found) const {
    const PictureRoom room = picture_room(STDOUT_FILENO);
    const std::uint64_t budget = budget_of(arguments_.common);
    const std::uint64_t taken = engine::runtime_bytes(false) + library_bytes_;
    try {
      const image::Image picture =
          tasks::picture_of_match(found.document, found.hit.chunk.chunk, found.snippet.box,
                                  {.max_width = room.max_width,
                                   .max_height = room.max_height,
                                   .memory_bytes = budget - std::min(budget, taken)});
      const auto columns =
          static_cast<std::size_t>((picture.width + room.cell_width - 1) / room.cell_width);
      print("   " + picture_escape(protocol_, image::encode_png(picture), columns) + "\n");
    } catch (const Error& error) {
      if (!is_of_input(error.code())) throw;
      if (!arguments_.common.quiet) say_note(error.message());
    }
  }

  const SearchArguments& arguments_;
  std::uint64_t library_bytes_;
  PictureProtocol protocol_ = PictureProtocol::kNone;
  bool has_links_ = false;
};

void search(SearchArguments arguments) {
  const Interrupt interrupt;
  const StopToken stop = interrupt.token();
  arguments.run.mode = index::mode_of(arguments.mode);
  arguments.run.filter = filter_of(arguments);
  if (arguments.passages == "long") arguments.run.weights = index::kLongPassages;
  std::string query;
  for (const std::string& word : arguments.query) query += (query.empty() ? "" : " ") + word;
  const LibraryPlace place = library_place(arguments.library);
  const auto store = open_library(place, arguments.common.quiet, stop);
  std::unique_ptr<engine::Embedder> embedder;
  if (arguments.run.mode != SearchMode::kText) {
    const std::string name = arguments.model.empty() ? store->model().name : arguments.model;
    const fs::path model = find_or_pull_model(name, arguments.common, stop);
    index::require_model_of_library(store->model(), hub::model_fingerprint(model), model.string());
    const auto host = make_host(arguments.common, arguments.threads, library_bytes(place));
    embedder = make_embedder(model, arguments.common, host, stop);
  }
  const std::vector<tasks::FoundPassage> found =
      tasks::search_library(*store, embedder.get(), query, arguments.run, stop);
  embedder.reset();  // its memory is that of the pictures now
  const PassagePrinter printer(arguments, place);
  std::size_t rank = 0;
  for (const tasks::FoundPassage& each : found) {
    ++rank;
    if (arguments.json) {
      print_json(server::passage_json(rank, each, arguments.explain));
    } else {
      printer.print_passage(rank, each);
    }
  }
  if (found.empty() && !arguments.json && !arguments.common.quiet) {
    say_nothing_found(*store, arguments.run.filter);
  }
}

void add_filters(Command& command, SearchArguments& arguments) {
  command
      .add_option("--in", &arguments.run.filter.path,
                  words("only in this folder, or in files like \"*.pdf\"",
                        "только в этой папке или в файлах вида \"*.pdf\""))
      .names(ValueKind::kFile)
      .label(words("DIR|PATTERN", "ПАПКА|ШАБЛОН"));
  command
      .add_option("--kind", &arguments.kinds,
                  words("only picture, pdf or text; comma-separated",
                        "только picture, pdf или text; через запятую"))
      .label(words("KINDS", "ВИДЫ"))
      .one_of({"picture", "pdf", "text"})
      .comma_separated();
  command
      .add_option("--from", &arguments.from,
                  words("only from this date on, such as 2024-03",
                        "только с этой даты, например "
                        "2024-03"))
      .label(words("DATE", "ДАТА"));
  command
      .add_option("--to", &arguments.to,
                  words("only up to this date", "только до этой даты включительно"))
      .label(words("DATE", "ДАТА"));
}

}  // namespace

void add_search(Command& program) {
  auto arguments = std::make_shared<SearchArguments>();
  Command& command = program.add_command(
      "search", words("Finds passages in a library: by meaning, by words, by codes.",
                      "Ищет отрывки в библиотеке: по смыслу, словам и кодам."));
  command.set_footer(words(
      "A question in Russian finds English texts, and the other way round. Words in quotation\n"
      "marks must stand in the text so.\n\nExample:\n  oko search \"receipt from the pharmacy\"",
      "Русский вопрос находит и английские тексты, и наоборот. Слова в кавычках должны стоять\n"
      "в тексте именно так.\n\nПример:\n  oko search \"чек из аптеки\""));
  command.add_argument("QUERY", &arguments->query, words("what to look for", "что искать"))
      .required();
  add_library_option(command, arguments->library);
  command
      .add_option("-n,--top", &arguments->run.top,
                  words("at most N passages", "не больше N отрывков"))
      .range(1, 1000)
      .show_default();
  command
      .add_option("--mode", &arguments->mode,
                  words("what to compare: all (hybrid), meaning (dense), the model's weights of "
                        "words (sparse), every token (colbert), words (text)",
                        "что сравнивать: всё (hybrid), смысл (dense), веса слов от модели "
                        "(sparse), каждый токен (colbert), слова (text)"))
      .one_of({"hybrid", "dense", "sparse", "colbert", "text"})
      .show_default();
  command
      .add_option("--passages", &arguments->passages,
                  words("weights for passages of this length", "веса для отрывков такой длины"))
      .one_of({"short", "long"})
      .show_default();
  add_filters(command, *arguments);
  command
      .add_option("-m,--model", &arguments->model,
                  words("name or folder of the model [default: that of the library]",
                        "имя или папка модели [по умолчанию: модель библиотеки]"))
      .names(ValueKind::kModel);
  command.add_flag("--explain", &arguments->explain,
                   words("show the parts of each score, and in brackets what was measured",
                         "показать слагаемые оценок и в скобках — что измерено"));
  command.add_flag("--no-pictures", &arguments->no_pictures,
                   words("do not draw the places of the best passages, on terminals that can",
                         "не рисовать места лучших отрывков, если терминал это умеет"));
  add_threads_option(command, arguments->threads);
  command.add_flag("-j,--json", &arguments->json,
                   words("one JSON object per passage", "по объекту JSON на отрывок"));
  add_common_options(command, arguments->common);
  command.on_run([arguments] { search(*arguments); });
}

}  // namespace oko::cli
