#include "document/pdf_editor.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "base/language.h"
#include "document/deflate.h"

namespace oko::document {
namespace {

constexpr int kDeepestTree = 64;  // of pages; files that are made to harm have loops

}  // namespace

std::unique_ptr<PdfEditor> PdfEditor::open(const std::filesystem::path& path, int pages) {
  std::unique_ptr<PdfEditor> editor(new PdfEditor(path));
  if (!editor->qpdf_.open(path) || editor->qpdf_.page_count() != pages) return nullptr;
  return editor;
}

void PdfEditor::add_text(int page, const Sheet& sheet, const ocr::Page& text) {
  if (!font_) make_font();
  const qpdf_oh object = qpdf_get_page_n(qpdf_, static_cast<std::size_t>(page));
  const std::string font = font_name(object);
  const auto& m = sheet.matrix;
  // Before the content of the page: it may leave the space changed behind it.
  const qpdf_oh stream = new_stream(
      fmt::format("q {:g} {:g} {:g} {:g} {:.4f} {:.4f} cm\n{}Q\n", m[0], m[1], m[2], m[3], m[4],
                  m[5], text_.content(text, sheet.width, sheet.height, font)));
  const qpdf_oh all = qpdf_oh_new_array(qpdf_), contents = qpdf_.get(object, "/Contents");
  qpdf_oh_append_item(qpdf_, all, stream);
  if (qpdf_.is_array(contents)) {
    const int parts = qpdf_oh_get_array_n_items(qpdf_, contents);
    for (int i = 0; i < parts; ++i) {
      qpdf_oh_append_item(qpdf_, all, qpdf_oh_get_array_item(qpdf_, contents, i));
    }
  } else if (qpdf_.is_stream(contents)) {
    qpdf_oh_append_item(qpdf_, all, contents);
  }
  qpdf_oh_replace_key(qpdf_, object, "/Contents", all);
  throw_on_error();
}

bool PdfEditor::is_signed() const {
  const qpdf_oh form = qpdf_.get(qpdf_get_root(qpdf_), "/AcroForm");
  int flags = 0;
  return qpdf_.is_dictionary(form) &&
         qpdf_oh_get_value_as_int(qpdf_, qpdf_.get(form, "/SigFlags"), &flags) != QPDF_FALSE &&
         flags % 2 != 0;
}

bool PdfEditor::has_more_than_pages() const {
  const qpdf_oh root = qpdf_get_root(qpdf_);
  return qpdf_.is_dictionary(qpdf_.get(root, "/Outlines")) ||
         qpdf_.is_dictionary(qpdf_.get(root, "/AcroForm")) ||
         qpdf_.is_dictionary(qpdf_.get(qpdf_.get(root, "/Names"), "/EmbeddedFiles"));
}

void PdfEditor::add_pages(PdfEditor& other, bool before) {
  other.complete_font();
  const int pages = other.qpdf_.page_count();
  for (int i = 0; i < pages; ++i) {
    const int page = before ? pages - 1 - i : i;
    qpdf_add_page(qpdf_, other.qpdf_, qpdf_get_page_n(other.qpdf_, static_cast<std::size_t>(page)),
                  before ? QPDF_TRUE : QPDF_FALSE);
    throw_on_error();
  }
}

void PdfEditor::write(const std::filesystem::path& path) {
  complete_font();
  qpdf_init_write(qpdf_, path.c_str());
  throw_on_error();
  // Streams with filters are copied as they are. qpdf_s_preserve would do it, but qpdf 12 drops the
  // encryption with it.
  qpdf_set_decode_level(qpdf_, qpdf_dl_none);
  qpdf_write(qpdf_);
  throw_on_error();
}

qpdf_oh PdfEditor::new_stream(const std::string& data) {
  const qpdf_oh stream = qpdf_oh_new_stream(qpdf_);
  replace_data(stream, data);
  return stream;
}

void PdfEditor::replace_data(qpdf_oh stream, const std::string& data) {
  const std::string bytes = deflated(data);
  qpdf_oh_replace_stream_data(qpdf_, stream, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size(), qpdf_oh_new_name(qpdf_, "/FlateDecode"),
                              qpdf_oh_new_null(qpdf_));
}

void PdfEditor::make_font() {
  std::array<qpdf_oh, InvisibleText::kParts> objects{};
  for (std::size_t i = 0; i < InvisibleText::kParts; ++i) {
    const auto part = static_cast<InvisibleText::Part>(i);
    if (InvisibleText::is_stream(part)) {
      objects[i] = new_stream(text_.stream_data(part));
      continue;
    }
    const std::string text = "<< " + InvisibleText::entries(part) + " >>";
    const qpdf_oh dictionary = qpdf_oh_parse(qpdf_, text.c_str());
    for (const InvisibleText::Link& link : InvisibleText::links(part)) {
      const qpdf_oh to = objects[link.part];
      qpdf_oh_replace_key(qpdf_, dictionary, link.key,
                          link.in_array ? qpdf_oh_wrap_in_array(qpdf_, to) : to);
    }
    objects[i] = qpdf_make_indirect_object(qpdf_, dictionary);
  }
  const auto length = static_cast<long long>(text_.stream_data(InvisibleText::kFontFile).size());
  qpdf_oh_replace_key(qpdf_, qpdf_oh_get_dict(qpdf_, objects[InvisibleText::kFontFile]), "/Length1",
                      qpdf_oh_new_integer(qpdf_, length));
  unicode_map_ = objects[InvisibleText::kUnicodeMap];
  font_ = objects[InvisibleText::kFont];
  throw_on_error();
}

void PdfEditor::complete_font() {
  if (font_) replace_data(unicode_map_, text_.stream_data(InvisibleText::kUnicodeMap));
}

/// Its own, or those that it inherits; pages share them, and all of them may have the font.
qpdf_oh PdfEditor::resources_of(qpdf_oh page) {
  qpdf_oh node = page;
  for (int depth = 0; depth < kDeepestTree && qpdf_.is_dictionary(node); ++depth) {
    const qpdf_oh resources = qpdf_.get(node, "/Resources");
    if (qpdf_.is_dictionary(resources)) return resources;
    node = qpdf_.get(node, "/Parent");
  }
  const qpdf_oh resources = qpdf_oh_new_dictionary(qpdf_);
  qpdf_oh_replace_key(qpdf_, page, "/Resources", resources);
  return resources;
}

/// Of oko's font in the resources of a page, into which it is put.
std::string PdfEditor::font_name(qpdf_oh page) {
  const qpdf_oh resources = resources_of(page);
  qpdf_oh fonts = qpdf_.get(resources, "/Font");
  if (!qpdf_.is_dictionary(fonts)) {
    fonts = qpdf_oh_new_dictionary(qpdf_);
    qpdf_oh_replace_key(qpdf_, resources, "/Font", fonts);
  }
  const int id = qpdf_oh_get_object_id(qpdf_, *font_);
  for (int i = 0;; ++i) {
    const std::string name = i == 0 ? "OkoText" : fmt::format("OkoText{}", i);
    const std::string key = "/" + name;
    if (qpdf_oh_has_key(qpdf_, fonts, key.c_str()) == QPDF_FALSE) {
      qpdf_oh_replace_key(qpdf_, fonts, key.c_str(), *font_);
      return name;
    }
    if (qpdf_oh_get_object_id(qpdf_, qpdf_.get(fonts, key.c_str())) == id) return name;
  }
}

void PdfEditor::throw_on_error() {
  if (qpdf_has_error(qpdf_) == QPDF_FALSE) return;
  const std::string reason = qpdf_get_error_full_text(qpdf_, qpdf_get_error(qpdf_));
  throw Error(ErrorCode::kFailed, tr("{}: the text cannot be put into the PDF: {}",
                                     "{}: текст не добавляется в PDF: {}", name_, reason));
}

}  // namespace oko::document
