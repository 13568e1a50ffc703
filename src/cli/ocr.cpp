#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/core_count.h"
#include "base/error.h"
#include "base/language.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "image/image.h"
#include "ocr/hocr.h"
#include "ocr/page_reader.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

struct OcrOptions {
  CommonOptions common;
  std::vector<std::string> files;
  ocr::Options run;
  std::string format = "text";
  std::size_t threads = 0;
};

/// A page of a file, counted from 0.
struct FilePage {
  std::string file;
  int page = 0;
  int pages = 1;
};

/// All pages. A file that cannot be read is one: what is wrong with it is told in its turn.
std::vector<FilePage> pages_of(const std::vector<std::string>& files) {
  std::vector<FilePage> all;
  for (const std::string& file : files) {
    int pages = 1;
    try {
      pages = image::page_count(file);
    } catch (const Error&) {
    }
    for (int page = 0; page < pages; ++page) all.push_back({file, page, pages});
  }
  return all;
}

ordered_json json_of(const ocr::Box& box) {
  return {box.left, box.top, box.width, box.height};
}

ordered_json json_of(const ocr::Page& page, const FilePage& of) {
  ordered_json lines = ordered_json::array();
  for (const ocr::Line& line : page.lines) {
    ordered_json words = ordered_json::array();
    for (const ocr::Word& word : line.words) {
      words.push_back({{"text", word.text},
                       {"box", json_of(word.box)},
                       {"confidence", word.confidence},
                       {"language", word.language}});
    }
    lines.push_back({{"text", line.text()},
                     {"box", json_of(line.box)},
                     {"confidence", line.confidence},
                     {"block", line.block},
                     {"words", std::move(words)}});
  }
  return {{"file", of.file},          {"page", of.page + 1},   {"pages", of.pages},
          {"width", page.width},      {"height", page.height}, {"text", page.text()},
          {"lines", std::move(lines)}};
}

/// "FILE:", or "FILE, page 2:".
std::string title_of(const FilePage& of) {
  if (of.pages == 1) return of.file + ":";
  return tr("{}, page {}:", "{}, страница {}:", of.file, of.page + 1);
}

void print_page(const OcrOptions& options, const ocr::Page& page, const FilePage& of, bool alone) {
  if (options.format == "json") {
    const ordered_json object = json_of(page, of);
    print(object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  } else if (options.format == "text") {
    if (!alone) print(printable(title_of(of)) + "\n");
    print(printable(page.text()));
  }
}

/// Every page is tried; the first error decides the exit status.
void run(const OcrOptions& options) {
  const std::vector<FilePage> all = pages_of(options.files);
  const Interrupt interrupt;
  ProgressBar progress(tr("reading", "читаю"), options.common.quiet);
  std::vector<ocr::Page> pages;
  std::optional<Error> first_error;
  const auto on_result = [&](std::size_t i, ocr::ReadResult result) {
    progress.clear();
    if (result.error) {
      if (all.size() == 1 || result.error->code() != ErrorCode::kBadInput) throw *result.error;
      fmt::print(stderr, "oko: {}\n", printable(result.error->what()));
      if (!first_error) first_error = result.error;
    } else {
      print_page(options, result.page, all[i], all.size() == 1);
      if (options.format == "hocr") pages.push_back(std::move(result.page));
    }
    progress.update(static_cast<double>(i + 1) / static_cast<double>(all.size()));
  };
  ocr::read_pages(
      all.size(), options.run, options.threads != 0 ? options.threads : physical_core_count(),
      [&](std::size_t i) { return image::load(all[i].file, {}, all[i].page); }, on_result,
      interrupt.token());
  progress.clear();
  if (options.format == "hocr") print(ocr::hocr(pages));
  if (first_error) {
    throw Error(first_error->code(), tr("not every page was read", "прочитаны не все страницы"));
  }
}

}  // namespace

void add_ocr(CLI::App& app) {
  auto options = std::make_shared<OcrOptions>();
  CLI::App* command =
      app.add_subcommand("ocr", tr("Reads the text in pictures.", "Читает текст на картинках."));
  command->footer(tr("Example:\n  oko ocr receipt.jpg --format json",
                     "Пример:\n  oko ocr receipt.jpg --format json"));
  command
      ->add_option("FILE", options->files,
                   tr("picture files: JPEG, PNG, WebP, HEIC, TIFF of many pages, GIF, BMP",
                      "файлы картинок: JPEG, PNG, WebP, HEIC, многостраничный TIFF, GIF, BMP"))
      ->required();
  add_languages_option(*command, options->run.languages);
  command
      ->add_option("--format", options->format,
                   tr("what to print: text, json, hocr", "что напечатать: text, json, hocr"))
      ->check(CLI::IsMember({"text", "json", "hocr"}))
      ->capture_default_str();
  add_threads_option(*command, options->threads);
  add_common_options(*command, options->common);
  command->callback([options] { run(*options); });
}

}  // namespace oko::cli
