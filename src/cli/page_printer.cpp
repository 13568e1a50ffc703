#include "cli/page_printer.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/language.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "document/pdf_writer.h"
#include "ocr/hocr.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

class TextPrinter : public PagePrinter {
 public:
  TextPrinter(const document::Pages& pages, const StandardInput& input)
      : pages_(pages), input_(input) {}

  void print_page(std::size_t i, const ocr::Page& page, const document::PagePicture&) override {
    if (pages_.size() > 1) print(printable(input_.named(pages_.name(i))) + ":\n");
    print(printable(page.text()));
  }

 private:
  const document::Pages& pages_;
  const StandardInput& input_;
};

ordered_json json_of(const ocr::Box& box) {
  return {box.left, box.top, box.width, box.height};
}

const char* name_of(ocr::TextSource source) {
  switch (source) {
    case ocr::TextSource::kTextLayer:
      return "text_layer";
    case ocr::TextSource::kBoth:
      return "both";
    case ocr::TextSource::kRecognized:
      break;
  }
  return "ocr";
}

ordered_json json_of(const ocr::Line& line) {
  ordered_json words = ordered_json::array();
  for (const ocr::Word& word : line.words) {
    words.push_back({{"text", word.text},
                     {"box", json_of(word.box)},
                     {"confidence", word.confidence},
                     {"language", word.language},
                     {"source", name_of(word.source)}});
  }
  return {{"text", line.text()},
          {"box", json_of(line.box)},
          {"confidence", line.confidence},
          {"block", line.block},
          {"words", std::move(words)}};
}

class JsonPrinter : public PagePrinter {
 public:
  JsonPrinter(const document::Pages& pages, const StandardInput& input)
      : pages_(pages), input_(input) {}

  void print_page(std::size_t i, const ocr::Page& page, const document::PagePicture&) override {
    ordered_json lines = ordered_json::array();
    for (const ocr::Line& line : page.lines) lines.push_back(json_of(line));
    const ordered_json object{{"file", input_.named(pages_.file(i))},
                              {"page", pages_.page_in_file(i) + 1},
                              {"pages", pages_.pages_of_file(i)},
                              {"source", name_of(page.source)},
                              {"width", page.width},
                              {"height", page.height},
                              {"text", page.text()},
                              {"lines", std::move(lines)}};
    print_json(object);
  }

 private:
  const document::Pages& pages_;
  const StandardInput& input_;
};

class HocrPrinter : public PagePrinter {
 public:
  void print_page(std::size_t, const ocr::Page& page, const document::PagePicture&) override {
    begin();
    print(writer_.page(page));
  }

  void skip_page(std::size_t) override { writer_.skip_page(); }

  void finish() override {
    begin();
    print(writer_.end());
  }

 private:
  void begin() {
    if (!begun_) print(writer_.begin());
    begun_ = true;
  }

  ocr::HocrWriter writer_;
  bool begun_ = false;
};

class PdfPrinter : public PagePrinter {
 public:
  PdfPrinter(document::Pages& pages, const StandardInput& input)
      : pages_(pages),
        title_(std::filesystem::path(input.named(pages.file(0))).filename().string()) {}

  void print_page(std::size_t, const ocr::Page& page,
                  const document::PagePicture& picture) override {
    if (!writer_) writer_.emplace([](std::string_view bytes) { print(bytes); }, title_);
    add_skipped();
    writer_->add_page(picture, page);
  }

  void skip_page(std::size_t i) override { skipped_.push_back(i); }

  void finish() override {
    if (!writer_) return;
    add_skipped();
    writer_->finish();
  }

 private:
  void add_skipped() {
    for (const std::size_t i : skipped_) writer_->add_page(pages_.blank(i), {});
    skipped_.clear();
  }

  document::Pages& pages_;
  std::string title_;
  std::vector<std::size_t> skipped_;           ///< since the last page that was written
  std::optional<document::PdfWriter> writer_;  ///< from the first page on: a PDF has at least one
};

}  // namespace

std::unique_ptr<PagePrinter> make_page_printer(const std::string& format, document::Pages& pages,
                                               const StandardInput& input) {
  if (format == "json") return std::make_unique<JsonPrinter>(pages, input);
  if (format == "hocr") return std::make_unique<HocrPrinter>();
  if (format == "pdf") return std::make_unique<PdfPrinter>(pages, input);
  return std::make_unique<TextPrinter>(pages, input);
}

}  // namespace oko::cli
