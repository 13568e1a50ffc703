#include "document/pdf_editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "document/content_stream.h"
#include "document/deflate.h"

namespace oko::document {
namespace {

constexpr int kDeepestTree = 64;  // of pages; hostile files have loops

/// Why a file could not be written: `error`, as errno has it, unless it is of something else.
LocalizedText reason_to_fail(int error) {
  constexpr std::array<int, 4> kOfWriting{EDQUOT, EFBIG, EIO, ENOSPC};
  if (std::find(kOfWriting.begin(), kOfWriting.end(), error) != kOfWriting.end()) {
    return system_reason(error);
  }
  return tr("bytes are missing in it", "в нём не хватает байтов");
}

}  // namespace

std::unique_ptr<PdfEditor> PdfEditor::open(const InputFile& file, int pages,
                                           const std::string& password) {
  std::unique_ptr<PdfEditor> editor(new PdfEditor(file.path(), password));
  if (!editor->qpdf_.open(file.map(), password) || editor->qpdf_.page_count() != pages)
    return nullptr;
  return editor;
}

void PdfEditor::add_text(int page, const Sheet& sheet, const Page& text) {
  if (!font_) make_font();
  const qpdf_oh object = qpdf_get_page_n(qpdf_, static_cast<std::size_t>(page));
  const std::string font = font_name(object);
  const auto& m = sheet.matrix;
  // Insert it before the content of the page, which may change the coordinates for what follows.
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

void PdfEditor::remove_invisible_text(int page) {
  const qpdf_oh object = qpdf_get_page_n(qpdf_, static_cast<std::size_t>(page));
  const std::string content = data_of(object);
  if (const auto cleaned = without_invisible_text(content)) {
    qpdf_oh_replace_key(qpdf_, object, "/Contents", new_stream(*cleaned));
  }
  clean_forms(object, content);
  throw_on_error();
}

/// Gives the page copies of its forms, in resources of its own: other pages that keep their text
/// share the forms.
void PdfEditor::clean_forms(qpdf_oh page, std::string_view content) {
  const qpdf_oh resources = resources_of(page), shared = qpdf_.get(resources, "/XObject");
  if (!qpdf_.is_dictionary(shared)) return;
  std::optional<qpdf_oh> own;
  ContentScanner scanner(content);
  std::set<std::string> done;
  while (const auto operation = scanner.next()) {
    const std::size_t slash = operation->operands.find('/');
    if (operation->name != "Do" || slash == std::string_view::npos) continue;
    std::string name(operation->operands.substr(slash));
    name.resize(std::min(name.find_first_of(" \t\r\n\f"), name.size()));
    const qpdf_oh form = qpdf_.get(shared, name.c_str());
    if (!done.insert(name).second || !qpdf_.is_stream(form)) continue;
    const qpdf_oh entries = qpdf_oh_get_dict(qpdf_, form);
    const qpdf_oh kind = qpdf_.get(entries, "/Subtype");
    if (qpdf_oh_is_name(qpdf_, kind) == QPDF_FALSE ||
        std::string_view(qpdf_oh_get_name(qpdf_, kind)) != "/Form") {
      continue;
    }
    const auto cleaned = without_invisible_text(data_of(form));
    if (!cleaned) continue;
    const qpdf_oh copy = qpdf_oh_new_stream(qpdf_);
    copy_entries(entries, qpdf_oh_get_dict(qpdf_, copy));
    replace_data(copy, *cleaned);
    if (!own) {
      const qpdf_oh own_resources = copy_of(resources);
      own = copy_of(shared);
      qpdf_oh_replace_key(qpdf_, own_resources, "/XObject", *own);
      qpdf_oh_replace_key(qpdf_, page, "/Resources", own_resources);
    }
    qpdf_oh_replace_key(qpdf_, *own, name.c_str(), copy);
  }
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
  const auto child = [&](qpdf_oh of, const char* key) {
    return qpdf_.is_dictionary(of) ? qpdf_.get(of, key) : qpdf_oh_new_null(qpdf_);
  };
  const auto has_items = [&](qpdf_oh array) {
    return qpdf_.is_array(array) && qpdf_oh_get_array_n_items(qpdf_, array) > 0;
  };
  const qpdf_oh files = child(child(root, "/Names"), "/EmbeddedFiles");
  return qpdf_.is_dictionary(child(child(root, "/Outlines"), "/First")) ||
         has_items(child(child(root, "/AcroForm"), "/Fields")) ||
         has_items(child(files, "/Names")) || has_items(child(files, "/Kids"));
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
  // qpdf corrects the number, but only if there is one.
  qpdf_oh_replace_key(qpdf_, qpdf_get_trailer(qpdf_), "/Size", qpdf_oh_new_integer(qpdf_, 1));
  qpdf_init_write(qpdf_, path.c_str());
  throw_on_error();
  // Copy streams with filters as they are. With qpdf_s_preserve qpdf 12 would drop the encryption.
  qpdf_set_decode_level(qpdf_, qpdf_dl_none);
  errno = 0;
  qpdf_write(qpdf_);
  const int error = errno;
  throw_on_error();
  if (QpdfFile().open_unrepaired(path, password_) == qpdf_.page_count()) return;
  throw Error(ErrorCode::kFailed, tr("{}: cannot be written: {}", "{}: не записывается: {}",
                                     path.string(), reason_to_fail(error)));
}

/// Copies the entries of a dictionary; the objects that they refer to are shared.
void PdfEditor::copy_entries(qpdf_oh from, qpdf_oh to) {
  qpdf_oh_begin_dict_key_iter(qpdf_, from);
  while (qpdf_oh_dict_more_keys(qpdf_) != QPDF_FALSE) {
    const char* key = qpdf_oh_dict_next_key(qpdf_);
    qpdf_oh_replace_key(qpdf_, to, key, qpdf_.get(from, key));
  }
}

qpdf_oh PdfEditor::copy_of(qpdf_oh dictionary) {
  const qpdf_oh copy = qpdf_oh_new_dictionary(qpdf_);
  copy_entries(dictionary, copy);
  return copy;
}

/// The content of a page or of a stream; empty if it cannot be decoded.
std::string PdfEditor::data_of(qpdf_oh page_or_stream) {
  unsigned char* bytes = nullptr;
  std::size_t size = 0;
  QPDF_BOOL decoded = QPDF_TRUE;
  const QPDF_ERROR_CODE error =
      qpdf_.is_stream(page_or_stream)
          ? qpdf_oh_get_stream_data(qpdf_, page_or_stream, qpdf_dl_generalized, &decoded, &bytes,
                                    &size)
          : qpdf_oh_get_page_content_data(qpdf_, page_or_stream, &bytes, &size);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(bytes, &std::free);
  if ((error & QPDF_ERRORS) != 0) qpdf_get_error(qpdf_);
  if ((error & QPDF_ERRORS) != 0 || bytes == nullptr || decoded == QPDF_FALSE) return {};
  return {reinterpret_cast<const char*>(bytes), size};
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

/// The page's resources, its own or inherited ones. Pages share them, and all may have the font.
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

/// Puts oko's font into the resources of a page and returns its name there.
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
