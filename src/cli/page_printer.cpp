#include "cli/page_printer.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/localized_text.h"
#include "base/text_escape.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "document/searchable_pdf.h"
#include "ocr/hocr.h"
#include "server/page_json.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

class TextPrinter : public PagePrinter {
 public:
  TextPrinter(const document::Pages& pages, const Inputs& input, Output& output,
              float min_confidence, bool has_headings)
      : pages_(pages),
        input_(input),
        output_(output),
        min_confidence_(min_confidence),
        has_headings_(has_headings) {}

  void print_page(std::size_t i, const document::Page& page, const document::Sheet&) override {
    if (has_headings_) {
      output_.print((any_page_ ? "\n" : "") + one_line(shown(input_.named(pages_.name(i)))) +
                    ":\n");
    }
    any_page_ = true;
    output_.print(printable(document::marked_text(page, min_confidence_)));
  }

 private:
  const document::Pages& pages_;
  const Inputs& input_;
  Output& output_;
  float min_confidence_;
  bool has_headings_;
  bool any_page_ = false;
};

class JsonPrinter : public PagePrinter {
 public:
  JsonPrinter(const document::Pages& pages, const Inputs& input, Output& output,
              float min_confidence)
      : pages_(pages), input_(input), output_(output), min_confidence_(min_confidence) {}

  void print_page(std::size_t i, const document::Page& page, const document::Sheet&) override {
    ordered_json object{{"file", input_.name_of(pages_.file(i))},
                        {"page", pages_.page_in_file(i) + 1},
                        {"pages", pages_.pages_of_file(i)}};
    object.update(server::json_of(page, min_confidence_));
    if (!page.notes.empty()) object["notes"] = shown(page.notes);
    output_.print(json_line(object));
    has_page_ = true;
    end_page(i);
  }

  void skip_page(std::size_t i, const Error& error) override {
    if (!first_error_) first_error_ = error;
    end_page(i);
  }

 private:
  /// A file of which no page was read has a record. The numbers of the others' pages tell which one
  /// is left out: a line without text would be a surprise among them.
  void end_page(std::size_t i) {
    const bool is_last =
        i + 1 == pages_.size() || pages_.file_number(i + 1) != pages_.file_number(i);
    if (!is_last) return;
    if (first_error_ && !has_page_) {
      output_.print(json_line(
          {{"file", input_.name_of(pages_.file(i))}, {"error", error_json(*first_error_)}}));
    }
    first_error_.reset();
    has_page_ = false;
  }

  const document::Pages& pages_;
  const Inputs& input_;
  Output& output_;
  float min_confidence_;
  bool has_page_ = false;             ///< of the present file
  std::optional<Error> first_error_;  ///< of the present file
};

class HocrPrinter : public PagePrinter {
 public:
  HocrPrinter(const document::Pages& pages, const Inputs& input, Output& output)
      : pages_(pages), input_(input), output_(output) {}

  void print_page(std::size_t i, const document::Page& page, const document::Sheet&) override {
    begin();
    output_.print(writer_.page(page, input_.name_of(pages_.file(i)), pages_.page_in_file(i)));
  }

  void skip_page(std::size_t, const Error&) override { writer_.skip_page(); }

  std::vector<LocalizedText> finish() override {
    begin();
    output_.print(writer_.end());
    return {};
  }

 private:
  void begin() {
    if (!begun_) output_.print(writer_.begin());
    begun_ = true;
  }

  const document::Pages& pages_;
  const Inputs& input_;
  Output& output_;
  ocr::HocrWriter writer_;
  bool begun_ = false;
};

class PdfPrinter : public PagePrinter {
 public:
  PdfPrinter(document::Pages& pages, const Inputs& input, Output& output, std::size_t first)
      : pdf_(
            pages, [&output](std::string_view bytes) { output.print(bytes); },
            std::filesystem::path(input.name_of(pages.file(first))).filename().string()) {}

  void print_page(std::size_t i, const document::Page& page,
                  const document::Sheet& sheet) override {
    pdf_.add_page(i, sheet, page);
  }

  void skip_page(std::size_t i, const Error&) override { pdf_.skip_page(i); }

  std::vector<LocalizedText> finish() override { return pdf_.finish(); }

 private:
  document::SearchablePdf pdf_;
};

}  // namespace

std::unique_ptr<PagePrinter> make_page_printer(const PagePrinterOptions& options,
                                               document::Pages& pages, const Inputs& input,
                                               Output& output) {
  const float min_confidence = options.min_confidence;
  if (options.format == "json") {
    return std::make_unique<JsonPrinter>(pages, input, output, min_confidence);
  }
  if (options.format == "hocr") return std::make_unique<HocrPrinter>(pages, input, output);
  if (options.format == "pdf") {
    return std::make_unique<PdfPrinter>(pages, input, output, options.first);
  }
  const bool has_headings =
      options.of_one_file ? pages.pages_of_file(options.first) > 1 : pages.size() > 1;
  return std::make_unique<TextPrinter>(pages, input, output, min_confidence, has_headings);
}

}  // namespace oko::cli
