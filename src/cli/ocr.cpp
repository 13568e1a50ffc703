#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/core_count.h"
#include "base/error.h"
#include "base/language.h"
#include "budget/ledger.h"
#include "budget/memory_size.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/page_printer.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "document/pages.h"
#include "engine/plan.h"
#include "ocr/footprint.h"
#include "ocr/page_reader.h"

namespace oko::cli {
namespace {

struct OcrOptions {
  CommonOptions common;
  std::vector<std::string> files;
  ocr::Options run;
  std::string format = "text";
  std::string output;  ///< a file; empty: standard output
  document::PagesOptions pages;
  std::size_t threads = 0;
};

void refuse_binary_on_terminal(const OcrOptions& options) {
  if (options.format != "pdf" || !options.output.empty() || ::isatty(STDOUT_FILENO) != 1) return;
  throw Error(ErrorCode::kUsage, tr("a PDF is not for a terminal", "PDF не выводят на терминал"),
              tr("send it to a file: oko ocr ... --format pdf -o out.pdf",
                 "направьте его в файл: oko ocr ... --format pdf -o out.pdf"));
}

/// Pages that are read at once: as many as there are cores, and as fit the budget where they are
/// A4.
std::size_t parallel_pages(const OcrOptions& options, std::uint64_t budget) {
  constexpr std::uint64_t kPage = ocr::kEngineBytes + ocr::kPageBytes;
  const std::uint64_t fit = (budget - std::min(budget, engine::runtime_bytes(false))) / kPage;
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(
      fit, 1, options.threads != 0 ? options.threads : physical_core_count()));
}

/// How large pictures of pages may be, so that one fits the budget. Smaller ones cannot be read.
std::uint64_t page_pixels(std::uint64_t budget, std::size_t engines) {
  constexpr std::uint64_t kLeast = 1'000'000;  // A4 at 100 dots per inch
  const std::uint64_t taken = engine::runtime_bytes(false) + engines * ocr::kEngineBytes;
  const std::uint64_t fit = ocr::pixels_within(budget - std::min(budget, taken));
  return std::clamp(fit - fit / 100, kLeast,  // sides are rounded to whole pixels
                    document::PdfOptions{}.max_pixels);
}

/// The budget, of which the program itself and so many engines have taken theirs.
class PageLedger {
 public:
  PageLedger(std::uint64_t budget, std::size_t engines, std::size_t pages)
      : ledger_(budget), pages_(pages) {
    budget::TagBytes bytes;
    bytes[budget::Tag::kWeights] =  // as what stays
        engine::runtime_bytes(false) + engines * ocr::kEngineBytes;
    beside_ = take(bytes, tr("raise --budget", "увеличьте --budget"), {});
  }

  /// For page `i`.
  budget::Lease take(document::Pages& pages, std::size_t i, const StopToken& stop) {
    try {
      const budget::TagBytes bytes = memory_of(pages, i);
      return take(bytes, hint(bytes.total()), stop);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOverBudget) throw;
      throw Error(error.code(), pages.name(i) + ": " + error.what(), error.hint());
    }
  }

 private:
  budget::Lease take(const budget::TagBytes& bytes, const std::string& hint,
                     const StopToken& stop) {
    return ledger_.take({.wanted = [&] { return bytes; }, .hint = hint}, stop);
  }

  /// One at a time: a file is read for it, which nothing has been promised for yet.
  budget::TagBytes memory_of(document::Pages& pages, std::size_t i) {
    const std::lock_guard lock(mutex_);
    return pages.memory_of(i);
  }

  /// For a page of so many bytes. A larger budget would have more engines again.
  std::string hint(std::uint64_t page_bytes) const {
    const std::uint64_t alone = engine::runtime_bytes(false) + ocr::kEngineBytes + page_bytes;
    std::string option = pages_ > 1 ? "--threads 1" : "";
    if (alone > ledger_.budget_bytes()) {
      option += (option.empty() ? "--budget " : " --budget ") + budget::memory_size_text(alone);
    }
    return tr("use {} or make the picture smaller", "укажите {} или уменьшите картинку", option);
  }

  budget::Ledger ledger_;
  std::size_t pages_;
  std::mutex mutex_;
  budget::Lease beside_;
};

/// An error that says nothing about the pages to come.
bool is_of_one_page(const Error& error) {
  return error.code() == ErrorCode::kBadInput || error.code() == ErrorCode::kOverBudget;
}

/// Every page is tried; the first error decides the exit status.
void read(const OcrOptions& options, const StandardInput& input, const Interrupt& interrupt) {
  const std::uint64_t budget = budget_of(options.common);
  require_memory(budget, engine::runtime_bytes(false) + ocr::kEngineBytes);
  document::PagesOptions pages_options = options.pages;
  pages_options.pdf.max_pixels = page_pixels(budget, parallel_pages(options, budget));
  document::Pages pages(input.paths(), pages_options);
  Output output(options.output);
  // Of those that are being read; a page's own is filled by the thread that loads it.
  std::vector<document::Sheet> sheets(options.format == "pdf" ? pages.size() : 0);
  const auto printer = make_page_printer(options.format, pages, input, output);
  ProgressBar progress(tr("reading", "читаю"), options.common.quiet);
  std::optional<Error> first_error;
  bool any_page = false;
  const auto on_result = [&](std::size_t i, const ocr::ReadResult& result) {
    progress.clear();
    const document::Sheet sheet = sheets.empty() ? document::Sheet{} : std::exchange(sheets[i], {});
    if (result.error) {
      if (pages.size() == 1 || !is_of_one_page(*result.error)) throw *result.error;
      say_note(input.named(result.error->what()));
      if (!first_error) first_error = result.error;
      printer->skip_page(i);
    } else {
      if (result.page.source != ocr::TextSource::kTextLayer && !options.common.quiet) {
        const std::string reduction = pages.reduction(i);
        if (!reduction.empty()) say_note(input.named(reduction));
      }
      printer->print_page(i, result.page, sheet);
      any_page = true;
    }
    progress.update(static_cast<double>(i + 1) / static_cast<double>(pages.size()));
  };
  const std::size_t threads = std::min(parallel_pages(options, budget), pages.size());
  PageLedger ledger(budget, threads, pages.size());
  ocr::read_pages(
      pages.size(), options.run, threads,
      [&](std::size_t i) { return pages.load(i, sheets.empty() ? nullptr : &sheets[i]); },
      on_result, interrupt.token(),
      [&](std::size_t i) { return ledger.take(pages, i, interrupt.token()); });
  progress.clear();
  for (const std::string& note : printer->finish()) {
    if (!options.common.quiet) say_note(input.named(note));
  }
  if (any_page) output.finish();
  if (first_error) {
    throw Error(first_error->code(), tr("not every page was read", "прочитаны не все страницы"),
                first_error->hint());
  }
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

void add_ocr(CLI::App& app) {
  auto options = std::make_shared<OcrOptions>();
  CLI::App* command = app.add_subcommand(
      "ocr", tr("Reads the text in pictures and PDF.", "Читает текст на картинках и в PDF."));
  command->footer(
      tr("Examples:\n  oko ocr receipt.jpg --format json\n"
         "  oko ocr scan.pdf --format pdf -o searchable.pdf",
         "Примеры:\n  oko ocr receipt.jpg --format json\n"
         "  oko ocr scan.pdf --format pdf -o searchable.pdf"));
  command
      ->add_option(
          "FILE", options->files,
          tr("PDF, whose own text is taken where it has one, and pictures: JPEG, PNG, WebP, HEIC, "
             "TIFF of many pages, GIF, BMP; - is standard input",
             "PDF (если в нём есть текст, берётся он) и картинки: JPEG, PNG, WebP, HEIC, "
             "многостраничный TIFF, GIF, BMP; - это стандартный ввод"))
      ->required();
  add_languages_option(*command, options->run.languages);
  command
      ->add_option(
          "--format", options->format,
          tr("what to print: text, json, hocr, or pdf: the same pages with invisible text",
             "что напечатать: text, json, hocr или pdf — те же страницы с невидимым текстом"))
      ->check(CLI::IsMember({"text", "json", "hocr", "pdf"}))
      ->capture_default_str();
  command->add_option("-o,--output", options->output,
                      tr("the file to write, whole or not at all; without it standard output",
                         "файл для результата, пишется целиком; без него — стандартный вывод"));
  command->add_flag("--force", options->pages.ignores_text,
                    tr("read the pictures of PDF pages that have text, too",
                       "распознавать и те страницы PDF, на которых есть текст"));
  add_threads_option(*command, options->threads);
  add_common_options(*command, options->common);
  command->callback([options] { run(*options); });
}

}  // namespace oko::cli
