#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/language.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "ocr/hocr.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

struct OcrOptions {
  CommonOptions common;
  std::vector<std::string> files;
  ocr::Options run;
  std::string format = "text";
};

ordered_json json_of(const ocr::Box& box) {
  return {box.left, box.top, box.width, box.height};
}

ordered_json json_of(const ocr::Page& page, const std::string& file) {
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
  return {{"file", file},
          {"width", page.width},
          {"height", page.height},
          {"text", page.text()},
          {"lines", std::move(lines)}};
}

void print_page(const OcrOptions& options, const ocr::Page& page, const std::string& file) {
  if (options.format == "json") {
    const ordered_json object = json_of(page, file);
    print(object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  } else if (options.format == "text") {
    if (options.files.size() > 1) print(printable(file) + ":\n");
    print(printable(page.text()));
  }
}

/// Every picture is tried; the first error decides the exit status.
void run(const OcrOptions& options) {
  const auto engine = ocr::make_engine(options.run);
  const Interrupt interrupt;
  ProgressBar progress(tr("reading", "читаю"), options.common.quiet);
  std::vector<ocr::Page> pages;
  std::optional<Error> first_error;
  for (std::size_t i = 0; i < options.files.size(); ++i) {
    progress.update(static_cast<double>(i) / static_cast<double>(options.files.size()));
    try {
      ocr::Page page = engine->read(image::load(options.files[i]), interrupt.token());
      progress.clear();
      print_page(options, page, options.files[i]);
      if (options.format == "hocr") pages.push_back(std::move(page));
    } catch (const Error& error) {
      progress.clear();
      if (options.files.size() == 1 || error.code() != ErrorCode::kBadInput) throw;
      fmt::print(stderr, "oko: {}\n", printable(error.what()));
      if (!first_error) first_error = error;
    }
  }
  progress.clear();
  if (options.format == "hocr") print(ocr::hocr(pages));
  if (first_error) {
    throw Error(first_error->code(), tr("not every picture was read", "прочитаны не все картинки"));
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
                   tr("picture files: JPEG, PNG, WebP, HEIC, TIFF, GIF, BMP",
                      "файлы картинок: JPEG, PNG, WebP, HEIC, TIFF, GIF, BMP"))
      ->required();
  command
      ->add_option("--languages", options->run.languages,
                   tr("languages of the text, comma-separated", "языки текста через запятую"))
      ->delimiter(',')
      ->default_str("ru-RU,en-US");
  command
      ->add_option("--format", options->format,
                   tr("what to print: text, json, hocr", "что напечатать: text, json, hocr"))
      ->check(CLI::IsMember({"text", "json", "hocr"}))
      ->capture_default_str();
  add_common_options(*command, options->common);
  command->callback([options] { run(*options); });
}

}  // namespace oko::cli
