#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/core_count.h"
#include "base/error.h"
#include "base/language.h"
#include "budget/memory_size.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/page_printer.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "document/pages.h"
#include "engine/plan.h"
#include "ocr/footprint.h"
#include "ocr/page_reader.h"
#include "tasks/page_budget.h"

namespace oko::cli {
namespace {

struct OcrOptions {
  CommonOptions common;
  std::vector<std::string> files;
  ocr::Options run;
  std::string format = "text";
  std::string output;  ///< a file; empty: standard output
  document::PagesOptions pages;
  float min_confidence = 0.5f;
  std::size_t threads = 0;
};

void refuse_binary_on_terminal(const OcrOptions& options) {
  if (options.format != "pdf" || !options.output.empty() || ::isatty(STDOUT_FILENO) != 1) return;
  throw Error(ErrorCode::kUsage, tr("a PDF is not for a terminal", "PDF не выводят на терминал"),
              tr("send it to a file: oko ocr ... --format pdf -o out.pdf",
                 "направьте его в файл: oko ocr ... --format pdf -o out.pdf"));
}

/// Makes pages so small that one fits the budget next to so many engines. Smaller than 1 megapixel,
/// A4 at 100 dots per inch, they cannot be read.
void fit_pages(std::uint64_t budget, std::size_t engines, document::PagesOptions& options) {
  constexpr std::uint64_t kLeast = 1'000'000;
  const std::uint64_t taken = engine::runtime_bytes(false) + engines * ocr::kEngineBytes;
  options.picture_bytes = budget - std::min(budget, taken);
  const std::uint64_t fit = ocr::pixels_within(options.picture_bytes);
  options.pdf.max_pixels = std::clamp(fit - fit / 100, kLeast,  // sides are rounded to whole pixels
                                      document::PdfOptions{}.max_pixels);
}

/// Of a page with ink that was not read for sure.
void say_doubt(const std::string& name, const document::Page& page) {
  say_note(page.lines.empty() ? tr("{}: what may be text could not be read",
                                   "{}: то, что похоже на текст, прочитать не удалось", name)
                              : tr("{}: most of what was read is a guess",
                                   "{}: большая часть прочитанного — догадка", name));
}

/// The files that would be lost as the output. A PDF keeps its pages in a PDF.
std::vector<std::string> lost_files(const OcrOptions& options, const document::Pages& pages) {
  std::vector<std::string> files;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const bool is_kept = options.format == "pdf" && pages.is_of_pdf(i);
    if (pages.page_in_file(i) == 0 && !is_kept) files.push_back(pages.file(i));
  }
  return files;
}

/// Every page is tried; the first error decides the exit status.
void read(const OcrOptions& options, const StandardInput& input, const Interrupt& interrupt) {
  const std::uint64_t budget = budget_of(options.common);
  require_address_space(tasks::PageBudget::kAlone);
  const std::size_t most = options.threads != 0 ? options.threads : physical_core_count();
  document::PagesOptions pages_options = options.pages;
  pages_options.reading_bytes = ocr::reading_bytes;
  fit_pages(budget, tasks::PageBudget::pages_within(budget, most), pages_options);
  document::Pages pages(input.paths(), pages_options);
  Output output(options.output, lost_files(options, pages));
  // Of those that are being read; a page's own is filled by the thread that loads it.
  std::vector<document::Sheet> sheets(options.format == "pdf" ? pages.size() : 0);
  const auto printer =
      make_page_printer(options.format, pages, input, output, options.min_confidence);
  ProgressBar progress(tr("reading", "читаю"), options.common.quiet);
  Failures failures;
  bool any_page = false;
  const auto on_result = [&](std::size_t i, const ocr::ReadResult& result) {
    progress.clear();
    const document::Sheet sheet = sheets.empty() ? document::Sheet{} : std::exchange(sheets[i], {});
    if (result.error) {
      const Error error = input.named(*result.error);
      if (!Failures::is_of_one_file(error)) throw error;
      printer->skip_page(i);
      if (pages.size() == 1) throw error;
      failures.add(error, error.what());
    } else {
      if (result.page.source != document::TextSource::kTextLayer && !options.common.quiet) {
        const std::string reduction = pages.reduction(i);
        if (!reduction.empty()) say_note(input.named(reduction));
      }
      if (result.page.is_doubtful) say_doubt(input.named(pages.name(i)), result.page);
      for (const std::string& note : result.page.notes) {
        say_note(input.named(pages.name(i) + ": " + note));
      }
      printer->print_page(i, result.page, sheet);
      any_page = true;
    }
    progress.update(static_cast<double>(i + 1) / static_cast<double>(pages.size()));
  };
  tasks::PageBudget page_budget(budget, pages);
  const std::size_t threads = page_budget.share(std::min(most, pages.size()), interrupt.token());
  ocr::read_pages(
      pages.size(), options.run, threads,
      [&](std::size_t i) { return pages.load(i, sheets.empty() ? nullptr : &sheets[i]); },
      on_result, interrupt.token(),
      [&](std::size_t i) { return page_budget.reserve(i, interrupt.token()); });
  progress.clear();
  for (const std::string& note : printer->finish()) {
    if (!options.common.quiet) say_note(input.named(note));
  }
  if (any_page) output.finish();
  failures.throw_first(tr("not every page was read", "прочитаны не все страницы"),
                       page_budget.least_budget());
}

void run(const OcrOptions& options) {
  refuse_binary_on_terminal(options);
  const Interrupt interrupt(Interrupt::kPatience);
  const StandardInput input(options.files, interrupt.token());
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
      "ocr", tr("Reads the text in pictures and PDF.", "Читает текст на картинках и в PDF."));
  command.set_footer(
      tr("Examples:\n  oko ocr receipt.jpg --format json\n"
         "  oko ocr scan.pdf --format pdf -o searchable.pdf",
         "Примеры:\n  oko ocr receipt.jpg --format json\n"
         "  oko ocr scan.pdf --format pdf -o searchable.pdf"));
  command
      .add_argument(
          "FILE", &options->files,
          tr("PDF, whose own text is taken where it has one, and pictures: JPEG, PNG, WebP, HEIC, "
             "AVIF, TIFF of many pages, GIF, BMP; - is standard input",
             "PDF (если в нём есть текст, берётся он) и картинки: JPEG, PNG, WebP, HEIC, AVIF, "
             "многостраничный TIFF, GIF, BMP; - это стандартный ввод"))
      .required();
  add_languages_option(command, options->run.languages);
  command
      .add_option(
          "--format", &options->format,
          tr("what to print: text, json, hocr, or pdf: the same pages with invisible text",
             "что напечатать: text, json, hocr или pdf — те же страницы с невидимым текстом"))
      .one_of({"text", "json", "hocr", "pdf"})
      .show_default();
  command.add_option("-o,--output", &options->output,
                     tr("the file to write, whole or not at all; without it standard output",
                        "файл для результата, пишется целиком; без него — стандартный вывод"));
  command.add_flag("--force", &options->pages.ignores_text,
                   tr("read the pictures of PDF pages that have text, too",
                      "распознавать и те страницы PDF, на которых есть текст"));
  command
      .add_option("--min-confidence", &options->min_confidence,
                  tr("words that are read with less confidence are marked: [word?], in JSON "
                     "\"unsure\"",
                     "слова, прочитанные менее уверенно, помечаются: [слово?], в JSON «unsure»"))
      .range(0, 1)
      .show_default();
  add_threads_option(command, options->threads);
  add_common_options(command, options->common);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
