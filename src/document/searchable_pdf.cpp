#include "document/searchable_pdf.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/temporary_file.h"
#include "document/pdf_editor.h"

namespace oko::document {
namespace {

std::filesystem::path temporary_prefix() {
  return temporary_folder() / "oko-pages-";
}

/// The name of a temporary file in messages.
LocalizedText temporary_name() {
  return tr("the PDF, kept in {}", "PDF, который хранится в {}", temporary_folder().string());
}

InputFile kept(const TemporaryFile& file) {
  return {file.path(), ErrorCode::kFailed};
}

/// The words that were read in a picture.
Page read_words(const Page& page) {
  Page read{page.width, page.height, {}};
  for (const Line& line : page.lines) {
    Line kept = line;
    std::erase_if(kept.words,
                  [](const Word& word) { return word.source != TextSource::kRecognized; });
    if (!kept.words.empty()) read.lines.push_back(std::move(kept));
  }
  return read;
}

}  // namespace

struct SearchablePdf::Part {
  std::size_t file = 0;  ///< of the pages: the PDF, or the first of the pictures
  bool is_pdf = false;
  std::unique_ptr<PdfEditor> editor;
  std::optional<TemporaryFile> pictures;  ///< without `editor`, unless they go to the sink
  std::optional<PdfWriter> writer;        ///< of pictures
  int picture_pages = 0;
};

SearchablePdf::SearchablePdf(Pages& pages, Sink sink, std::string title)
    : pages_(pages), sink_(std::move(sink)), title_(std::move(title)) {
  for (std::size_t i = 0; i < pages_.size(); ++i) streams_ = streams_ && !pages_.is_of_pdf(i);
}

SearchablePdf::~SearchablePdf() = default;

SearchablePdf::Part& SearchablePdf::part_of(std::size_t i) {
  const std::size_t file = pages_.file_number(i);
  Part* last = parts_.empty() ? nullptr : parts_.back().get();
  if (last != nullptr && (last->file == file || (!last->editor && !pages_.is_of_pdf(i)))) {
    return *last;
  }
  auto part = std::make_unique<Part>();
  part->file = file;
  part->is_pdf = pages_.is_of_pdf(i);
  if (part->is_pdf)
    part->editor =
        PdfEditor::open(*pages_.source(file), pages_.pages_of_file(i), pages_.password());
  if (!part->editor) {
    if (!streams_) part->pictures.emplace(temporary_prefix(), temporary_name());
    part->writer.emplace(
        [this, to = part.get()](std::string_view bytes) {
          if (!to->pictures) return sink_(bytes);
          to->pictures->append(std::as_bytes(std::span(bytes)));
        },
        title_);
  }
  parts_.push_back(std::move(part));
  return *parts_.back();
}

void SearchablePdf::add_page(std::size_t i, const Sheet& sheet, const Page& text) {
  any_page_ = true;
  add_skipped();
  Part& part = part_of(i);
  if (!part.editor) return add_picture(part, sheet, text);
  const Page added = read_words(text);
  if (added.lines.empty()) return;
  // Remove the text of another program: a search would find both.
  if (text.source == TextSource::kRecognized) {
    part.editor->remove_invisible_text(pages_.page_in_file(i));
  }
  part.editor->add_text(pages_.page_in_file(i), sheet, added);
}

void SearchablePdf::add_skipped() {
  for (const std::size_t i : std::exchange(skipped_, {})) {
    Part& part = part_of(i);
    if (!part.editor) add_picture(part, pages_.blank(i), {});
  }
}

void SearchablePdf::add_picture(Part& part, const Sheet& sheet, const Page& text) {
  part.writer->add_page(sheet, text);
  ++part.picture_pages;
}

std::vector<LocalizedText> SearchablePdf::finish() {
  if (!any_page_) return {};
  add_skipped();
  for (const auto& part : parts_) {
    if (part->writer) part->writer->finish();
  }
  if (streams_) return {};
  std::vector<LocalizedText> notes;
  for (const auto& part : parts_) add_notes(*part, notes);
  const Part& first = *parts_.front();
  if (parts_.size() > 1 || (first.editor && first.editor->is_changed())) {
    write_whole(notes);
  } else {
    first.editor ? copy(*pages_.source(first.file)) : copy(kept(*first.pictures));
  }
  for (const auto& part : parts_) {
    if (part->editor) pages_.source(part->file)->require_unchanged();
  }
  return notes;
}

void SearchablePdf::add_notes(const Part& part, std::vector<LocalizedText>& notes) const {
  const std::string& file = pages_.file_path(part.file);
  if (!part.editor) {
    if (part.is_pdf) {
      notes.push_back(tr("{}: qpdf cannot repair the PDF: its pages are pictures in the new one",
                         "{}: qpdf не может исправить этот PDF: в новом его страницы — картинки",
                         file));
    }
    return;
  }
  if (part.editor->is_signed() && (parts_.size() > 1 || part.editor->is_changed())) {
    notes.push_back(tr("{}: its signatures are not valid for the new PDF",
                       "{}: для нового PDF его подписи недействительны", file));
  }
}

/// Writes everything of the first PDF, with the pages of the others.
void SearchablePdf::write_whole(std::vector<LocalizedText>& notes) {
  std::vector<std::unique_ptr<PdfEditor>> pictures;  // they must stay until the end
  std::vector<PdfEditor*> editors;
  for (const auto& part : parts_) {
    if (!part->editor) {
      pictures.push_back(PdfEditor::open(kept(*part->pictures), part->picture_pages));
      if (!pictures.back()) {
        throw Error(ErrorCode::kFailed, tr("the PDF cannot be put together: its part in {} is lost",
                                           "PDF не собирается: пропала его часть в {}",
                                           part->pictures->path().string()));
      }
    }
    editors.push_back(part->editor ? part->editor.get() : pictures.back().get());
  }
  const auto first = std::find_if(parts_.begin(), parts_.end(),
                                  [](const auto& part) { return part->editor != nullptr; });
  const auto base = static_cast<std::size_t>(first == parts_.end() ? 0 : first - parts_.begin());
  for (std::size_t i = base; i > 0; --i) editors[base]->add_pages(*editors[i - 1], /*before=*/true);
  for (std::size_t i = base + 1; i < editors.size(); ++i) {
    editors[base]->add_pages(*editors[i], /*before=*/false);
    if (parts_[i]->editor && editors[i]->has_more_than_pages()) {
      notes.push_back(tr("{}: its outline, fields of forms and attachments are not in the new PDF",
                         "{}: его оглавления, полей форм и вложений в новом PDF нет",
                         pages_.file_path(parts_[i]->file)));
    }
  }
  const TemporaryFile whole(temporary_prefix(), temporary_name());
  editors[base]->write(whole.path());
  copy(kept(whole));
}

/// Copies the bytes of a file to the sink.
void SearchablePdf::copy(const InputFile& file) {
  constexpr std::size_t kPart = 1 << 20;
  for (std::uint64_t offset = 0; offset < file.size();) {
    const std::string part = file.part(offset, kPart);
    if (part.empty()) {
      throw Error(ErrorCode::kFailed,
                  tr("{}: cannot be read", "{}: не читается", file.path().string()));
    }
    sink_(part);
    offset += part.size();
  }
}

}  // namespace oko::document
