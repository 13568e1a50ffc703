#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/standard_input.h"
#include "document/page.h"
#include "document/pages.h"
#include "document/sheet.h"

namespace oko::cli {

/// Prints pages in one format, each as it comes.
class PagePrinter {
 public:
  virtual ~PagePrinter() = default;

  /// Page `i` of the pages that were asked for. `sheet`: where the format needs it.
  virtual void print_page(std::size_t i, const document::Page& page,
                          const document::Sheet& sheet) = 0;

  /// Page `i` could not be read: pages after it keep their numbers.
  virtual void skip_page(std::size_t) {}

  /// What stands behind the last page. What the user is to know of the result.
  virtual std::vector<LocalizedText> finish() { return {}; }
};

/// `format`: text, json, hocr, pdf. `pages`, `input`, among whose files they are, and `output` must
/// outlive the printer. `min_confidence`: words that were read with less are marked, 0..1.
std::unique_ptr<PagePrinter> make_page_printer(const std::string& format, document::Pages& pages,
                                               const StandardInput& input, Output& output,
                                               float min_confidence);

}  // namespace oko::cli
