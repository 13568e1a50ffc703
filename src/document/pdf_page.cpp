#include "document/pdf_page.h"

#include <optional>
#include <utility>

#include "document/judgement.h"
#include "document/merge.h"
#include "document/text_layer.h"

namespace oko::document {
namespace {

/// Notes for the user about words that are not in the text.
void note_left_out(const TextLayer& layer, std::vector<LocalizedText>& notes) {
  if (layer.words_hidden > 0) {
    notes.push_back(tr("{} words are in hidden layers and are left out",
                       "слова в слоях, которые не показываются, пропущены: {}",
                       layer.words_hidden));
  }
  if (layer.words_unseen > 0) {
    notes.push_back(tr("{} words are invisible on the page and are left out",
                       "слова, которых на странице не видно, пропущены: {}", layer.words_unseen));
  }
  if (layer.words_outside > 0) {
    notes.push_back(layer.keeps_outside
                        ? tr("{} words, most of the text, lie outside of the page",
                             "слова за краем страницы, большая часть текста: {}",
                             layer.words_outside)
                        : tr("{} words lie outside of the page and are left out",
                             "слова за краем страницы пропущены: {}", layer.words_outside));
  }
}

}  // namespace

PdfPage read_pdf_page(const Pdf& pdf, int page, const PdfPageOptions& options) {
  PdfPage opened{.layer = pdf.read_text_layer(page, options.only_painted),
                 .notes = pdf.hidden_content(page)};
  std::optional<Page>& told = opened.layer.page;
  opened.plausible = told && is_plausible(*told) && !lies_over_itself(*told);
  if (opened.plausible) {
    opened.pictures = open_places(*told, pdf.pictures(page));
    opened.unclear = unclear_places(*told);
    *told = doubted_where_unclear(std::move(*told));
  }
  if (!opened.plausible || !opened.pictures.empty() || !opened.unclear.empty() ||
      options.always_draws) {
    opened.image = pdf.render(page);
  }
  note_left_out(opened.layer, opened.notes);
  return opened;
}

}  // namespace oko::document
