#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "budget/memory_size.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/input_options.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/output_folder.h"
#include "cli/page_printer.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "document/pages.h"
#include "tasks/read_pages.h"

namespace oko::cli {
namespace {

struct OcrOptions {
  CommonOptions common;
  std::vector<std::string> files;
  InputOptions input;
  tasks::ReadPagesOptions run;
  std::string format = "text";
  bool json = false;  ///< the same as the format json
  float min_confidence = 0.5f;
};

void refuse_binary_on_terminal(const OcrOptions& options) {
  const bool has_file = !options.input.output.empty() || !options.input.out_folder.empty();
  if (options.format != "pdf" || has_file || ::isatty(STDOUT_FILENO) != 1) return;
  throw Error(ErrorCode::kUsage, tr("a PDF is not for a terminal", "PDF не выводят на терминал"),
              tr("send it to a file: oko ocr ... --format pdf -o out.pdf",
                 "направьте его в файл: oko ocr ... --format pdf -o out.pdf"));
}

/// Notes that a page has ink that was not read for sure.
void say_doubt(const LocalizedText& name, const document::Page& page) {
  say_note(page.lines.empty() ? tr("{}: possible text could not be read",
                                   "{}: то, что похоже на текст, прочитать не удалось", name)
                              : tr("{}: most of the read text is a guess",
                                   "{}: большая часть прочитанного — догадка", name));
}

/// The files that must not be the output, which would lose them: a PDF keeps its pages in a PDF.
std::vector<std::string> lost_files(const OcrOptions& options, const document::Pages& pages) {
  std::vector<std::string> files;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const bool is_kept = options.format == "pdf" && pages.is_of_pdf(i);
    const bool is_first = i == 0 || pages.file_number(i) != pages.file_number(i - 1);
    if (is_first && !is_kept) files.push_back(pages.file(i));
  }
  return files;
}

/// Prints the notes about a page.
void say_notes(const tasks::ReadPage& read, document::Pages& pages, const Inputs& input,
               bool quiet) {
  if (quiet) return;
  if (read.page.source != document::TextSource::kTextLayer) {
    const LocalizedText reduction = pages.reduction(read.index);
    if (!reduction.empty()) say_note(input.named(reduction));
  }
  const LocalizedText name = input.named(pages.name(read.index));
  if (read.page.is_doubtful) say_doubt(name, read.page);
  for (const LocalizedText& note : read.page.notes) say_note(name + ": " + note);
}

/// The name of a page, without its folder.
LocalizedText short_page_name(const document::Pages& pages, std::size_t i, const Inputs& input) {
  const std::string file = short_name(input.name_of(pages.file(i)));
  if (pages.pages_of_file(i) == 1) return file;
  return tr("{}, page {}", "{}, страница {}", file, pages.page_in_file(i) + 1);
}

/// The message at the end of a run in which not every page was read.
LocalizedText summary_of(const Failures& failures, const document::Pages& pages,
                         const Inputs& input) {
  const std::size_t total = pages.size() + input.failed().size();
  if (pages.size() == input.paths().size()) {
    return tr("{} of {} files could not be read: {}",
              "не удалось прочитать {} из {:файла|файлов|файлов}: {}", failures.count(),
              Count(total), failures.names());
  }
  return tr("{} of {} pages could not be read: {}",
            "не удалось прочитать {} из {:страницы|страниц|страниц}: {}", failures.count(),
            Count(total), failures.names());
}

/// A printer with its output.
struct Document {
  Output output;
  std::unique_ptr<PagePrinter> printer = {};
  std::size_t file = 0;  ///< number of the file of its pages, if it has those of one
  bool any_page = false;
};

/// Prints pages into one document, or into one per file in a folder.
class Documents {
 public:
  Documents(const OcrOptions& options, document::Pages& pages, const Inputs& input)
      : options_(options), pages_(pages), input_(input) {
    const std::string extension = "." + (options.format == "text" ? "txt" : options.format);
    const std::string& folder = options.input.out_folder;
    if (folder.empty()) {
      document_.reset(new Document{{options.input.output, lost_files(options, pages)}});
      make_printer(0);
    } else {
      folder_.emplace(folder, extension, input);
    }
  }

  void print(const tasks::ReadPage& read) {
    begin(read.index);
    document_->printer->print_page(read.index, read.page, read.sheet);
    document_->any_page = true;
  }
  void skip(std::size_t i, const Error& error) {
    begin(i);
    document_->printer->skip_page(i, error);
  }
  /// An input without pages, in JSON; it has no file in a folder.
  void print_failed(const Inputs::Failed& failed) {
    if (options_.format != "json") return;
    const nlohmann::ordered_json record{{"file", failed.name}, {"error", error_json(failed.error)}};
    folder_ ? print_json(record) : document_->output.print(json_line(record));
  }

  void finish() {
    if (!document_) return;
    for (const LocalizedText& note : document_->printer->finish()) {
      if (!options_.common.quiet) say_note(input_.named(note));
    }
    // A file of which no page was read has a record in JSON.
    const bool has_record = folder_ && options_.format == "json";
    if (document_->any_page || has_record) document_->output.finish();
    document_.reset();
  }

 private:
  void begin(std::size_t page) {
    const std::size_t file = pages_.file_number(page);
    if (!folder_ || (document_ && document_->file == file)) return;
    finish();
    document_.reset(new Document{{folder_->path_of(file), {}, Link::kIsReplaced}});
    document_->file = file;
    make_printer(page);
  }
  void make_printer(std::size_t first) {
    document_->printer = make_page_printer({.format = options_.format,
                                            .min_confidence = options_.min_confidence,
                                            .of_one_file = folder_.has_value(),
                                            .first = first},
                                           pages_, input_, document_->output);
  }

  const OcrOptions& options_;
  document::Pages& pages_;
  const Inputs& input_;
  std::optional<OutputFolder> folder_;
  std::unique_ptr<Document> document_;
};

/// The first error decides the exit status.
void read(const OcrOptions& options, const Inputs& input, const Interrupt& interrupt) {
  require_address_space(tasks::PageBudget::kAlone);
  tasks::PageReader reader(input.paths(), options.run);
  document::Pages& pages = reader.pages();
  Documents documents(options, pages, input);
  ProgressBar progress(words("reading", "читаю"), options.common.quiet);
  Failures failures;
  const auto print = [&](const tasks::ReadPage& read) {
    progress.clear();
    if (read.error) {
      const Error error = input.named(*read.error, pages.file(read.index));
      documents.skip(read.index, error);
      if (pages.size() == 1 && input.failed().empty()) {
        documents.finish();
        throw error;
      }
      failures.add(error, short_page_name(pages, read.index, input));
    } else {
      say_notes(read, pages, input, options.common.quiet);
      documents.print(read);
    }
    progress.update(static_cast<double>(read.index + 1) / static_cast<double>(pages.size()));
  };
  for (const Inputs::Failed& each : input.failed()) {
    documents.print_failed(each);
    failures.add(each.error, short_name(each.name));
  }
  progress.update(0);  // the first page may take its time
  reader.read(print, interrupt.token());
  progress.clear();
  documents.finish();
  failures.throw_first(summary_of(failures, pages, input), reader.least_budget());
}

void run(OcrOptions options) {
  settle_output(options.input);
  options.run.selection = selection_of(options.input);
  options.run.password = options.input.password;
  if (options.json) options.format = "json";
  refuse_binary_on_terminal(options);
  options.run.budget_bytes = budget_of(options.common);
  options.run.makes_sheets = options.format == "pdf";
  const Interrupt interrupt(Interrupt::kPatience);
  const Inputs input(options.files, options.common.quiet, interrupt.token());
  require_paths(input, options.format == "json");
  try {
    read(options, input, interrupt);
  } catch (const Error& error) {
    throw input.named(error);
  }
}

}  // namespace

void add_ocr(Command& program) {
  auto options = std::make_shared<OcrOptions>();
  Command& command = program.add_command(
      "ocr", words("Reads the text in pictures and PDFs.", "Читает текст на картинках и в PDF."));
  command.set_footer(
      words("Examples:\n  oko ocr receipt.jpg --format json\n"
            "  oko ocr scan.pdf --format pdf -o searchable.pdf",
            "Примеры:\n  oko ocr receipt.jpg --format json\n"
            "  oko ocr scan.pdf --format pdf -o searchable.pdf"));
  command
      .add_argument(
          "FILE", &options->files,
          words(
              "PDFs, whose own text is taken where they have any, pictures (JPEG, PNG, WebP, HEIC, "
              "AVIF, TIFF of many pages, GIF, BMP), folders of them, or https addresses; - is "
              "standard input",
              "PDF (если в нём есть текст, берётся он), картинки (JPEG, PNG, WebP, HEIC, AVIF, "
              "многостраничный TIFF, GIF, BMP), папки с ними или адреса https; - это стандартный "
              "ввод"))
      .required();
  add_languages_option(command, options->run.ocr.languages);
  command.add_flag("-j,--json", &options->json,
                   words("one JSON object per page: --format json",
                         "по объекту JSON на страницу: --format json"));
  command
      .add_option("--format", &options->format,
                  words("what to print; pdf: the same pages with invisible text",
                        "что напечатать; pdf: те же страницы с невидимым текстом"))
      .one_of({"text", "json", "hocr", "pdf"})
      .show_default();
  add_input_options(command, options->input);
  command.add_flag("--force", &options->run.ignores_text,
                   words("read the pictures of PDF pages that have text, too",
                         "распознавать и те страницы PDF, на которых есть текст"));
  command
      .add_option("--min-confidence", &options->min_confidence,
                  words("words that are read with less confidence are marked: [word?], in JSON "
                        "\"unsure\"",
                        "слова, прочитанные менее уверенно, помечаются: [слово?], в JSON «unsure»"))
      .range(0, 1)
      .show_default();
  add_threads_option(command, options->run.threads);
  add_common_options(command, options->common);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
